/* SPDX-License-Identifier: MIT */
/* Everything that a task can wait for, behind one set of functions, for the contract in wait_test.c. */
#pragma once

#include <drey.h>
#include <drey/test.h>
#include <errno.h>

struct world {
    drey_time start;
    drey_scope *helpers;      /* for what must run beside the test */
    drey_scope limited;       /* limit 1, taken */
    drey_gate gate, done;     /* done: ends the task that is joined, or that takes the limit */
    drey_task *task;
    drey_token *token;
    drey_notify notify;
    drey_sem sem;
    drey_chan *empty, *full;
    drey_broadcast *broadcast;
    drey_subscription subscription;
    drey_watch *watch;
    drey_mutex mutex;
    drey_cond cond;
};

/* Each function gets the world; wait is what is tested. */
struct primitive {
    DREY_ASYNC int (*wait)(struct world *w);
    void (*wake)(struct world *w);           /* lets one waiter go on; does not suspend */
    bool (*is_left)(struct world *w);        /* what was woken with nobody has taken: take it */
    void (*close)(struct world *w);          /* NULL: it has no end but its own life's */
    void (*deinit)(struct world *w);         /* aborts while somebody waits; NULL: nothing to end */
    bool for_one;                            /* only one task at a time may wait */
    bool consumed;                           /* what one waiter got is not left for another */
};

static DREY_ASYNC int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static DREY_ASYNC int wait_until_done(void *arg)
{
    int result;
    return drey_gate_wait(arg, &result);
}

static void open_done(struct world *w)
{
    drey_gate_open(&w->done, 0);
}

static DREY_ASYNC int join_wait(struct world *w)
{
    return drey_join(w->task, NULL);
}

static bool join_is_left(struct world *w)
{
    return drey_yield() == 0 && drey_sleep(DREY_MS(1)) == 0 && drey_join(w->task, NULL) == 0;
}

static DREY_ASYNC int limit_wait(struct world *w)
{
    return drey_go(&w->limited, nothing, NULL);
}

static bool limit_is_left(struct world *w)
{
    return drey_sleep(DREY_MS(1)) == 0 && drey_try_go(&w->limited, nothing, NULL) == 0;
}

static DREY_ASYNC int token_wait(struct world *w)
{
    return drey_token_wait(w->token);
}

static void token_wake(struct world *w)
{
    drey_token_cancel(w->token, "test");
}

static bool token_is_left(struct world *w)
{
    return drey_token_wait(w->token) == 0;
}

static DREY_ASYNC int select_wait(struct world *w)
{
    int message;
    drey_case cases[] = {drey_on_never(), drey_on_recv(w->empty, &message), drey_on_after(DREY_SEC(3600))};
    int rc = drey_select(cases, 3);
    return rc == 1 ? cases[1].result : rc < 0 ? rc : -EPROTO;
}

static void recv_wake(struct world *w)
{
    if (drey_chan_try_send(w->empty, &(int){1}) < 0)
        abort();
}

static bool recv_is_left(struct world *w)
{
    int message;
    return drey_chan_try_recv(w->empty, &message) == 0;
}

static void recv_close(struct world *w)
{
    drey_chan_close(w->empty);
}

static DREY_ASYNC int recv_wait(struct world *w)
{
    int message;
    return drey_chan_recv(w->empty, &message);
}

static DREY_ASYNC int send_wait(struct world *w)
{
    return drey_chan_send(w->full, &(int){2});
}

static void send_wake(struct world *w)
{
    int message;
    if (drey_chan_try_recv(w->full, &message) < 0)
        abort();
}

static bool send_is_left(struct world *w)
{
    return drey_chan_try_send(w->full, &(int){3}) == 0;
}

static void send_close(struct world *w)
{
    drey_chan_close(w->full);
}

static DREY_ASYNC int gate_wait(struct world *w)
{
    int result;
    return drey_gate_wait(&w->gate, &result);
}

static void gate_wake(struct world *w)
{
    drey_gate_open(&w->gate, 0);
}

static bool gate_is_left(struct world *w)
{
    int result;
    return drey_gate_wait(&w->gate, &result) == 0;
}

static void gate_deinit(struct world *w)
{
    drey_gate_deinit(&w->gate);
}

static DREY_ASYNC int notify_wait(struct world *w)
{
    return drey_notify_wait(&w->notify);
}

static void notify_wake(struct world *w)
{
    drey_notify_one(&w->notify);
}

static bool notify_is_left(struct world *w)
{
    drey_case stored = drey_on_notify(&w->notify);
    return drey_try_select(&stored, 1) == 0;
}

static void notify_deinit(struct world *w)
{
    drey_notify_deinit(&w->notify);
}

static DREY_ASYNC int sem_wait_one(struct world *w)
{
    return drey_sem_acquire(&w->sem, 1);
}

static void sem_wake(struct world *w)
{
    drey_sem_release(&w->sem, 1);
}

static bool sem_is_left(struct world *w)
{
    return drey_sem_try_acquire(&w->sem, 1) == 0;
}

static void sem_shut(struct world *w)
{
    drey_sem_close(&w->sem);
}

static void sem_deinit(struct world *w)
{
    drey_sem_deinit(&w->sem);
}

static DREY_ASYNC int broadcast_wait(struct world *w)
{
    int message;
    uint64_t missed;
    return drey_broadcast_recv(&w->subscription, &message, &missed);
}

static void broadcast_wake(struct world *w)
{
    if (drey_broadcast_send(w->broadcast, &(int){4}) < 0)
        abort();
}

static bool broadcast_is_left(struct world *w)
{
    int message;
    drey_case sent = drey_on_broadcast(&w->subscription, &message);
    return drey_try_select(&sent, 1) == 0;
}

static void broadcast_end(struct world *w)
{
    drey_broadcast_close(w->broadcast);
}

static void broadcast_deinit(struct world *w)
{
    drey_subscription_close(&w->subscription);
}

static DREY_ASYNC int watch_wait(struct world *w)
{
    int value;
    uint64_t version = drey_watch_get(w->watch, &value);
    return drey_watch_wait(w->watch, &version, &value);
}

static void watch_wake(struct world *w)
{
    drey_watch_set(w->watch, &(int){5});
}

static bool watch_is_left(struct world *w)
{
    int value = 0;
    drey_watch_get(w->watch, &value);
    return value == 5;
}

static void watch_end(struct world *w)
{
    drey_watch_close(w->watch);
}

static DREY_ASYNC int cond_wait(struct world *w)
{
    int rc = drey_mutex_lock(&w->mutex);
    if (rc < 0)
        return rc;
    rc = drey_cond_wait(&w->cond, &w->mutex);
    drey_mutex_unlock(&w->mutex);
    return rc;
}

static void cond_wake(struct world *w)
{
    drey_cond_one(&w->cond);
}

static bool always(struct world *w)
{
    (void)w;
    return true;
}

static void cond_deinit(struct world *w)
{
    drey_cond_deinit(&w->cond);
}
