/* SPDX-License-Identifier: MIT */
/* Tokens: the tree, threads and signals (R12), scopes that use them (R4). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { ROUNDS = 200, DEPTH = 20 };

DREY_TEST(tree, .no_runtime = true)
{
    drey_token *root, *child, *grandchild, *sibling, *late;
    DREY_CHECK_EQ(drey_token_new(NULL, &root), 0);
    DREY_CHECK_EQ(drey_token_new(root, &child), 0);
    DREY_CHECK_EQ(drey_token_new(child, &grandchild), 0);
    DREY_CHECK_EQ(drey_token_new(root, &sibling), 0);
    drey_token_cancel(child, "test");
    drey_token_cancel(child, "again");
    DREY_CHECK(!drey_token_cancelled(root));
    DREY_CHECK(drey_token_cancelled(child));
    DREY_CHECK(drey_token_cancelled(grandchild));
    DREY_CHECK(!drey_token_cancelled(sibling));
    DREY_CHECK_EQ(drey_token_new(grandchild, &late), 0);
    DREY_CHECK(drey_token_cancelled(late)); /* born so */
    drey_token_unref(child);
    DREY_CHECK(drey_token_cancelled(grandchild)); /* it holds its parents */
    drey_token_unref(root);
    drey_token_unref(sibling);
    drey_token_unref(late);
    drey_token_unref(drey_token_ref(grandchild));
    drey_token_unref(grandchild);
    return 0;
}

static DREY_ASYNC int wait_for(void *arg)
{
    return drey_token_wait(arg);
}

DREY_TEST(wait_wakes_below_the_fired_one)
{
    drey_token *chain[DEPTH];
    DREY_SCOPE(scope);
    for (int i = 0; i < DEPTH; i++) {
        DREY_CHECK_EQ(drey_token_new(i > 0 ? chain[i - 1] : NULL, &chain[i]), 0);
        DREY_CHECK_EQ(drey_go(&scope, wait_for, chain[i]), 0);
    }
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_token_cancel(chain[0], "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_token_wait(chain[DEPTH - 1]), 0);
    for (int i = 0; i < DEPTH; i++)
        drey_token_unref(chain[i]);
    return 0;
}

DREY_TEST(r4_scope_with_a_token_that_has_fired)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    drey_token_cancel(token, "long ago");
    DREY_SCOPE(scope, .token = token);
    DREY_CHECK(drey_cancelled());
    DREY_CHECK_EQ(drey_yield(), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), 7);
    drey_token_unref(token);
    return 0;
}

static DREY_ASYNC int wait_in_scope(void *arg)
{
    DREY_SCOPE(scope, .token = arg);
    int rc = drey_scope_close(&scope, drey_sleep(DREY_SEC(3600)));
    return rc == -ECANCELED ? 0 : -EPROTO;
}

/* On return every scope is marked; one that lies inside is not told twice. */
DREY_TEST(r4_one_token_for_many_scopes, .schedules = 20)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    DREY_SCOPE(outer);
    for (int i = 0; i < DEPTH; i++)
        DREY_CHECK_EQ(drey_go(&outer, wait_in_scope, token), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    DREY_SCOPE(mine, .token = token);
    DREY_SCOPE(nested, .token = token);
    drey_token_cancel(token, "test");
    DREY_CHECK(drey_cancelled());
    DREY_CHECK_EQ(drey_scope_close(&nested, -ECANCELED), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&mine, -ECANCELED), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
    drey_token_unref(token);
    return 0;
}

/* The scope keeps what it borrowed usable. */
DREY_TEST(token_outlives_its_scopes_and_not_the_other_way)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    for (int i = 0; i < 3; i++) {
        DREY_SCOPE(scope, .token = token);
        DREY_CHECK_EQ(drey_scope_close(&scope, drey_yield()), 0);
    }
    drey_token_cancel(token, "nobody uses it");
    drey_token_unref(token);
    return 0;
}

static void *fire_soon(void *arg)
{
    drey_token_cancel(arg, "from a thread");
    drey_token_unref(arg);
    return NULL;
}

/* R12: any thread; the wake-up is not lost wherever the waiter is just then. */
DREY_TEST(r12_fired_by_another_thread, .real_clock = true)
{
    for (int i = 0; i < ROUNDS; i++) {
        drey_token *token;
        pthread_t thread;
        DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
        DREY_SCOPE(outer);
        DREY_CHECK_EQ(drey_go(&outer, wait_in_scope, token), 0);
        DREY_CHECK_EQ(drey_go(&outer, wait_for, token), 0);
        DREY_CHECK_EQ(pthread_create(&thread, NULL, fire_soon, drey_token_ref(token)), 0);
        DREY_CHECK_EQ(drey_token_wait(token), 0);
        DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
        pthread_join(thread, NULL);
        drey_token_unref(token);
    }
    return 0;
}

static drey_token *interrupt;

static void on_signal(int signal)
{
    (void)signal;
    drey_token_cancel_from_signal(interrupt);
}

DREY_TEST(r12_fired_by_a_signal_handler, .real_clock = true)
{
    struct sigaction ours = {.sa_handler = on_signal}, old;
    sigaction(SIGUSR1, &ours, &old);
    for (int i = 0; i < ROUNDS; i++) {
        drey_token *child;
        DREY_CHECK_EQ(drey_token_new(NULL, &interrupt), 0);
        DREY_CHECK_EQ(drey_token_new(interrupt, &child), 0);
        DREY_SCOPE(outer);
        DREY_CHECK_EQ(drey_go(&outer, wait_in_scope, child), 0);
        if (i % 2 == 0)
            DREY_CHECK_EQ(drey_yield(), 0);
        kill(getpid(), SIGUSR1);
        while (!drey_token_cancelled(child))
            DREY_CHECK_EQ(drey_yield(), 0);
        DREY_CHECK_EQ(drey_token_wait(child), 0);
        DREY_CHECK_EQ(drey_scope_close(&outer, 0), 0);
        drey_token_unref(child);
        drey_token_unref(interrupt);
    }
    sigaction(SIGUSR1, &old, NULL);
    return 0;
}

static struct {
    pthread_t home;
    _Atomic bool waits_elsewhere, seen;
} far;

static DREY_ASYNC int see(void *arg)
{
    if (!pthread_equal(pthread_self(), far.home))
        far.waits_elsewhere = true;
    int rc = drey_token_wait(arg);
    far.seen = true;
    return rc;
}

/* R12: the handler's thread computes; a worker that sleeps hears of it. */
DREY_TEST(r12_a_signal_is_heard_while_its_thread_computes, .workers = 2, .real_clock = true, .timeout_seconds = 10)
{
    struct sigaction ours = {.sa_handler = on_signal}, old;
    sigaction(SIGUSR1, &ours, &old);
    far.home = pthread_self();
    DREY_CHECK_EQ(drey_token_new(NULL, &interrupt), 0);
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < 1000 && !far.waits_elsewhere; i++) {
        DREY_CHECK_EQ(drey_go(&scope, see, interrupt), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    }
    DREY_CHECK(far.waits_elsewhere);
    raise(SIGUSR1);
    while (!far.seen) {
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_token_unref(interrupt);
    sigaction(SIGUSR1, &old, NULL);
    return 0;
}

DREY_TEST(r12_wait_outside_a_task, .no_runtime = true)
{
    drey_token *token;
    DREY_CHECK_EQ(drey_token_new(NULL, &token), 0);
    DREY_CHECK_EQ(drey_token_wait(token), -EPERM);
    drey_token_unref(token);
    return 0;
}

DREY_TEST_MAIN()
