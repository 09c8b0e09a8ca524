/* SPDX-License-Identifier: MIT */
/* Small combinations of scopes: a timeout, a race, yield and check. */
#include "base/clock.h"
#include "scope/scope.h"

enum { CHECK_NS = 1000000 };

int drey_timeout(drey_duration d, drey_fn *fn, void *arg)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    drey_scope s;
    drey_scope_open_with(&s, (drey_scope_options){.timeout = d == 0 ? -1 : d, .name = "drey_timeout"});
    return drey_scope_close(&s, fn(arg));
}

struct race {
    drey_scope scope;
    const drey_call *calls;
    int *results;
    _Atomic size_t winner; /* the first to succeed changes it from SIZE_MAX */
    int first_result;
};

struct racer {
    struct race *race;
    size_t i;
};

static int race_one(void *arg)
{
    struct racer *me = arg;
    struct race *race = me->race;
    int rc = race->calls[me->i].fn(race->calls[me->i].arg);
    if (race->results != NULL)
        race->results[me->i] = rc;
    if (me->i == 0)
        race->first_result = rc;
    size_t nobody = SIZE_MAX;
    if (rc >= 0 && atomic_compare_exchange_strong(&race->winner, &nobody, me->i))
        drey_scope_cancel(&race->scope, 0, "another racer won");
    return rc;
}

int drey_race(const drey_call *calls, size_t n, int out_results[])
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (n == 0 || n > INT32_MAX)
        return -EINVAL;
    struct race race = {.calls = calls, .results = out_results, .winner = SIZE_MAX, .first_result = -ECANCELED};
    for (size_t i = 0; out_results != NULL && i < n; i++)
        out_results[i] = -ECANCELED;
    drey_scope_open_with(&race.scope, (drey_scope_options){.keep_going = true, .name = "drey_race"});
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = drey_go_copy(&race.scope, race_one, &(struct racer){&race, i}, sizeof(struct racer));
    rc = drey_scope_close(&race.scope, rc);
    size_t winner = atomic_load(&race.winner);
    if (winner != SIZE_MAX)
        return (int)winner;
    return rc < 0 ? rc : race.first_result;
}

int drey_yield(void)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (unlikely(rc < 0))
        return rc;
    drey__yield_now(self);
    return 0;
}

int drey_check(void)
{
    drey_task *self = drey__current();
    if (self != NULL && drey__clock_now() - drey__self->kept_house > CHECK_NS)
        drey__self->budget = 0; /* whoever checks computes for long: the budget of operations says nothing about time */
    return drey__enter(&self, DREY__CUT_POINT);
}
