/* SPDX-License-Identifier: MIT */
/*
 * Sending files. The system call waits for the disk if the file is not in memory, and would hold up the worker: so each
 * piece is asked for first, and what is missing is read by a thread of the pool. What is thrown out of memory between
 * the two is read while the worker waits; that is accepted.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "net/make.h"
#include "net/net.h"
#include "offload/offload.h"
#include "stack/announce.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

enum { PIECE = 256 << 10, PAGE = 4096 };

struct piece {
    int file;
    off_t offset;
    size_t bytes;
};

/* As the kernel has them; its headers may be older. */
struct cache_range {
    uint64_t offset, bytes;
};
struct cache_state {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

static bool has_byte(int file, off_t offset)
{
    char byte;
    struct iovec part = {&byte, 1};
    return preadv2(file, &part, 1, offset, RWF_NOWAIT) >= 0;
}

/* Whether the piece is in memory; where the kernel does not count for us (before 6.5), by its ends. */
static bool is_cached(const struct piece *p)
{
    struct cache_range range = {(uint64_t)p->offset, p->bytes};
    struct cache_state state;
    uint64_t first = (uint64_t)p->offset / PAGE, last = ((uint64_t)p->offset + p->bytes - 1) / PAGE;
    if (!DREY__KNOWN_CALLS_ONLY && syscall(SYS_cachestat, p->file, &range, &state, 0) == 0)
        return state.cached > last - first;
    return has_byte(p->file, p->offset) && has_byte(p->file, p->offset + (off_t)p->bytes - 1);
}

/* On a thread of the pool. */
static int bring_in(void *arg)
{
    const struct piece *p = arg;
    char *scratch = malloc(p->bytes);
    ssize_t n = scratch == NULL ? -ENOMEM : pread(p->file, scratch, p->bytes, p->offset);
    int rc = n == -ENOMEM ? -ENOMEM : n < 0 ? -errno : 0;
    free(scratch);
    return rc;
}

static ssize_t send_piece(int fd, void *arg)
{
    const struct piece *p = arg;
    off_t offset = p->offset;
    ssize_t n = sendfile(fd, p->file, &offset, p->bytes);
    return n < 0 ? -errno : n;
}

static ssize_t move(int fd, uint64_t word, struct piece *p, const void *place)
{
    struct drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    if (rc == 0 && !is_cached(p)) {
        rc = drey__offload_run(self, bring_in, p, false);
        if (rc == 0)
            rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    }
    if (rc == 0 && !drey__net_is_same(fd, word))
        rc = -EBADF;
    ssize_t n = rc < 0 ? rc : drey__net_do(self, fd, POLLOUT, send_piece, p, place);
    if (n > 0)
        drey__net_spend(n);
    return n == 0 ? -ENODATA : n;
}

int drey_sendfile(int fd, int file, off_t offset, size_t bytes, size_t *out_done)
{
    size_t done = 0;
    uint64_t word = drey__net_unblock(fd);
    ssize_t n = offset < 0 ? -EINVAL : 0;
    while (n >= 0 && done < bytes) {
        size_t left = bytes - done;
        struct piece p = {file, offset + (off_t)done, left < PIECE ? left : PIECE};
        n = move(fd, word, &p, DREY__CALLER);
        if (n > 0)
            done += (size_t)n;
    }
    if (out_done != NULL)
        *out_done = done;
    return n < 0 ? (int)n : 0;
}
