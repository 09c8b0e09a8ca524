/* SPDX-License-Identifier: MIT */
/*
 * The backend on io_uring: a ring a worker, made and used on its thread only.
 *
 * Operations are queued and submitted together, at the next look or sleep. The table's epoll, which also watches
 * wake_fd, is polled by the ring, one shot at a time, before each sleep there. Looking costs no system call unless
 * something was queued, the kernel says that it has completions to deliver, or somebody waits for a descriptor.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "io/features.h"
#include "io/io.h"
#include "io/probe.h"
#include "stack/announce.h"

enum { SQ_ENTRIES = 128, CQ_ENTRIES = 1024 };

/* What user_data is, in its low bits: the address of an operation (or nothing), of a call, or no address. */
enum { TAG_OP, TAG_TABLE, TAG_CALL, TAG_MASK = 7 };

struct ring {
    struct io_uring uring;
    uint32_t features; /* features.h: bits of what is used */
    bool polls;        /* it polls the table's epoll */
    bool events;       /* which had something to say */
    unsigned calls;    /* that are not made yet */
};

/* The best set-up that the kernel takes. */
static int make_ring(struct io_uring *uring)
{
    enum { RUNS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG, ANY = DREY__URING_FEATURES };
    static const struct {
        unsigned flags, feature;
    } setups[] = {
        {RUNS | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN, DREY__URING_DEFER},
        {RUNS | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN, DREY__URING_COOP},
        {RUNS | IORING_SETUP_COOP_TASKRUN, DREY__URING_COOP},
        {0, ANY},
    };
    enum { COUNT = sizeof setups / sizeof setups[0] };
    int rc = -EINVAL;
    /* A ring that defers its work does not wake whoever polls it, as is done under ThreadSanitizer. */
    for (size_t i = DREY__KNOWN_CALLS_ONLY ? COUNT - 1 : 0; i < COUNT && rc == -EINVAL; i++) {
        if (!drey__uring_allows(setups[i].feature))
            continue;
        struct io_uring_params params = {.flags = setups[i].flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
                                         .cq_entries = CQ_ENTRIES};
        rc = io_uring_queue_init_params(SQ_ENTRIES, uring, &params);
    }
    return rc;
}

static int open_ring(struct drey__io *io)
{
    struct ring *r = drey__alloc_zero(sizeof *r);
    if (r == NULL)
        return -ENOMEM;
    int rc = make_ring(&r->uring);
    if (rc < 0) {
        drey__free(r);
        return rc;
    }
    r->features = drey__uring_features(&r->uring);
    io->own = r;
    io->calls.gathers = (r->features >> DREY__URING_CALLS & 1) != 0;
    return 0;
}

static void close_ring(struct drey__io *io)
{
    struct ring *r = io->own;
    io_uring_queue_exit(&r->uring);
    drey__free(r);
}

/* NULL only while the kernel takes no more submissions. */
static struct io_uring_sqe *next_entry(struct ring *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
    if (sqe == NULL && io_uring_submit(&r->uring) > 0)
        sqe = io_uring_get_sqe(&r->uring);
    return sqe;
}

static bool poll_table(struct ring *r, int epoll)
{
    struct io_uring_sqe *sqe = r->polls ? NULL : next_entry(r);
    if (sqe != NULL) {
        io_uring_prep_poll_add(sqe, epoll, POLLIN);
        io_uring_sqe_set_data64(sqe, TAG_TABLE);
        r->polls = true;
    }
    return r->polls;
}

static void complete(struct drey__io *io, const struct io_uring_cqe *cqe)
{
    struct ring *r = io->own;
    void *what = (void *)(uintptr_t)(cqe->user_data & ~(uint64_t)TAG_MASK);
    switch (cqe->user_data & TAG_MASK) {
    case TAG_TABLE:
        r->polls = false;
        r->events = true;
        break;
    case TAG_CALL:
        ((struct drey__io_call *)what)->result = cqe->res;
        r->calls--;
        break;
    default:
        if (what != NULL)
            drey__io_complete(io, what, cqe->res);
    }
}

/* How many completions there were. Peeking enters the kernel only if the ring's flags say that some wait there. */
static unsigned reap(struct drey__io *io)
{
    enum { BATCH = 16 }; /* on the stack of whoever makes calls */
    struct ring *r = io->own;
    struct io_uring_cqe *cqes[BATCH];
    unsigned n, sum = 0;
    do {
        n = io_uring_peek_batch_cqe(&r->uring, cqes, BATCH);
        for (unsigned i = 0; i < n; i++)
            complete(io, cqes[i]);
        io_uring_cq_advance(&r->uring, n);
        sum += n;
    } while (n == BATCH);
    return sum;
}

/* As reap, and the table's events. */
static unsigned take(struct drey__io *io)
{
    struct ring *r = io->own;
    unsigned n = reap(io);
    if (r->events) {
        r->events = false;
        drey__fds_collect(&io->fds, 0);
    }
    return n;
}

static void sleep_in_ring(struct ring *r, int64_t until)
{
    struct __kernel_timespec limit = {0};
    struct io_uring_cqe *cqe;
    if (until != INT64_MAX) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = until - ((int64_t)now.tv_sec * DREY__NS_PER_SEC + now.tv_nsec);
        left = left < 0 ? 0 : left;
        limit = (struct __kernel_timespec){.tv_sec = left / DREY__NS_PER_SEC, .tv_nsec = left % DREY__NS_PER_SEC};
    }
    /* Whatever it returns (time is up, a signal, completions), the caller reaps. */
    if (DREY__KNOWN_CALLS_ONLY) {
        io_uring_submit(&r->uring);
        struct pollfd ring = {.fd = r->uring.ring_fd, .events = POLLIN};
        ppoll(&ring, 1, until == INT64_MAX ? NULL : &(struct timespec){limit.tv_sec, limit.tv_nsec}, NULL);
        limit = (struct __kernel_timespec){0};
        until = 0;
    }
    io_uring_submit_and_wait_timeout(&r->uring, &cqe, 1, until == INT64_MAX ? NULL : &limit, NULL);
}

/* Where the worker sleeps: in the ring while operations are in flight, which then polls the table's epoll; else in that
 * epoll itself, since going through the ring would cost two more system calls each time. */
static void wait_ring(struct drey__io *io, int64_t until)
{
    struct ring *r = io->own;
    bool in_flight = atomic_load_explicit(&io->inflight, memory_order_relaxed) > 0 || io_uring_sq_ready(&r->uring) > 0;
    if (in_flight && take(io) > 0)
        until = 0;
    if (until != 0 && in_flight && poll_table(r, io->fds.epoll)) {
        sleep_in_ring(r, until);
        take(io);
        return;
    }
    if (io_uring_sq_ready(&r->uring) > 0)
        io_uring_submit(&r->uring);
    if (in_flight)
        until = 0; /* the ring takes no more submissions, not even that poll: it must be looked at again */
    if (until != 0 || atomic_load_explicit(&io->fds.waiting, memory_order_relaxed) > 0)
        drey__fds_collect(&io->fds, until);
}

static void prepare(struct io_uring_sqe *sqe, const struct drey__io_op *op)
{
    switch (op->code) {
    case DREY__IO_OPEN:
        io_uring_prep_openat(sqe, AT_FDCWD, op->path, op->flags, op->mode);
        break;
    case DREY__IO_READ:
        io_uring_prep_read(sqe, op->fd, op->data, op->bytes, (uint64_t)op->offset);
        break;
    case DREY__IO_WRITE:
        io_uring_prep_write(sqe, op->fd, op->data, op->bytes, (uint64_t)op->offset);
        break;
    case DREY__IO_SYNC:
        io_uring_prep_fsync(sqe, op->fd, 0);
        break;
    case DREY__IO_SYNC_DATA:
        io_uring_prep_fsync(sqe, op->fd, IORING_FSYNC_DATASYNC);
        break;
    case DREY__IO_CLOSE:
        io_uring_prep_close(sqe, op->fd);
        break;
    case DREY__IO_RENAME:
        io_uring_prep_rename(sqe, op->path, op->new_path);
        break;
    case DREY__IO_UNLINK:
        io_uring_prep_unlink(sqe, op->path, op->flags);
        break;
    }
}

static int submit(struct drey__io *io, struct drey__io_op *op)
{
    struct ring *r = io->own;
    struct io_uring_sqe *sqe = (r->features >> op->code & 1) != 0 ? next_entry(r) : NULL;
    if (sqe == NULL)
        return -ENOSYS;
    prepare(sqe, op);
    io_uring_sqe_set_data(sqe, op);
    return 0;
}

static void cancel(struct drey__io *io, const struct drey__io_op *op)
{
    struct io_uring_sqe *sqe = next_entry(io->own);
    if (sqe == NULL)
        return; /* it ends by itself, later */
    io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)op, 0);
    io_uring_sqe_set_data64(sqe, 0);
}

static bool prepare_call(struct drey__io *io, struct drey__io_call *call)
{
    struct ring *r = io->own;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);
    if (sqe == NULL)
        return false;
    if (call->parts != NULL)
        io_uring_prep_sendmsg(sqe, call->fd, call->parts, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (call->sends)
        io_uring_prep_send(sqe, call->fd, call->data, call->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    else
        io_uring_prep_recv(sqe, call->fd, call->data, call->bytes, MSG_DONTWAIT);
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)call | TAG_CALL);
    r->calls++;
    return true;
}

/* Since they do not wait, they have ended when they are submitted. A kernel that is short of memory, or has completions
 * that were not fetched, takes some only: what it leaves is offered again. */
static void make_calls(struct drey__io *io)
{
    struct ring *r = io->own;
    while (r->calls > 0) {
        io_uring_submit(&r->uring);
        reap(io);
    }
}

const struct drey__io_backend drey__io_uring = {
    .name = "uring",
    .probe = drey__uring_probe,
    .open = open_ring,
    .close = close_ring,
    .wait = wait_ring,
    .submit = submit,
    .cancel = cancel,
    .prepare = prepare_call,
    .make = make_calls,
};
