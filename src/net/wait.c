/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "fs/op.h"
#include "net/net.h"

int drey__net_wait(struct drey_task *self, int fd, uint64_t word, unsigned events, const void *place)
{
    int rc = drey__fd_wait_next(self, fd, drey__number_generation(word), events, place);
    if (rc >= 0)
        rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc < 0)
        return rc;
    return drey__net_is_same(fd, word) ? 0 : -EBADF;
}

ssize_t drey__net_do(struct drey_task *self, int fd, unsigned events, drey__net_call *call, void *arg,
                     const void *place)
{
    uint64_t word = drey__number_look(fd);
    for (;;) {
        ssize_t n = call(fd, arg);
        if (n != -EAGAIN)
            return n;
        if (events == POLLIN)
            drey__fd_set_drained(word, fd);
        int rc = drey__net_wait(self, fd, word, events, place);
        if (rc < 0)
            return rc;
    }
}

int drey_wait_fd(int fd, unsigned events)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    return rc < 0 ? rc : drey__fd_wait(self, fd, events, DREY__CALLER);
}

int drey_forget(int fd)
{
    if (drey__current() == NULL)
        return -EPERM;
    drey__fd_end(fd);
    return 0;
}

int drey_close(int fd)
{
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__UNCUT_POINT);
    return rc < 0 ? rc : drey__fs_close(self, fd);
}
