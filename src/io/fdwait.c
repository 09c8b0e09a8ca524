/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/io.h"
#include "wait/case.h"

enum { CHUNK = 256, EVENTS = 64, ALWAYS = EPOLLERR | EPOLLHUP };

struct drey__fd_entry {
    struct drey__queue waiters; /* data: the table; amount: the events wanted */
    uint32_t generation;        /* F3 */
    bool known;                 /* the kernel had a registration when we last looked */
};

void drey__fds_init(struct drey__fds *fds)
{
    memset(fds, 0, sizeof *fds);
    fds->epoll = -1;
    fds->refused_fd = -1;
}

void drey__fds_deinit(struct drey__fds *fds)
{
    for (uint32_t i = 0; i < fds->chunk_count; i++)
        drey__free(fds->chunks[i]);
    drey__free(fds->chunks);
    if (fds->epoll >= 0)
        close(fds->epoll);
}

int drey__fds_open_epoll(struct drey__fds *fds)
{
    if (fds->epoll < 0)
        fds->epoll = epoll_create1(EPOLL_CLOEXEC);
    return fds->epoll < 0 ? -errno : 0;
}

static struct drey__fd_entry *entry_of(struct drey__fds *fds, int fd)
{
    uint32_t chunk = (uint32_t)fd / CHUNK;
    return chunk < fds->chunk_count && fds->chunks[chunk] != NULL ? &fds->chunks[chunk][(uint32_t)fd % CHUNK] : NULL;
}

static struct drey__fd_entry *entry_make(struct drey__fds *fds, int fd)
{
    uint32_t chunk = (uint32_t)fd / CHUNK;
    if (chunk >= fds->chunk_count) {
        struct drey__fd_entry **more = drey__realloc(fds->chunks, (chunk + 1) * sizeof(struct drey__fd_entry *));
        if (more == NULL)
            return NULL;
        fds->chunks = more;
        while (fds->chunk_count <= chunk)
            fds->chunks[fds->chunk_count++] = NULL;
    }
    if (fds->chunks[chunk] == NULL)
        fds->chunks[chunk] = drey__alloc_zero(CHUNK * sizeof(struct drey__fd_entry));
    return entry_of(fds, fd);
}

/* Ask for one event of what the entry's waiters want. Under the lock. */
static int arm(struct drey__fds *fds, int fd, struct drey__fd_entry *e)
{
    struct epoll_event event = {.events = EPOLLONESHOT};
    for (struct drey__waiter *w = e->waiters.first; w != NULL; w = w->next)
        event.events |= w->amount;
    event.data.u64 = (uint64_t)++e->generation << 32 | (uint32_t)fd;
    for (int tries = 0; tries < 2; tries++) {
        if (epoll_ctl(fds->epoll, e->known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) {
            e->known = true;
            return 0;
        }
        if (errno != (e->known ? ENOENT : EEXIST))
            break;
        e->known = !e->known; /* F2 */
    }
    return -errno;
}

static void leave(struct drey__fds *fds, struct drey__fd_entry *e, struct drey__waiter *w)
{
    drey__queue_remove(&e->waiters, w);
    uint32_t waiting = atomic_load_explicit(&fds->waiting, memory_order_relaxed);
    atomic_store_explicit(&fds->waiting, waiting - 1, memory_order_relaxed);
}

static int join(struct drey__fds *fds, int fd, uint32_t events, struct drey__waiter *w)
{
    int rc = drey__fds_open_epoll(fds);
    struct drey__fd_entry *e = rc == 0 ? entry_make(fds, fd) : NULL;
    if (e == NULL)
        return rc < 0 ? rc : -ENOMEM;
    w->data = fds;
    w->amount = events;
    drey__queue_push(&e->waiters, w);
    uint32_t waiting = atomic_load_explicit(&fds->waiting, memory_order_relaxed);
    atomic_store_explicit(&fds->waiting, waiting + 1, memory_order_relaxed);
    rc = arm(fds, fd, e);
    if (rc < 0)
        leave(fds, e, w);
    return rc;
}

/* Take the waiters that these events are for out of the entry, claimed and linked by next. Under the lock. */
static struct drey__waiter *claim_ready(struct drey__fds *fds, struct drey__fd_entry *e, uint32_t events)
{
    struct drey__waiter *claimed = NULL, **tail = &claimed, *next;
    for (struct drey__waiter *w = e->waiters.first; w != NULL; w = next) {
        next = w->next;
        uint32_t hit = events & (w->amount | ALWAYS);
        if (hit == 0)
            continue;
        leave(fds, e, w);
        if (!drey__claim(w))
            continue;
        w->result = (int32_t)hit;
        w->next = NULL;
        *tail = w;
        tail = &w->next;
    }
    return claimed;
}

static void fail_all(struct drey__fds *fds, struct drey__fd_entry *e, int error)
{
    struct drey__waiter *w;
    while ((w = e->waiters.first) != NULL) {
        leave(fds, e, w);
        if (drey__claim(w)) {
            w->result = error;
            drey__wake(w->task);
        }
    }
}

static void dispatch(struct drey__fds *fds, const struct epoll_event *event)
{
    int fd = (int)(uint32_t)event->data.u64;
    struct drey__waiter *claimed = NULL, *next;
    drey__spin_lock(&fds->lock);
    struct drey__fd_entry *e = entry_of(fds, fd);
    if (e != NULL && e->generation == event->data.u64 >> 32) { /* F3 */
        claimed = claim_ready(fds, e, event->events);
        int rc = e->waiters.first != NULL ? arm(fds, fd, e) : 0; /* F1 */
        if (rc < 0)
            fail_all(fds, e, rc);
    }
    drey__spin_unlock(&fds->lock);
    for (; claimed != NULL; claimed = next) {
        next = claimed->next;
        drey__wake(claimed->task);
    }
}

/* Nanoseconds where the kernel knows them (5.11), else milliseconds, rounded up. */
static int wait_events(int epoll, struct epoll_event *events, int64_t until)
{
    static _Atomic bool coarse; /* set once; relaxed: at worst the call is tried again */
    struct timespec limit = {0};
    if (until != 0 && until != INT64_MAX) {
        clock_gettime(CLOCK_MONOTONIC, &limit);
        int64_t left = until - ((int64_t)limit.tv_sec * DREY__NS_PER_SEC + limit.tv_nsec);
        left = left < 0 ? 0 : left;
        limit = (struct timespec){.tv_sec = left / DREY__NS_PER_SEC, .tv_nsec = left % DREY__NS_PER_SEC};
    }
    if (!atomic_load_explicit(&coarse, memory_order_relaxed)) {
        int n = epoll_pwait2(epoll, events, EVENTS, until == INT64_MAX ? NULL : &limit, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
        atomic_store_explicit(&coarse, true, memory_order_relaxed);
    }
    int64_t ms = (int64_t)limit.tv_sec * 1000 + (limit.tv_nsec + 999999) / 1000000;
    ms = ms < INT32_MAX ? ms : INT32_MAX;
    return epoll_wait(epoll, events, EVENTS, until == INT64_MAX ? -1 : (int)ms);
}

bool drey__fds_collect(struct drey__fds *fds, int64_t until)
{
    struct epoll_event events[EVENTS];
    bool marked = false;
    int n;
    do {
        n = wait_events(fds->epoll, events, until);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == DREY__FDS_MARK)
                marked = true;
            else
                dispatch(fds, &events[i]);
        }
        until = 0;
    } while (n == EVENTS);
    return marked;
}

static bool attempt(drey_case *c)
{
    struct drey__fds *fds = &drey__self->io->fds;
    struct pollfd ask = {.fd = (int)c->a, .events = (short)c->b};
    if (ask.fd < 0) {
        c->result = -EBADF;
        return true;
    }
    if (unlikely(fds->refused_fd == ask.fd)) {
        fds->refused_fd = -1;
        c->result = fds->refused == -EPERM ? (int)c->b : fds->refused; /* what epoll refuses is always ready */
        return true;
    }
    int n;
    while ((n = poll(&ask, 1, 0)) < 0 && errno == EINTR) {
    }
    if (n == 0)
        return false;
    c->result = n < 0 ? -errno : (ask.revents & POLLNVAL) != 0 ? -EBADF : ask.revents;
    return true;
}

static bool enlist(drey_case *c, struct drey__waiter *w)
{
    struct drey__fds *fds = &drey__self->io->fds;
    drey__spin_lock(&fds->lock);
    int rc = join(fds, (int)c->a, (uint16_t)c->b, w);
    drey__spin_unlock(&fds->lock);
    if (rc == 0)
        return false;
    fds->refused_fd = (int)c->a;
    fds->refused = rc;
    return true;
}

static void withdraw(drey_case *c, struct drey__waiter *w)
{
    struct drey__fds *fds = w->data;
    if (fds == NULL)
        return; /* it never was enlisted */
    drey__spin_lock(&fds->lock);
    if (w->queued)
        leave(fds, entry_of(fds, (int)c->a), w);
    drey__spin_unlock(&fds->lock);
}

const struct drey__case_ops drey__case_fd = {
    .what = "a descriptor", .attempt = attempt, .enlist = enlist, .withdraw = withdraw};

int drey__fd_wait(struct drey_task *self, int fd, unsigned events)
{
    drey_case c = drey_on_fd(fd, events);
    struct drey__waiter waiter;
    while (!attempt(&c)) {
        drey__waiter_init(&waiter, self, NULL, 0);
        drey__arm(self, 0);
        if (enlist(&c, &waiter)) {
            atomic_store_explicit(&self->claim, DREY__IDLE, memory_order_relaxed);
            continue;
        }
        if (drey__park(self, "a descriptor", NULL))
            return waiter.result;
        withdraw(&c, &waiter);
        return -ECANCELED;
    }
    return c.result;
}
