/* SPDX-License-Identifier: MIT */
#include "io/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <drey/run.h>

#include "base/alloc.h"
#include "io/number.h"
#if DREY_HAVE_URING
#include "io/features.h"
#endif
#include "wait/wait.h"

#if DREY_HAVE_URING
static const struct drey__io_backend *const uring = &drey__io_uring;
#else
static const struct drey__io_backend *const uring = NULL;
static int drey__uring_choose(void)
{
    return 0;
}
#endif

/* Written by drey__io_choose while no worker runs. */
static const struct drey__io_backend *chosen = &drey__io_epoll;
static bool forced;

/* What DREY_IO asks for, or -EINVAL. */
static int from_environment(void)
{
    const char *word = getenv("DREY_IO");
    if (word == NULL || word[0] == '\0' || strcmp(word, "auto") == 0)
        return DREY_IO_AUTO;
    if (strcmp(word, "uring") == 0)
        return DREY_IO_URING;
    if (strcmp(word, "epoll") == 0)
        return DREY_IO_EPOLL;
    drey__report("DREY_IO is \"%.40s\": set it to uring, epoll or auto", word);
    return -EINVAL;
}

int drey__io_choose(int config_io)
{
    if (config_io < DREY_IO_AUTO || config_io > DREY_IO_EPOLL) {
        drey__report("drey_config.io is %d: set it to one of DREY_IO_AUTO, DREY_IO_URING, DREY_IO_EPOLL", config_io);
        return -EINVAL;
    }
    int wanted = config_io != DREY_IO_AUTO ? config_io : from_environment();
    if (wanted < 0)
        return wanted;
    int rc = drey__uring_choose();
    if (rc < 0)
        return rc;
    int refused = wanted == DREY_IO_EPOLL ? 0 : uring == NULL ? -ENOSYS : uring->probe();
    forced = wanted == DREY_IO_URING;
    if (forced && refused < 0) {
        drey__report("io_uring was asked for, but %s (%s): use epoll or auto",
                     uring == NULL ? "this build has none" : "this system refuses it", strerror(-refused));
        return -ENOSYS;
    }
    drey__numbers_clear();
    chosen = wanted == DREY_IO_EPOLL || refused < 0 ? &drey__io_epoll : uring;
    return 0;
}

const char *drey__io_name(void)
{
    return chosen->name;
}

uint64_t drey__io_inflight(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < drey__rt.count; i++) {
        struct drey__io *io = __atomic_load_n(&drey__rt.workers[i]->io, __ATOMIC_ACQUIRE);
        sum += io != NULL ? atomic_load_explicit(&io->inflight, memory_order_relaxed) : 0;
    }
    return sum;
}

static int open_backend(struct drey__io *io)
{
    io->backend = chosen;
    int rc = io->backend->open(io);
    if (rc < 0 && !forced && chosen != &drey__io_epoll) { /* memory for rings is limited on older kernels */
        io->backend = &drey__io_epoll;
        rc = io->backend->open(io);
    }
    return rc;
}

static int open_all(struct drey__io *io, unsigned worker)
{
    io->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (io->wake_fd < 0)
        return -errno;
    int rc = drey__fds_open(&io->fds, worker, io->wake_fd);
    if (rc == 0) {
        rc = open_backend(io);
        if (rc == 0)
            return 0;
        drey__fds_close(&io->fds);
    }
    close(io->wake_fd);
    return rc;
}

int drey__io_open(struct drey__worker *w)
{
    struct drey__io *io = drey__alloc_zero(sizeof *io);
    int rc = io != NULL ? open_all(io, w->index) : -ENOMEM;
    if (rc == 0)
        __atomic_store_n(&w->io, io, __ATOMIC_RELEASE); /* observers look for it */
    else
        drey__free(io);
    return rc;
}

void drey__io_close(struct drey__worker *w)
{
    struct drey__io *io = w->io;
    w->io = NULL;
    io->backend->close(io);
    drey__fds_close(&io->fds);
    close(io->wake_fd);
    drey__free(io);
}

void drey__io_wait(struct drey__worker *w, int64_t until)
{
    drey__io_hurry(w);
    w->io->backend->wait(w->io, until);
}

void drey__io_wake(struct drey__worker *w)
{
    uint64_t one = 1;
    ssize_t ignored = write(w->io->wake_fd, &one, sizeof one); /* fails at 2^64 - 1 wakes */
    (void)ignored;
}

void drey__io_complete(struct drey__io *io, struct drey__io_op *op, int32_t result)
{
    uint32_t inflight = atomic_load_explicit(&io->inflight, memory_order_relaxed);
    atomic_store_explicit(&io->inflight, inflight - 1, memory_order_relaxed);
    op->result = result;
    op->done = true;
    if (drey__claim_task(op->task, 0))
        drey__wake(op->task);
}

int drey__io_run(struct drey_task *self, struct drey__io_op *op, bool uncut)
{
    struct drey__io *io = self->worker->io;
    op->task = self;
    op->done = false;
    if (io->backend->submit(io, op) < 0)
        return -ENOSYS;
    uint32_t inflight = atomic_load_explicit(&io->inflight, memory_order_relaxed);
    atomic_store_explicit(&io->inflight, inflight + 1, memory_order_relaxed);
    drey__outside_begin();
    drey__arm(self, uncut ? DREY__UNCUT : 0);
    bool cut = !drey__park(self, "a file operation", op);
    if (cut && !op->done) {
        io->backend->cancel(io, op);
        drey__arm(self, DREY__UNCUT);
        drey__park(self, "a file operation that was cancelled", op);
    }
    drey__outside_end();
    if (cut && op->result == -EINTR)
        op->result = -ECANCELED;
    return 0;
}
