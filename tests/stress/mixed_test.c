/* SPDX-License-Identifier: MIT */
/*
 * Everything at once: a tree of tasks that draw their next action by chance, in scopes that are cancelled by chance.
 * What must hold in the end whatever happened:
 *
 *   every message sent was received once, or is still in a channel (R5)
 *   every permit is back, and never were more tasks inside than permits (R5, R7)
 *   what a lock guards was never seen half changed (R10)
 *   every task that was promised ran once, and has ended (R1, R3)
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>

#include "../sanitized.h"
#include "base/random.h"

enum { SEEDS = SLOW ? 500 : 10000, ROUNDS = SLOW ? 50 : 400 };
enum { ACTORS = 6, STEPS = 8, DEPTH = 2, PERMITS = 3, MOST_US = 200 };

static struct {
    drey_chan *buffered, *rendezvous;
    drey_sem sem;
    drey_mutex mutex;
    drey_rwlock rwlock;
    drey_notify notify;
    int64_t a, b, c, d; /* a == b under the mutex, c == d under the rwlock */
    _Atomic int64_t sent, received;
    _Atomic int inside, promised, begun, ended, broken;
    _Atomic uint64_t next_seed;
} shared;

struct actor {
    uint64_t rng;
    int depth;
};

static DREY_ASYNC int act(struct actor *me, int steps);

static drey_duration some_time(struct actor *me)
{
    return DREY_US(1 + drey__random_below(&me->rng, MOST_US));
}

static struct actor child_of(struct actor *me)
{
    return (struct actor){.rng = drey__random(&me->rng), .depth = me->depth + 1};
}

static DREY_ASYNC int run_actor(void *arg)
{
    struct actor me = *(struct actor *)arg;
    shared.begun++;
    int rc = act(&me, STEPS / 2);
    shared.ended++;
    return rc == -ECANCELED && me.rng % 2 != 0 ? 0 : rc;
}

static DREY_ASYNC int start_actor(struct actor *me, drey_scope *scope)
{
    struct actor child = child_of(me);
    int rc = drey_go_copy(scope, run_actor, &child, sizeof child);
    shared.promised += rc == 0;
    return rc == -EDEADLK ? 0 : rc;
}

static DREY_ASYNC int send(struct actor *me)
{
    int64_t message = 1 + drey__random_below(&me->rng, 1000);
    int rc = drey_chan_send(me->rng % 3 != 0 ? shared.buffered : shared.rendezvous, &message);
    shared.sent += rc == 0 ? message : 0;
    return rc;
}

static DREY_ASYNC int receive(struct actor *me)
{
    int64_t message = 0;
    int rc = drey_chan_recv(me->rng % 3 != 0 ? shared.buffered : shared.rendezvous, &message);
    shared.received += rc == 0 ? message : 0;
    return rc;
}

static DREY_ASYNC int choose(struct actor *me)
{
    int64_t out = 7, in[2] = {0, 0};
    drey_case cases[] = {drey_on_send(shared.rendezvous, &out), drey_on_recv(shared.buffered, &in[0]),
                         drey_on_recv(shared.rendezvous, &in[1]), drey_on_acquire(&shared.sem, 1),
                         drey_on_notify(&shared.notify), drey_on_after(some_time(me))};
    int which = drey_select(cases, 6);
    if (which == 0)
        shared.sent += out;
    else if (which == 1 || which == 2)
        shared.received += in[which - 1];
    else if (which == 3)
        drey_sem_release(&shared.sem, 1);
    return which < 0 ? which : 0;
}

static DREY_ASYNC int use_permit(struct actor *me)
{
    int rc = drey_sem_acquire(&shared.sem, 1);
    if (rc < 0)
        return rc;
    shared.broken += ++shared.inside > PERMITS;
    rc = drey_sleep(some_time(me));
    shared.inside--;
    drey_sem_release(&shared.sem, 1);
    return rc;
}

static DREY_ASYNC int use_locks(struct actor *me)
{
    {
        DREY_LOCKED(&shared.mutex);
        shared.broken += shared.a != shared.b;
        shared.a++;
        shared.b++;
        DREY_READING(&shared.rwlock);
        shared.broken += shared.c != shared.d;
    }
    if (me->rng % 4 == 0) {
        DREY_WRITING(&shared.rwlock);
        shared.c++;
        shared.d++;
    }
    return 0;
}

static DREY_ASYNC int nest(struct actor *me)
{
    drey_token *token;
    int rc = drey_token_new(NULL, &token);
    if (rc < 0)
        return rc;
    unsigned kind = drey__random_below(&me->rng, 6);
    DREY_SCOPE(scope, .limit = kind == 0 ? 2 : 0, .timeout = kind == 1 ? some_time(me) : 0, .token = token,
               .keep_going = kind == 2, .spread = kind == 3);
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = start_actor(me, &scope);
    if (kind == 4 && rc == 0)
        rc = drey_sleep(some_time(me));
    if (kind == 4)
        drey_token_cancel(token, "by chance");
    if (kind == 5)
        drey_scope_cancel(&scope, 0, "by chance");
    rc = drey_scope_close(&scope, rc);
    drey_token_unref(token);
    return rc == -ETIMEDOUT || (kind == 4 && rc == -ECANCELED) ? 0 : rc;
}

static DREY_ASYNC int spawn_and_join(struct actor *me)
{
    struct actor child = child_of(me);
    drey_task *tasks[3] = {NULL};
    int result, rc = 0, n = 0;
    DREY_SCOPE(scope, .keep_going = true);
    for (; n < 3 && rc == 0; n++) {
        rc = drey_spawn(&scope, run_actor, &child, &tasks[n]);
        shared.promised += rc == 0;
    }
    if (rc == 0 && child.rng % 3 == 0)
        drey_task_cancel(tasks[1], "by chance");
    if (rc == 0 && child.rng % 2 == 0) {
        drey_case cases[] = {drey_on_join(tasks[0], &result), drey_on_join(tasks[1], &result),
                             drey_on_after(some_time(me))};
        rc = drey_select(cases, 3);
        rc = rc < 0 ? rc : 0;
    } else if (rc == 0) {
        rc = drey_join(tasks[2], &result);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int run_racer(void *arg)
{
    shared.promised++; /* one that another beat to it may never start */
    return run_actor(arg);
}

static DREY_ASYNC int race(struct actor *me)
{
    struct actor children[2] = {child_of(me), child_of(me)};
    drey_call calls[2] = {{run_racer, &children[0]}, {run_racer, &children[1]}};
    int results[2], rc = drey_race(calls, 2, results);
    return rc < 0 ? rc : 0;
}

struct sleeper {
    int64_t message;
    int left;
};

static DREY_ASYNC int step(void *arg, int event)
{
    struct sleeper *s = arg;
    drey_case again[] = {drey_on_recv(shared.buffered, &s->message), drey_on_after(DREY_US(50))};
    shared.received += event == 0 ? s->message : 0;
    if (event >= 0 && --s->left > 0) {
        int rc = drey_again_when(again, 2);
        if (rc >= 0)
            return rc;
    }
    shared.ended++;
    free(s);
    return 0;
}

static DREY_ASYNC int sleep_dormant(struct actor *me)
{
    struct sleeper *s = calloc(1, sizeof *s);
    if (s == NULL)
        return -ENOMEM;
    s->left = 1 + (int)drey__random_below(&me->rng, 4);
    drey_case cases[] = {drey_on_recv(shared.buffered, &s->message), drey_on_after(some_time(me))};
    DREY_SCOPE(scope, .timeout = some_time(me));
    int rc = drey_go_when(&scope, step, s, cases, 2);
    shared.promised += rc == 0;
    shared.begun += rc == 0;
    if (rc < 0)
        free(s);
    rc = drey_scope_close(&scope, rc);
    return rc == -ETIMEDOUT ? 0 : rc;
}

static DREY_ASYNC int wait_a_little(struct actor *me, DREY_ASYNC int (*fn)(struct actor *))
{
    DREY_SCOPE(scope, .timeout = some_time(me));
    int rc = drey_scope_close(&scope, fn(me));
    return rc == -ETIMEDOUT ? 0 : rc;
}

static DREY_ASYNC int act_once(struct actor *me)
{
    switch (drey__random_below(&me->rng, me->depth < DEPTH ? 12 : 8)) {
    case 0:
        return drey_yield();
    case 1:
        return drey_sleep(some_time(me));
    case 2:
        return wait_a_little(me, send);
    case 3:
        return wait_a_little(me, receive);
    case 4:
        return choose(me);
    case 5:
        return wait_a_little(me, use_permit);
    case 6:
        drey_notify_one(&shared.notify);
        return sleep_dormant(me);
    case 7:
        return use_locks(me);
    case 8:
    case 9:
        return nest(me);
    case 10:
        return spawn_and_join(me);
    default:
        return race(me);
    }
}

static DREY_ASYNC int act(struct actor *me, int steps)
{
    int rc = 0;
    for (int i = 0; i < steps && rc == 0; i++)
        rc = act_once(me);
    return rc;
}

static DREY_ASYNC int set_up(void)
{
    shared.a = shared.b = shared.c = shared.d = 0;
    shared.sent = shared.received = 0;
    shared.inside = shared.promised = shared.begun = shared.ended = shared.broken = 0;
    shared.mutex = (drey_mutex){{0}};
    shared.rwlock = (drey_rwlock){{0}};
    shared.notify = (drey_notify){{0}};
    drey_sem_init(&shared.sem, PERMITS, PERMITS);
    drey_chan_options options = {.message_bytes = sizeof(int64_t), .capacity = 4};
    DREY_CHECK_EQ(drey_chan_new(options, &shared.buffered), 0);
    options.capacity = 0;
    return drey_chan_new(options, &shared.rendezvous);
}

static DREY_ASYNC int check(void)
{
    int64_t message;
    while (drey_chan_try_recv(shared.buffered, &message) == 0)
        shared.received += message;
    DREY_CHECK_EQ(shared.sent, shared.received);
    DREY_CHECK_EQ(shared.broken, 0);
    DREY_CHECK_EQ(shared.a, shared.b);
    DREY_CHECK_EQ(shared.c, shared.d);
    DREY_CHECK_EQ(drey_sem_try_acquire(&shared.sem, PERMITS), 0);
    DREY_CHECK_EQ(shared.begun, shared.promised);
    DREY_CHECK_EQ(shared.ended, shared.promised);
    drey_chan_unref(shared.buffered);
    drey_chan_unref(shared.rendezvous);
    drey_sem_deinit(&shared.sem);
    drey_mutex_deinit(&shared.mutex);
    drey_rwlock_deinit(&shared.rwlock);
    drey_notify_deinit(&shared.notify);
    return 0;
}

static DREY_ASYNC int round_of(uint64_t seed)
{
    struct actor me = {.rng = seed};
    DREY_CHECK_EQ(set_up(), 0);
    DREY_SCOPE(scope, .timeout = DREY_MS(5), .keep_going = true, .spread = seed % 2 != 0);
    int rc = 0;
    for (int i = 0; i < ACTORS && rc == 0; i++)
        rc = start_actor(&me, &scope);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK(rc == 0 || rc == -ETIMEDOUT);
    return check();
}

DREY_TEST(one_worker_under_many_seeds, .workers = 1, .schedules = SEEDS, .timeout_seconds = 300)
{
    return round_of(++shared.next_seed);
}

static DREY_ASYNC int rounds(void)
{
    for (uint64_t i = 1; i <= ROUNDS; i++)
        DREY_CHECK_EQ(round_of(i), 0);
    return 0;
}

DREY_TEST(two_workers, .workers = 2, .timeout_seconds = 300)
{
    return rounds();
}

DREY_TEST(four_workers, .workers = 4, .timeout_seconds = 300)
{
    return rounds();
}

DREY_TEST(four_workers_in_real_time, .workers = 4, .real_clock = true, .timeout_seconds = 300)
{
    return rounds();
}

DREY_TEST_MAIN()
