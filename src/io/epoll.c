/* SPDX-License-Identifier: MIT */
/* The backend for systems without io_uring: readiness only. Every operation is refused, so pools do them. */
#include <errno.h>

#include "io/io.h"

static int probe(void)
{
    return 0;
}

static int open_epoll(struct drey__io *io)
{
    (void)io; /* the table of descriptors has its epoll anyway */
    return 0;
}

static void close_epoll(struct drey__io *io)
{
    (void)io;
}

static void wait_epoll(struct drey__io *io, int64_t until)
{
    if (until != 0 || atomic_load_explicit(&io->fds.waiting, memory_order_relaxed) > 0)
        drey__fds_collect(&io->fds, until);
}

static int submit(struct drey__io *io, struct drey__io_op *op)
{
    (void)io, (void)op;
    return -ENOSYS;
}

static void cancel(struct drey__io *io, const struct drey__io_op *op)
{
    (void)io, (void)op;
}

const struct drey__io_backend drey__io_epoll = {
    .name = "epoll",
    .probe = probe,
    .open = open_epoll,
    .close = close_epoll,
    .wait = wait_epoll,
    .submit = submit,
    .cancel = cancel,
};
