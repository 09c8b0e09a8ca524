/* SPDX-License-Identifier: MIT */
/* Small combinations of scopes: a timeout, a race, yield and check. */
#include "base/clock.h"
#include "scope/open.h"

enum { CHECK_NS = 1000000 };

/* The general way, for what has expired already and for a task's first scope. */
static __attribute__((noinline)) int timeout_slow(drey_duration d, drey_fn *fn, void *arg)
{
    drey_scope s;
    drey_scope_open_with(&s, (drey_scope_options){.timeout = d == 0 ? -1 : d, .name = "drey_timeout"});
    return drey_scope_close(&s, fn(arg));
}

/* Nobody but `fn` knows the scope, and it knows no name for it: there are no children, and there is nothing to wait
 * for when it ends as it began. */
__attribute__((noinline)) int drey_timeout(drey_duration d, drey_fn *fn, void *arg)
{
    drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (unlikely(d <= 0 || (self->flags & DREY__LINKED) == 0))
        return timeout_slow(d, fn, arg);
    drey_scope public_scope;
    scope *s = drey__scope_of(&public_scope);
    drey__scope_check_left_below(self, __builtin_frame_address(0));
    drey__scope_init(s, self, &(drey_scope_options){.name = "drey_timeout"}, NULL);
    self->scope = &public_scope;
    self->stack->scope_name = s->name;
    drey__scope_set_timeout(s, d);
    rc = fn(arg);
    if (unlikely(rc < 0 || drey__scope_cause(s) != DREY_CAUSE_NONE || self->scope != &public_scope ||
                 drey__task_holds(self)))
        return drey_scope_close(&public_scope, rc);
    drey__scope_fini(s);
    drey__scope_leave(self, s);
    return rc;
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

static __attribute__((noinline)) int yield_if_allowed(const void *place)
{
    drey_task *self;
    int rc = drey__enter_at(&self, DREY__CUT_POINT, place);
    return rc < 0 ? rc : drey__yield_now(self);
}

int drey_yield(void)
{
    drey_task *self = drey__enter_plainly();
    return likely(self != NULL) ? drey__yield_now(self) : yield_if_allowed(DREY__CALLER);
}

int drey_check(void)
{
    drey_task *self = drey__current();
    if (self != NULL && drey__clock_now() - drey__self->kept_house > CHECK_NS)
        drey__self->budget = 0; /* whoever checks computes for long: the budget of operations says nothing about time */
    return drey__enter(&self, DREY__CUT_POINT);
}
