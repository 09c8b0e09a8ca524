/* SPDX-License-Identifier: MIT */
/* Closing, and what becomes of those who wait for the descriptor (io/number.h, N4). */
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/op.h"
#include "io/number.h"
#include "offload/offload.h"

enum way {
    AT_ONCE,    /* the system does not wait for anything */
    WAITS,      /* for data to be sent, or for a device */
    NO_WAITERS, /* a file: it may wait for a disk or a server, and nobody waits for it */
};

static enum way way_of(int fd, bool is_socket)
{
    struct linger linger = {0};
    socklen_t bytes = sizeof linger;
    struct stat st;
    if (!is_socket) {
        if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode))
            return NO_WAITERS;
        if (!S_ISSOCK(st.st_mode))
            return S_ISFIFO(st.st_mode) ? AT_ONCE : WAITS;
    }
    getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &bytes);
    return linger.l_onoff != 0 && linger.l_linger != 0 ? WAITS : AT_ONCE;
}

struct killing {
    int dead, fd;
};

static int kill_fd(void *arg)
{
    const struct killing *k = arg;
    if (k->dead >= 0)
        dup3(k->dead, k->fd, O_CLOEXEC);
    return 0;
}

int drey__fs_close(struct drey_task *self, int fd)
{
    if (fd < 0)
        return -EBADF;
    enum way way = way_of(fd, (drey__number_look(fd) & DREY__SOCKET) != 0);
    drey__fd_end(fd);
    if (way == NO_WAITERS) {
        struct drey__io_op op = {.code = DREY__IO_CLOSE, .fd = fd};
        return drey__fs_run(self, &op, true);
    }
    if (way == WAITS || drey__multi) {
        struct killing k = {self->worker->io->fds.dead, fd};
        if (way == AT_ONCE || drey__offload_run(self, kill_fd, &k, true) < 0)
            kill_fd(&k); /* also if no thread is to be had: what must happen happens here */
        drey__fd_end(fd);
    }
    return close(fd) < 0 ? -errno : 0;
}
