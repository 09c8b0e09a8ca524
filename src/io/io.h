/* SPDX-License-Identifier: MIT */
/*
 * The one seam to the kernel for what may take long: a backend a worker, io_uring or epoll, behind one table.
 *
 * An operation is a struct in the frame of the task that waits for it. The backend either completes it some time
 * during a `wait`, on the worker's own thread, or refuses it at once with -ENOSYS: then a pool does it (fs/op.c).
 * Readiness of descriptors is asked of an epoll instance a worker in both backends: under io_uring the ring polls it.
 *
 * Rejected: a ring for all workers (io_uring's single issuer mode is the fast one); polling descriptors by the ring
 * (a withdrawal would have to wait for the kernel's answer, where epoll's is immediate).
 */
#pragma once

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "io/calls.h"
#include "io/fds.h"
#include "sched/hooks.h"

struct drey_task;

enum drey__io_code {
    DREY__IO_OPEN,
    DREY__IO_READ,
    DREY__IO_WRITE,
    DREY__IO_SYNC,
    DREY__IO_SYNC_DATA,
    DREY__IO_CLOSE,
    DREY__IO_RENAME,
    DREY__IO_UNLINK,
};

struct drey__io_op {
    enum drey__io_code code;
    int fd;                 /* READ, WRITE, SYNC, CLOSE */
    int flags;              /* OPEN: as open(2); UNLINK: 0 or AT_REMOVEDIR */
    mode_t mode;            /* OPEN */
    const char *path;       /* OPEN, RENAME, UNLINK */
    const char *new_path;   /* RENAME */
    void *data;             /* READ, WRITE */
    uint32_t bytes;         /* READ, WRITE */
    off_t offset;           /* READ, WRITE: -1 is the file's position */
    int32_t result;         /* valid once done: what the system call returned, negative errno on failure */
    bool done;              /* written by the worker's own thread */
    struct drey_task *task; /* written by drey__io_run */
};

struct drey__io {
    const struct drey__io_backend *backend;
    struct drey__fds fds;
    struct drey__io_calls calls;
    int wake_fd;               /* an eventfd; any thread writes it */
    _Atomic uint32_t inflight; /* operations; written by the worker only, read by observers: relaxed */
    void *own;                 /* the backend's */
};

struct drey__io_backend {
    const char *name;
    int (*probe)(void); /* 0, or the negative errno of the system's refusal */
    int (*open)(struct drey__io *io);
    void (*close)(struct drey__io *io);
    void (*wait)(struct drey__io *io, int64_t until);                  /* as drey__io_wait */
    int (*submit)(struct drey__io *io, struct drey__io_op *op);        /* negative: it was refused */
    void (*cancel)(struct drey__io *io, const struct drey__io_op *op); /* ask the kernel to end it early */
    /* For io/calls.h, or NULL. Prepare one call: false if it cannot be had here. Make all that are prepared: each has
     * its result afterwards. */
    bool (*prepare)(struct drey__io *io, struct drey__io_call *call);
    void (*make)(struct drey__io *io);
};

extern const struct drey__io_backend drey__io_epoll, drey__io_uring;

/* Choose the backend, by drey_config.io and DREY_IO. Before the workers open. 0, -EINVAL or -ENOSYS, said aloud. */
int drey__io_choose(int config_io);
const char *drey__io_name(void);
uint64_t drey__io_inflight(void); /* of all workers; any thread */

/*
 * Let the kernel do the operation while the task waits. 0: op->result is valid. -ENOSYS: nothing was done.
 * On cancellation the kernel is asked to end it early, and what it answers is waited for (R5). `uncut`: not even that.
 */
int drey__io_run(struct drey_task *self, struct drey__io_op *op, bool uncut);

/* For backends: the operation has ended. */
void drey__io_complete(struct drey__io *io, struct drey__io_op *op, int32_t result);
