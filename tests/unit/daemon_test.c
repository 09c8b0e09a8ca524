/* SPDX-License-Identifier: MIT */
/* R3: daemons are cancelled when the body has closed and all others have ended. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

static _Atomic int beats, ended;

static DREY_ASYNC int heartbeat(void *arg)
{
    (void)arg;
    int rc;
    while ((rc = drey_sleep(DREY_MS(10))) == 0)
        beats++;
    ended++;
    return rc;
}

static DREY_ASYNC int work(void *arg)
{
    int rc = drey_sleep(DREY_MS((intptr_t)arg));
    return rc;
}

DREY_TEST(r3_daemon_ends_with_the_others)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    DREY_CHECK_EQ(drey_go(&scope, work, (void *)55), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), 7); /* its -ECANCELED is no failure */
    DREY_CHECK_EQ(beats, 5);
    DREY_CHECK_EQ(ended, 1);
    DREY_CHECK_EQ(drey_scope_failed(&scope), 0);
    return 0;
}

DREY_TEST(r3_daemons_alone_end_at_the_close)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < 3; i++)
        DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(25)), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(beats, 6);
    DREY_CHECK_EQ(ended, 3);
    return 0;
}

DREY_TEST(r3_daemon_is_outside_the_limit)
{
    DREY_SCOPE(scope, .limit = 1);
    DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    DREY_CHECK_EQ(drey_try_go(&scope, work, (void *)1), 0);
    DREY_CHECK_EQ(drey_try_go(&scope, work, (void *)1), -EAGAIN);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r3_daemon_sees_why)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, -EIO), -EIO);
    return 0;
}

static DREY_ASYNC int break_down(void *arg)
{
    int rc = drey_sleep(DREY_MS((intptr_t)arg));
    return rc < 0 ? rc : -EIO;
}

/* Before its end is asked for, a daemon's failure is a failure like any other. */
DREY_TEST(r3_daemon_that_fails)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, break_down, (void *)5), 0);
    DREY_CHECK_EQ(drey_go(&scope, work, (void *)100), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), -EIO);
    return 0;
}

static DREY_ASYNC int fail_to_flush(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(3600)) == -ECANCELED ? -EIO : 0;
}

/* Asked to end, it failed at that: only -ECANCELED is the expected answer, so it is counted. */
DREY_TEST(r3_daemon_that_fails_at_the_end_is_counted)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, fail_to_flush, NULL), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), 7);
    DREY_CHECK_EQ(drey_scope_failed(&scope), 1);
    return 0;
}

/* R2: a daemon that was cut by the deadline is no reason to call the work late. */
DREY_TEST(r2_deadline_cuts_only_daemons)
{
    DREY_SCOPE(scope, .timeout = DREY_MS(50));
    DREY_CHECK_EQ(drey_go_daemon(&scope, heartbeat, NULL), 0);
    {
        DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(1));
        DREY_CHECK_EQ(drey_scope_close(&shield, drey_sleep(DREY_MS(100))), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 7), 7);
    DREY_CHECK_EQ(beats, 4);
    return 0;
}

static DREY_ASYNC int start_daemon(void *arg)
{
    int rc = drey_go_daemon(arg, heartbeat, NULL);
    return rc < 0 ? rc : drey_sleep(DREY_MS(25));
}

DREY_TEST(r3_daemon_started_by_a_child)
{
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < 4; i++)
        DREY_CHECK_EQ(drey_go(&scope, start_daemon, &scope), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(beats, 8);
    DREY_CHECK_EQ(ended, 4);
    return 0;
}

static DREY_ASYNC int add_while_ending(void *arg)
{
    int rc = drey_sleep(DREY_SEC(3600));
    return rc == -ECANCELED ? drey_go(arg, work, (void *)1) : rc;
}

/* Told to end, it cannot start more. */
DREY_TEST(r3_daemon_cannot_prolong_the_scope)
{
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_daemon(&scope, add_while_ending, &scope), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    return 0;
}

enum { ROUNDS = 2000 };

static DREY_ASYNC int nothing(void *arg)
{
    (void)arg;
    return drey_check();
}

static DREY_ASYNC int adds_both(void *arg)
{
    int rc = drey_go_daemon(arg, nothing, NULL);
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_go(arg, nothing, NULL);
    return rc;
}

/* A daemon that is being added on another worker is not mistaken for all that is left. */
DREY_TEST(r3_daemons_added_elsewhere, .workers = 2)
{
    for (int i = 0; i < ROUNDS; i++) {
        DREY_SCOPE(scope, .spread = true);
        int rc = 0;
        for (int k = 0; k < 4 && rc == 0; k++)
            rc = drey_go(&scope, adds_both, &scope);
        DREY_CHECK_EQ(drey_scope_close(&scope, rc), 0);
    }
    return 0;
}

DREY_TEST_MAIN()
