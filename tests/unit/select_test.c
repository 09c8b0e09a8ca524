/* SPDX-License-Identifier: MIT */
/* R6: select. The cases of one object each are tested beside that object; here is what holds for all of them. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { DRAWS = 3000, PAIRS = 20, MESSAGES = 50 };

DREY_TEST(r6_uniform_among_ready_cases)
{
    int chosen[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        drey_case cases[] = {drey_on_ready(), drey_on_never(), drey_on_ready(), drey_on_ready()};
        int which = drey_select(cases, 4);
        DREY_CHECK(which == 0 || which == 2 || which == 3);
        DREY_CHECK_EQ(cases[which].result, 0);
        chosen[which == 0 ? 0 : which - 1]++;
    }
    for (int i = 0; i < 3; i++)
        DREY_CHECK(chosen[i] > DRAWS / 3 - DRAWS / 15 && chosen[i] < DRAWS / 3 + DRAWS / 15);
    return 0;
}

static DREY_ASYNC int draw_sequence(void *arg)
{
    uint64_t bits = 0;
    for (int i = 0; i < 64; i++) {
        drey_case cases[] = {drey_on_ready(), drey_on_ready()};
        bits = bits << 1 | (uint64_t)drey_select(cases, 2);
    }
    *(uint64_t *)arg = bits;
    return 0;
}

DREY_TEST(r6_the_seed_decides, .no_runtime = true)
{
    uint64_t drawn[3];
    for (int i = 0; i < 3; i++) {
        drey_config config = {.workers = 1, .seed = i < 2 ? 5 : 6};
        DREY_CHECK_EQ(drey_run(&config, draw_sequence, &drawn[i]), 0);
    }
    DREY_CHECK(drawn[0] == drawn[1]);
    DREY_CHECK(drawn[0] != drawn[2]);
    return 0;
}

DREY_TEST(r6_a_null_object_never_happens)
{
    int out;
    uint64_t version = 0;
    drey_case cases[] = {
        drey_on_token(NULL),      drey_on_join(NULL, &out),
        drey_on_send(NULL, &out), drey_on_recv(NULL, &out),
        drey_on_acquire(NULL, 1), drey_on_notify(NULL),
        drey_on_gate(NULL),       drey_on_broadcast(NULL, &out),
        drey_on_never(),          drey_on_watch(NULL, &version, &out),
        drey_on_after(DREY_SEC(1)),
    };
    DREY_CHECK_EQ(drey_try_select(cases, 10), -EAGAIN);
    DREY_CHECK_EQ(drey_select(cases, 11), 10);
    return 0;
}

DREY_TEST(r6_limits_and_errors)
{
    drey_case many[100], broken = {.kind = 99};
    for (int i = 0; i < 100; i++)
        many[i] = drey_on_after(DREY_SEC(i + 1));
    DREY_CHECK_EQ(drey_select(many, 0), -EINVAL);
    DREY_CHECK_EQ(drey_try_select(many, 0), -EINVAL);
    DREY_CHECK_EQ(drey_select(&broken, 1), -EINVAL);
    DREY_CHECK(drey_select(many, 100) == -E2BIG);
    DREY_CHECK_EQ(drey_select(many, 64), 0);
    return 0;
}

DREY_TEST(r6_own_cancellation_wins)
{
    drey_case ready = drey_on_ready();
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    ready.result = 42;
    DREY_CHECK_EQ(drey_select(&ready, 1), -ECANCELED);
    DREY_CHECK_EQ(ready.result, 42);
    DREY_CHECK_EQ(drey_try_select(&ready, 1), 0);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r6_times)
{
    drey_time start = drey_now();
    drey_case cases[] = {drey_on_after(DREY_SEC(3)), drey_on_at(start + DREY_SEC(2)), drey_on_after(DREY_SEC(5))};
    DREY_CHECK_EQ(drey_select(cases, 3), 1);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(2));
    drey_case past[] = {drey_on_at(start), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(past, 2), 0);
    drey_case now[] = {drey_on_after(0), drey_on_never()};
    DREY_CHECK_EQ(drey_try_select(now, 2), 0);
    drey_case negative[] = {drey_on_after(-1), drey_on_never()};
    DREY_CHECK_EQ(drey_select(negative, 2), 0);
    return 0;
}

DREY_TEST(r6_descriptors)
{
    int ends[2];
    DREY_CHECK_EQ(pipe(ends), 0);
    drey_case cases[] = {drey_on_fd(ends[0], POLLIN), drey_on_fd(ends[1], POLLOUT)};
    DREY_CHECK_EQ(drey_try_select(cases, 1), -EAGAIN);
    DREY_CHECK_EQ(drey_select(cases, 2), 1);
    DREY_CHECK((cases[1].result & POLLOUT) != 0);
    DREY_CHECK_EQ(write(ends[1], "x", 1), 1);
    DREY_CHECK_EQ(drey_try_select(cases, 1), 0);
    DREY_CHECK((cases[0].result & POLLIN) != 0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

static DREY_ASYNC int give(void *arg)
{
    int rc = drey_sleep(DREY_SEC(1));
    return rc < 0 ? rc : (int)(intptr_t)arg;
}

/* A handle is consumed only if its case is chosen. */
DREY_TEST(r6_join)
{
    drey_task *quick, *slow;
    int result[2] = {0, 0};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)7, &quick), 0);
    drey_case wait[] = {drey_on_join(quick, &result[0]), drey_on_after(DREY_MS(1))};
    DREY_CHECK_EQ(drey_select(wait, 2), 1);
    DREY_CHECK_EQ(drey_spawn(&scope, give, (void *)8, &slow), 0);
    drey_case both[] = {drey_on_join(quick, &result[0]), drey_on_join(slow, &result[1])};
    DREY_CHECK_EQ(drey_select(both, 2), 0);
    DREY_CHECK_EQ(result[0], 7);
    DREY_CHECK_EQ(result[1], 0);
    DREY_CHECK_EQ(drey_join(slow, &result[1]), 0);
    DREY_CHECK_EQ(result[1], 8);
    return drey_scope_close(&scope, 0);
}

/* Exactly one case takes effect, whoever comes first and however many come at once. */
struct both {
    drey_chan *a, *b;
    drey_sem sem;
    _Atomic int received, permits;
};

static DREY_ASYNC int send_all(void *arg)
{
    struct both *x = arg;
    for (int i = 0; i < MESSAGES; i++) {
        drey_case cases[] = {drey_on_send(x->a, &i), drey_on_send(x->b, &i)};
        int rc = drey_select(cases, 2);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int receive_all(void *arg)
{
    struct both *x = arg;
    for (int i = 0; i < MESSAGES; i++) {
        int message;
        drey_case cases[] = {drey_on_recv(x->a, &message), drey_on_recv(x->b, &message), drey_on_acquire(&x->sem, 1)};
        int rc = drey_select(cases, 3);
        if (rc < 0)
            return rc;
        *(rc == 2 ? &x->permits : &x->received) += 1;
        i -= rc == 2;
    }
    return 0;
}

DREY_TEST(r6_selects_that_meet, .schedules = 30)
{
    struct both x = {.received = 0};
    drey_chan_options rendezvous = {.message_bytes = sizeof(int)};
    drey_sem_init(&x.sem, 0, 100);
    DREY_CHECK_EQ(drey_chan_new(rendezvous, &x.a), 0);
    DREY_CHECK_EQ(drey_chan_new(rendezvous, &x.b), 0);
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < PAIRS; i++) {
        DREY_CHECK_EQ(drey_go(&scope, send_all, &x), 0);
        DREY_CHECK_EQ(drey_go(&scope, receive_all, &x), 0);
    }
    for (int i = 0; i < 100; i++) {
        drey_sem_release(&x.sem, 1);
        DREY_CHECK_EQ(drey_yield(), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    int left = 0;
    while (drey_sem_try_acquire(&x.sem, 1) == 0)
        left++;
    DREY_CHECK_EQ(x.received, PAIRS * MESSAGES);
    DREY_CHECK_EQ(x.permits + left, 100);
    drey_chan_unref(x.a);
    drey_chan_unref(x.b);
    drey_sem_deinit(&x.sem);
    return 0;
}

/* One task sending and receiving on the same channel does not meet itself. */
DREY_TEST(r6_not_with_oneself)
{
    drey_chan *chan;
    int out = 1, in = 0;
    DREY_CHECK_EQ(drey_chan_new((drey_chan_options){.message_bytes = sizeof(int)}, &chan), 0);
    drey_case cases[] = {drey_on_send(chan, &out), drey_on_recv(chan, &in), drey_on_after(DREY_SEC(1))};
    DREY_CHECK_EQ(drey_select(cases, 3), 2);
    drey_chan_unref(chan);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    drey_case ready = drey_on_ready();
    DREY_CHECK_EQ(drey_select(&ready, 1), -EPERM);
    DREY_CHECK_EQ(drey_try_select(&ready, 1), -EPERM);
    return 0;
}

DREY_TEST_MAIN()
