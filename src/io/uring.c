/* SPDX-License-Identifier: MIT */
/*
 * The backend on io_uring: a ring a worker, made and used on its thread only.
 *
 * Operations are queued and submitted together, at the next look or sleep. Two descriptors are polled by the ring, one
 * shot at a time: wake_fd, armed before each sleep, and the table's epoll, armed while somebody waits for a descriptor.
 * Looking costs no system call unless something was queued or the kernel says that it has completions to deliver.
 */
#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "io/io.h"
#include "io/probe.h"
#include "stack/announce.h"

enum { SQ_ENTRIES = 128, CQ_ENTRIES = 1024 };

/* user_data that is no operation */
enum { TAG_NONE, TAG_WAKE, TAG_FDS, TAG_COUNT };

struct ring {
    struct io_uring uring;
    bool armed[TAG_COUNT]; /* the ring polls the descriptor of that tag */
};

/* The best set-up that the kernel takes. */
static int make_ring(struct io_uring *uring)
{
    static const unsigned setups[] = {
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN,
        0,
    };
    enum { COUNT = sizeof setups / sizeof setups[0] };
    int rc = -EINVAL;
    /* A ring that defers its work does not wake whoever polls it, as is done under ThreadSanitizer. */
    for (size_t i = DREY__KNOWN_CALLS_ONLY ? COUNT - 1 : 0; i < COUNT && rc == -EINVAL; i++) {
        struct io_uring_params params = {.flags = setups[i] | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
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
    io->own = r;
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

static bool poll_for(struct ring *r, uint64_t tag, int fd)
{
    if (r->armed[tag])
        return true;
    struct io_uring_sqe *sqe = next_entry(r);
    if (sqe == NULL)
        return false;
    io_uring_prep_poll_add(sqe, fd, POLLIN);
    io_uring_sqe_set_data64(sqe, tag);
    r->armed[tag] = true;
    return true;
}

static void complete(struct drey__io *io, const struct io_uring_cqe *cqe)
{
    struct ring *r = io->own;
    switch (cqe->user_data) {
    case TAG_NONE:
        break;
    case TAG_WAKE:
        r->armed[TAG_WAKE] = false;
        drey__io_woken(io);
        break;
    case TAG_FDS:
        r->armed[TAG_FDS] = false;
        drey__fds_collect(&io->fds, 0);
        break;
    default:
        drey__io_complete(io, io_uring_cqe_get_data(cqe), cqe->res);
    }
}

/* Peeking enters the kernel only if the ring's flags say that completions wait there. */
static void reap(struct drey__io *io)
{
    enum { BATCH = 64 };
    struct ring *r = io->own;
    struct io_uring_cqe *cqes[BATCH];
    unsigned n;
    do {
        n = io_uring_peek_batch_cqe(&r->uring, cqes, BATCH);
        for (unsigned i = 0; i < n; i++)
            complete(io, cqes[i]);
        io_uring_cq_advance(&r->uring, n);
    } while (n == BATCH);
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

static void wait_ring(struct drey__io *io, int64_t until)
{
    struct ring *r = io->own;
    bool polled =
        atomic_load_explicit(&io->fds.waiting, memory_order_relaxed) == 0 || poll_for(r, TAG_FDS, io->fds.epoll);
    if (until != 0 && polled && poll_for(r, TAG_WAKE, io->wake_fd))
        sleep_in_ring(r, until);
    else if (io_uring_sq_ready(&r->uring) > 0)
        io_uring_submit(&r->uring);
    reap(io);
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
    struct io_uring_sqe *sqe = next_entry(io->own);
    if (sqe == NULL)
        return -EAGAIN;
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
    io_uring_sqe_set_data64(sqe, TAG_NONE);
}

const struct drey__io_backend drey__io_uring = {
    .name = "uring",
    .probe = drey__uring_probe,
    .open = open_ring,
    .close = close_ring,
    .wait = wait_ring,
    .submit = submit,
    .cancel = cancel,
};
