/* SPDX-License-Identifier: MIT */
/* R3: drey_race and drey_timeout. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>

struct racer {
    drey_duration after;
    int result;
    bool ended;
};

static DREY_ASYNC int run(void *arg)
{
    struct racer *r = arg;
    int rc = drey_sleep(r->after);
    r->ended = true;
    return rc < 0 ? rc : r->result;
}

static DREY_ASYNC int race(struct racer *r, size_t n, int *results)
{
    drey_call calls[8];
    for (size_t i = 0; i < n; i++)
        calls[i] = (drey_call){run, &r[i]};
    return drey_race(calls, n, results);
}

DREY_TEST(r3_first_success_wins_and_all_have_ended)
{
    struct racer r[] = {{DREY_SEC(3), 1, false}, {DREY_SEC(1), 5, false}, {DREY_SEC(2), 0, false}};
    int results[3];
    drey_time start = drey_now();
    DREY_CHECK_EQ(race(r, 3, results), 1);
    DREY_CHECK_EQ(drey_now() - start, DREY_SEC(1));
    DREY_CHECK_EQ(results[0], -ECANCELED);
    DREY_CHECK_EQ(results[1], 5);
    DREY_CHECK_EQ(results[2], -ECANCELED);
    for (int i = 0; i < 3; i++)
        DREY_CHECK(r[i].ended);
    return 0;
}

DREY_TEST(r3_failures_do_not_win)
{
    struct racer r[] = {{DREY_SEC(1), -EIO, false}, {DREY_SEC(3), 0, false}, {DREY_SEC(2), -ENOENT, false}};
    int results[3];
    DREY_CHECK_EQ(race(r, 3, results), 1);
    DREY_CHECK_EQ(results[0], -EIO);
    DREY_CHECK_EQ(results[2], -ENOENT);
    return 0;
}

DREY_TEST(r3_all_fail_gives_the_first_calls_result)
{
    struct racer r[] = {{DREY_SEC(2), -EIO, false}, {DREY_SEC(1), -ENOENT, false}};
    int results[2];
    DREY_CHECK_EQ(race(r, 2, results), -EIO);
    DREY_CHECK_EQ(results[1], -ENOENT);
    return 0;
}

static DREY_ASYNC int win_in_spite_of_it(void *arg)
{
    (void)arg;
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(10));
    int rc = drey_scope_close(&shield, drey_sleep(DREY_SEC(2)));
    return rc < 0 ? rc : 9;
}

DREY_TEST(r3_further_successes_are_reported)
{
    struct racer quick = {DREY_SEC(1), 3, false};
    drey_call calls[] = {{run, &quick}, {win_in_spite_of_it, NULL}};
    int results[2];
    DREY_CHECK_EQ(drey_race(calls, 2, results), 0);
    DREY_CHECK_EQ(results[0], 3);
    DREY_CHECK_EQ(results[1], 9);
    return 0;
}

DREY_TEST(r3_no_results_wanted)
{
    struct racer r[] = {{DREY_SEC(1), 0, false}};
    DREY_CHECK_EQ(race(r, 1, NULL), 0);
    DREY_CHECK_EQ(drey_race(NULL, 0, NULL), -EINVAL);
    return 0;
}

DREY_TEST(r3_race_cancelled_while_it_runs)
{
    struct racer r[] = {{DREY_SEC(5), 0, false}, {DREY_SEC(6), 0, false}};
    int results[2];
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    int rc = race(r, 2, results);
    DREY_CHECK_EQ(rc, -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), -ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK(r[i].ended);
        DREY_CHECK_EQ(results[i], -ECANCELED);
    }
    return 0;
}

/* A winner is a winner, even if the caller was cancelled meanwhile (R5). */
DREY_TEST(r5_a_success_after_the_cancellation_is_kept)
{
    drey_call calls[] = {{win_in_spite_of_it, NULL}};
    int results[1];
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_race(calls, 1, results), 0);
    DREY_CHECK_EQ(results[0], 9);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(r3_exactly_one_winner_under_any_schedule, .schedules = 200)
{
    struct racer r[8];
    int results[8], n = 0;
    for (int i = 0; i < 8; i++)
        r[i] = (struct racer){DREY_MS(i % 2), i, false};
    int winner = race(r, 8, results);
    DREY_CHECK(winner >= 0 && winner < 8);
    for (int i = 0; i < 8; i++) {
        DREY_CHECK(results[i] == i || results[i] == -ECANCELED);
        n += results[i] == i;
    }
    DREY_CHECK_EQ(results[winner], winner);
    DREY_CHECK(n >= 1);
    return 0;
}

DREY_TEST(r2_timeout)
{
    struct racer slow = {DREY_SEC(2), 7, false}, quick = {DREY_MS(1), 7, false};
    DREY_CHECK_EQ(drey_timeout(DREY_SEC(1), run, &slow), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_timeout(DREY_SEC(1), run, &quick), 7);
    DREY_CHECK_EQ(drey_timeout(0, run, &quick), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_timeout(-1, run, &quick), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_timeout(DREY_SEC(1), win_in_spite_of_it, NULL), 9); /* not thrown away */
    DREY_SCOPE(outer, .timeout = DREY_SEC(1));
    DREY_CHECK_EQ(drey_timeout(DREY_SEC(5), run, &slow), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&outer, -ECANCELED), -ETIMEDOUT);
    return 0;
}

DREY_TEST_MAIN()
