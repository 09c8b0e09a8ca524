/* SPDX-License-Identifier: MIT */
/* Very many tasks at once, and what happens when the stacks run out (R19). DREY_SOAK=1 makes it a million of each kind.
 * Else those that park are more than a process may have mappings, which is what their guards must do without. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "../sanitized.h"

enum { MILLION = 1000000, PARKED = 100000, UNDER_A_LIMIT = 20000, ADDRESS_SPACE = 300 << 20 };

static struct {
    drey_gate gate;
    _Atomic int woken, cancelled;
} shared;

static DREY_ASYNC int park(void *arg)
{
    int result, rc = drey_gate_wait(&shared.gate, &result);
    (void)arg;
    *(rc == 0 ? &shared.woken : &shared.cancelled) += 1;
    return rc;
}

static DREY_ASYNC int park_many(int n, bool cancel)
{
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < n && rc == 0; i++)
        rc = drey_go(&scope, park, NULL);
    if (rc == 0)
        rc = drey_sleep(DREY_SEC(1)); /* under the virtual clock: once all of them wait */
    if (cancel)
        drey_scope_cancel(&scope, 0, "enough");
    else
        drey_gate_open(&shared.gate, 0);
    return drey_scope_close(&scope, rc);
}

static bool soaks(void)
{
    const char *soak = getenv("DREY_SOAK");
    return soak != NULL && *soak == '1';
}

static int how_many(void)
{
    return soaks() ? MILLION : SLOW ? 5000 : PARKED;
}

/* Of those without a stack. */
static int a_million(void)
{
    return soaks() || !SLOW ? MILLION : MILLION / 10;
}

DREY_TEST(parked_and_woken, .timeout_seconds = 300)
{
    DREY_CHECK_EQ(park_many(how_many(), false), 0);
    DREY_CHECK_EQ(shared.woken, how_many());
    return 0;
}

DREY_TEST(parked_and_cancelled, .timeout_seconds = 300)
{
    DREY_CHECK_EQ(park_many(how_many(), true), 0);
    DREY_CHECK_EQ(shared.cancelled, how_many());
    return 0;
}

static DREY_ASYNC int count(void *arg)
{
    (void)arg;
    shared.woken++;
    return 0;
}

DREY_TEST(a_million_unstarted, .timeout_seconds = 300)
{
    DREY_SCOPE(scope);
    for (int i = 0; i < a_million(); i++)
        DREY_CHECK_EQ(drey_go(&scope, count, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(shared.woken, a_million());
    return 0;
}

static DREY_ASYNC int step(void *arg, int event)
{
    (void)arg;
    *(event == 0 ? &shared.woken : &shared.cancelled) += 1;
    return 0;
}

static DREY_ASYNC int sleep_dormant(bool cancel)
{
    drey_case cases[] = {drey_on_gate(&shared.gate)};
    DREY_SCOPE(scope);
    int rc = 0;
    for (int i = 0; i < a_million() && rc == 0; i++)
        rc = drey_go_when(&scope, step, NULL, cases, 1);
    if (rc == 0)
        rc = drey_sleep(DREY_SEC(1));
    if (cancel)
        drey_scope_cancel(&scope, 0, "enough");
    else
        drey_gate_open(&shared.gate, 0);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(r9_a_million_dormant, .timeout_seconds = 300)
{
    DREY_CHECK_EQ(sleep_dormant(false), 0);
    DREY_CHECK_EQ(shared.woken, a_million());
    return 0;
}

DREY_TEST(r9_a_million_dormant_cancelled, .timeout_seconds = 300)
{
    DREY_CHECK_EQ(sleep_dormant(true), 0);
    DREY_CHECK_EQ(shared.cancelled, a_million());
    return 0;
}

static DREY_ASYNC int nap(void *arg)
{
    (void)arg;
    int rc = drey_sleep(DREY_MS(5));
    shared.woken += rc == 0;
    return rc;
}

/* Address space for a tenth of the stacks: the others start as these end, and none is lost. */
DREY_TEST(r19_out_of_stacks, .real_clock = true, .timeout_seconds = 120)
{
    struct rlimit before, tight;
    if (SLOW)
        DREY_SKIP("sanitizers and emulators need the address space");
    getrlimit(RLIMIT_AS, &before);
    tight = (struct rlimit){.rlim_cur = ADDRESS_SPACE, .rlim_max = before.rlim_max};
    DREY_CHECK_EQ(setrlimit(RLIMIT_AS, &tight), 0);
    DREY_SCOPE(scope);
    int rc = 0, promised = 0;
    for (; promised < UNDER_A_LIMIT && rc == 0; promised += rc == 0)
        rc = drey_go(&scope, nap, NULL);
    if (rc == -ENOMEM)
        rc = 0; /* the stacks of other workers took what a record needed: an answer, not a crash */
    rc = drey_scope_close(&scope, rc);
    setrlimit(RLIMIT_AS, &before);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(shared.woken, promised);
    DREY_CHECK(promised > ADDRESS_SPACE / (80 << 10)); /* more than there could be stacks at once */
    return 0;
}

DREY_TEST_MAIN()
