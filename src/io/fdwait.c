/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/io.h"
#include "io/number.h"
#include "wait/wait.h"

enum {
    CHUNK = 256,
    ALWAYS = EPOLLERR | EPOLLHUP,
    READABLE = EPOLLIN | EPOLLRDHUP | EPOLLPRI, /* F6: urgent data is a mark at which reading stops */
    HANGS = EPOLLERR | EPOLLHUP | EPOLLRDHUP | EPOLLPRI,
    UNHEEDED = 8,
};

struct drey__fd_entry {
    struct drey__queue waiters; /* data: the table; amount: the events wanted */
    uint32_t arming;            /* F3 */
    uint32_t generation;        /* of the number, which everything here is about; written under lock */
    uint16_t mask;              /* F4: events that the registration asks for */
    uint8_t unheeded;           /* F7 */
    bool known;                 /* the kernel had a registration when we last looked; written under lock */
    bool lasting;               /* F4 instead of F1 */
    bool drained, hung;         /* F6; of the worker's thread only */
};

/* Event data that names no descriptor: wake_fd. It need not be read, since each write is an edge. */
#define WOKEN UINT64_MAX

int drey__fds_open(struct drey__fds *fds, unsigned worker, int wake_fd)
{
    memset(fds, 0, sizeof *fds);
    fds->refused_fd = -1;
    fds->bit = drey__number_bit(worker);
    fds->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = WOKEN};
    fds->dead = open("/", O_PATH | O_CLOEXEC);
    if (fds->epoll >= 0 && epoll_ctl(fds->epoll, EPOLL_CTL_ADD, wake_fd, &event) == 0)
        return 0;
    int rc = -errno;
    if (fds->epoll >= 0)
        close(fds->epoll);
    if (fds->dead >= 0)
        close(fds->dead);
    return rc;
}

void drey__fds_close(struct drey__fds *fds)
{
    for (uint32_t i = 0; i < fds->chunk_count; i++)
        drey__free(fds->chunks[i]);
    drey__free(fds->chunks);
    close(fds->epoll);
    if (fds->dead >= 0)
        close(fds->dead);
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

static int arm(struct drey__fds *fds, int fd, struct drey__fd_entry *e, uint32_t events)
{
    struct epoll_event event = {.events = events};
    event.data.u64 = (uint64_t)++e->arming << 32 | (uint32_t)fd;
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

/* Ask for one event of what the entry's waiters want. Under the lock. */
static int arm_once(struct drey__fds *fds, int fd, struct drey__fd_entry *e)
{
    uint32_t events = EPOLLONESHOT;
    for (struct drey__waiter *w = e->waiters.first; w != NULL; w = w->next)
        events |= w->amount;
    return arm(fds, fd, e, events);
}

/* F4. Writing is seldom waited for, and its edges would come with each answer that is read: asked for when needed. */
static int arm_lasting(struct drey__fds *fds, int fd, struct drey__fd_entry *e, uint32_t events)
{
    uint16_t mask = (uint16_t)(e->mask | READABLE | events);
    e->unheeded = 0;
    if (e->known && mask == e->mask)
        return 0;
    int rc = arm(fds, fd, e, EPOLLET | mask);
    e->mask = rc == 0 ? mask : e->mask;
    return rc;
}

static void leave(struct drey__fds *fds, struct drey__fd_entry *e, struct drey__waiter *w)
{
    drey__queue_remove(&e->waiters, w);
    uint32_t waiting = atomic_load_explicit(&fds->waiting, memory_order_relaxed);
    atomic_store_explicit(&fds->waiting, waiting - 1, memory_order_relaxed);
}

void drey__fds_leave(struct drey__fds *fds, int fd, struct drey__waiter *w)
{
    leave(fds, entry_of(fds, fd), w);
}

/* The entry is about the file that the number names now. */
static void renew(struct drey__fd_entry *e, uint64_t word)
{
    bool lasting = (word & DREY__OWNED) != 0;
    if (e->generation == drey__number_generation(word) && e->lasting == lasting)
        return;
    e->generation = drey__number_generation(word);
    e->lasting = lasting;
    e->known = e->drained = e->hung = false;
    e->mask = 0;
}

int drey__fds_join(struct drey__fds *fds, int fd, const uint32_t *generation, uint32_t events, struct drey__waiter *w)
{
    struct drey__fd_entry *e = entry_make(fds, fd);
    uint64_t word = e != NULL ? drey__number_join(fd, fds->bit) : 0;
    if (word == 0)
        return -ENOMEM;
    if (generation != NULL && *generation != drey__number_generation(word))
        return -EBADF;
    renew(e, word);
    w->data = fds;
    w->amount = events;
    drey__queue_push(&e->waiters, w);
    uint32_t waiting = atomic_load_explicit(&fds->waiting, memory_order_relaxed);
    atomic_store_explicit(&fds->waiting, waiting + 1, memory_order_relaxed);
    int rc = e->lasting ? arm_lasting(fds, fd, e, events) : arm_once(fds, fd, e);
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

/* After an event for an entry: what F1, F6 and F7 ask for. Under the lock. */
static void follow_up(struct drey__fds *fds, int fd, struct drey__fd_entry *e, uint32_t events, bool heeded)
{
    if (!e->lasting) {
        int rc = e->waiters.first != NULL ? arm_once(fds, fd, e) : 0;
        if (rc < 0)
            fail_all(fds, e, rc);
        return;
    }
    if ((events & (EPOLLIN | HANGS)) != 0)
        e->drained = false;
    e->hung = e->hung || (events & HANGS) != 0;
    e->unheeded = heeded ? 0 : (uint8_t)(e->unheeded + 1);
    if (e->unheeded >= UNHEEDED && e->waiters.first == NULL) {
        epoll_ctl(fds->epoll, EPOLL_CTL_DEL, fd, NULL);
        e->known = e->drained = false;
        e->mask = 0;
    }
}

static void dispatch(struct drey__fds *fds, const struct epoll_event *event)
{
    int fd = (int)(uint32_t)event->data.u64;
    struct drey__waiter *claimed = NULL, *next;
    drey__spin_lock(&fds->lock);
    struct drey__fd_entry *e = entry_of(fds, fd);
    if (e != NULL && e->arming == event->data.u64 >> 32) { /* F3 */
        claimed = claim_ready(fds, e, event->events);
        follow_up(fds, fd, e, event->events, claimed != NULL);
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
        int n = epoll_pwait2(epoll, events, DREY__FDS_EVENTS, until == INT64_MAX ? NULL : &limit, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
        atomic_store_explicit(&coarse, true, memory_order_relaxed);
    }
    int64_t ms = (int64_t)limit.tv_sec * 1000 + (limit.tv_nsec + 999999) / 1000000;
    ms = ms < INT32_MAX ? ms : INT32_MAX;
    return epoll_wait(epoll, events, DREY__FDS_EVENTS, until == INT64_MAX ? -1 : (int)ms);
}

/* With many connections the waiters, which lie on cold stacks, are what dispatching waits for: fetch them ahead. */
static void fetch_waiter(struct drey__fds *fds, const struct epoll_event *event)
{
    const struct drey__fd_entry *e = entry_of(fds, (int)(uint32_t)event->data.u64);
    if (e != NULL && e->waiters.first != NULL)
        __builtin_prefetch(e->waiters.first);
}

void drey__fds_collect(struct drey__fds *fds, int64_t until)
{
    struct epoll_event *events = fds->events;
    int n;
    do {
        n = wait_events(fds->epoll, events, until);
        for (int i = 1; i < n; i++)
            fetch_waiter(fds, &events[i]);
        for (int i = 0; i < n; i++)
            if (events[i].data.u64 != WOKEN)
                dispatch(fds, &events[i]);
        until = 0;
    } while (n == DREY__FDS_EVENTS);
}

bool drey__fd_is_drained(uint64_t word, int fd)
{
    const struct drey__fd_entry *e = entry_of(&drey__self->io->fds, fd);
    return e != NULL && e->drained && e->generation == drey__number_generation(word);
}

void drey__fd_set_drained(uint64_t word, int fd)
{
    struct drey__fd_entry *e = entry_of(&drey__self->io->fds, fd);
    if (e != NULL && e->generation == drey__number_generation(word) && e->lasting && e->known)
        e->drained = !e->hung;
}

/* Any worker's thread. */
static void end_in(struct drey__fds *fds, int fd, uint32_t generation, bool registered)
{
    drey__spin_lock(&fds->lock);
    struct drey__fd_entry *e = entry_of(fds, fd);
    if (e != NULL && e->generation == generation) {
        fail_all(fds, e, -EBADF);
        if (e->known && registered)
            epoll_ctl(fds->epoll, EPOLL_CTL_DEL, fd, NULL);
    }
    drey__spin_unlock(&fds->lock);
}

static void end_generation(int fd, uint8_t flags, bool registered)
{
    uint64_t word = drey__number_renew(fd, flags);
    for (unsigned i = 0; i < drey__rt.count && (word >> 8 & 0xFFFFFF) != 0; i++) {
        struct drey__io *io = __atomic_load_n(&drey__rt.workers[i]->io, __ATOMIC_ACQUIRE);
        if (io != NULL && (word & io->fds.bit) != 0) /* N2 */
            end_in(&io->fds, fd, drey__number_generation(word), registered);
    }
}

void drey__fd_own(int fd, uint8_t flags)
{
    if (drey__self != NULL)
        end_generation(fd, flags | DREY__OWNED, false); /* a registration there was is its former file's */
}

void drey__fd_end(int fd)
{
    if (drey__self != NULL && fd >= 0)
        end_generation(fd, 0, true);
}
