/* SPDX-License-Identifier: MIT */
/**
 * Waiting for the first of several things.
 *
 * When to use: a message or a stop signal, a job or a tick. For a time limit alone, give the scope a timeout.
 * Order: own cancellation wins; among ready cases a uniform choice by the runtime's seed, so none starves another.
 * Exactly one case takes effect: no message is taken and no permit consumed by the others.
 * Memory: nothing is allocated; the cases are yours. Threads: task only.
 * An object that is NULL makes a case that never happens, which switches the case off.
 *
 *     job next;
 *     drey_case cases[] = {drey_on_recv(queue, &next), drey_on_token(stop), drey_on_after(DREY_SEC(5))};
 *     int which = drey_select(cases, 3);
 *     if (which == 0 && cases[0].result == 0)
 *         rc = work(&next);
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** drey_case.kind */
enum {
    DREY_ON_NEVER = 0,
    DREY_ON_READY,
    DREY_ON_AFTER,
    DREY_ON_AT,
    DREY_ON_TOKEN,
    DREY_ON_FD,
    DREY_ON_JOIN,
    DREY_ON_SEND,
    DREY_ON_RECV,
    DREY_ON_ACQUIRE,
    DREY_ON_NOTIFY,
    DREY_ON_GATE,
    DREY_ON_BROADCAST,
    DREY_ON_WATCH,
    DREY_ON_SIGNAL,
};

/** One thing to wait for. Made by the drey_on_ functions; read only `result`. */
struct drey_case {
    int kind;     /* DREY_ON_... */
    int result;   /* valid for the chosen case: what the plain call would have returned */
    void *object; /* borrowed until the select returns */
    void *out;    /* where a result goes, or the message to send; borrowed likewise */
    int64_t a;    /* duration, time, descriptor or count */
    int64_t b;    /* events, or the address of the version */
};

/**
 * Wait until one of the cases happens.
 *
 * @param cases  borrowed until the call returns; cases[index].result is set, the others are untouched
 * @return index of the case that happened.
 *         -ECANCELED  the scope was cancelled; none happened
 *         -EINVAL     n is 0, or a case is none of the kinds
 *         -E2BIG      n is above 64
 *
 * Suspends: when none is ready.
 * Cancel:   no case takes effect.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_select(drey_case *cases, size_t n);

/**
 * As drey_select without waiting; not refused by cancellation. Descriptors are asked by poll with no timeout.
 *
 * @return index of the case that happened.
 *         -EAGAIN  none is ready
 *         -EINVAL  n is 0
 *         -EPERM   outside a task
 */
DREY_API DREY_MUST_USE
int drey_try_select(drey_case *cases, size_t n);

static inline drey_case drey__case(int kind, void *out, int64_t a, int64_t b)
{
    drey_case made = {kind, 0, NULL, out, a, b};
    return made;
}

static inline drey_case drey__case_of(int kind, void *object, void *out, int64_t a, int64_t b)
{
    drey_case made = {object != NULL ? kind : (int)DREY_ON_NEVER, 0, object, out, a, b};
    return made;
}

/** Never happens. */
static inline drey_case drey_on_never(void)
{
    return drey__case(DREY_ON_NEVER, NULL, 0, 0);
}

/** Happens at once, result 0: the default branch. */
static inline drey_case drey_on_ready(void)
{
    return drey__case(DREY_ON_READY, NULL, 0, 0);
}

/** Happens when the duration has passed since the call of select, result 0. */
static inline drey_case drey_on_after(drey_duration duration)
{
    return drey__case(DREY_ON_AFTER, NULL, duration, 0);
}

/** Happens at a point in time, result 0. */
static inline drey_case drey_on_at(drey_time when)
{
    return drey__case(DREY_ON_AT, NULL, when, 0);
}

/** Happens when the token has fired, result 0. */
static inline drey_case drey_on_token(drey_token *token)
{
    return drey__case_of(DREY_ON_TOKEN, token, NULL, 0, 0);
}

/** Happens when the descriptor is ready for one of the events (POLLIN, ...); result: its revents, or -EBADF. */
static inline drey_case drey_on_fd(int fd, unsigned events)
{
    return drey__case(DREY_ON_FD, NULL, fd, events);
}

/** drey_join: result 0; the handle is consumed only if this case is chosen. */
static inline drey_case drey_on_join(drey_task *task, int *out_result)
{
    return drey__case_of(DREY_ON_JOIN, task, out_result, 0, 0);
}

/** drey_chan_send: result 0 or -EPIPE. */
static inline drey_case drey_on_send(drey_chan *chan, const void *message)
{
    return drey__case_of(DREY_ON_SEND, chan, (void *)(uintptr_t)message, 0, 0);
}

/** drey_chan_recv: result 0 or -EPIPE. */
static inline drey_case drey_on_recv(drey_chan *chan, void *out_message)
{
    return drey__case_of(DREY_ON_RECV, chan, out_message, 0, 0);
}

/** drey_sem_acquire: result 0 or -EPIPE. */
static inline drey_case drey_on_acquire(drey_sem *sem, uint32_t count)
{
    return drey__case_of(DREY_ON_ACQUIRE, sem, NULL, count, 0);
}

/** drey_notify_wait: result 0. */
static inline drey_case drey_on_notify(drey_notify *notify)
{
    return drey__case_of(DREY_ON_NOTIFY, notify, NULL, 0, 0);
}

/** drey_gate_wait: result is the one that the gate was opened with. */
static inline drey_case drey_on_gate(drey_gate *gate)
{
    return drey__case_of(DREY_ON_GATE, gate, NULL, 0, 0);
}

/** drey_broadcast_recv: result as there; the count of missed messages is not reported. */
static inline drey_case drey_on_broadcast(drey_subscription *subscription, void *out_message)
{
    return drey__case_of(DREY_ON_BROADCAST, subscription, out_message, 0, 0);
}

/** drey_watch_wait: result 0 or -EPIPE. */
static inline drey_case drey_on_watch(drey_watch *watch, uint64_t *version, void *out_value)
{
    return drey__case_of(DREY_ON_WATCH, watch, out_value, 0, (int64_t)(intptr_t)version);
}

#ifdef __cplusplus
}
#endif
