/* SPDX-License-Identifier: MIT */
/* Task-local values: nesting, inheritance, and where they travel. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>

static const drey_local inherited = {.name = "inherited", .inherited = true};
static const drey_local own = {.name = "own"};

static const char *seen(const drey_local *key)
{
    return drey_local_get(key);
}

DREY_TEST(nesting)
{
    DREY_CHECK_STR(seen(&own), NULL);
    DREY_BIND(&own, "outer");
    {
        DREY_BIND(&own, "inner");
        DREY_BIND(&inherited, "other");
        DREY_CHECK_STR(seen(&own), "inner");
        DREY_BIND(&own, NULL);
        DREY_CHECK_STR(seen(&own), NULL); /* bound to nothing */
    }
    DREY_CHECK_STR(seen(&own), "outer");
    DREY_CHECK_STR(seen(&inherited), NULL);
    return 0;
}

struct expect {
    const char *inherited;
};

static DREY_ASYNC int check(void *arg)
{
    struct expect *e = arg;
    DREY_CHECK_STR(seen(&inherited), e->inherited);
    DREY_CHECK_STR(seen(&own), NULL);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_BIND(&inherited, "mine");
    DREY_CHECK_STR(seen(&inherited), "mine");
    return 0;
}

/* A child sees what was bound when its scope was opened, not when it was started. */
DREY_TEST(children_inherit_by_scope)
{
    struct expect before = {NULL}, after = {"bound"};
    DREY_SCOPE(first);
    int rc;
    {
        DREY_BIND(&own, "not for children");
        DREY_BIND(&inherited, "bound");
        DREY_CHECK_EQ(drey_go(&first, check, &before), 0);
        DREY_SCOPE(second, .spread = true);
        DREY_BIND(&inherited, "too late");
        DREY_CHECK_EQ(drey_go(&second, check, &after), 0);
        rc = drey_scope_close(&second, 0);
    }
    return drey_scope_close(&first, rc);
}

/* R14: a child that runs on its joiner's stack sees its scope's values, and the joiner gets its own back. */
DREY_TEST(inline_join_keeps_them_apart)
{
    struct expect expected = {"of the scope"};
    drey_task *task;
    int result = -1;
    DREY_BIND(&inherited, "of the scope");
    DREY_SCOPE(scope);
    {
        DREY_BIND(&inherited, "of the joiner");
        DREY_BIND(&own, "of the joiner");
        DREY_CHECK_EQ(drey_spawn(&scope, check, &expected, &task), 0);
        DREY_CHECK_EQ(drey_join(task, &result), 0);
        DREY_CHECK_EQ(result, 0);
        DREY_CHECK_STR(seen(&inherited), "of the joiner");
        DREY_CHECK_STR(seen(&own), "of the joiner");
    }
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int grandchild_check(void *arg)
{
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, check, arg);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(grandchildren_inherit)
{
    struct expect expected = {"far up"};
    DREY_BIND(&inherited, "far up");
    DREY_SCOPE(scope);
    for (int i = 0; i < 10; i++)
        DREY_CHECK_EQ(drey_go(&scope, grandchild_check, &expected), 0);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int step(void *arg, int event)
{
    static drey_gate never;
    drey_case again[] = {drey_on_gate(&never)};
    struct expect *e = arg;
    if (event == -ECANCELED) {
        DREY_CHECK_STR(seen(&inherited), e->inherited);
        return 0;
    }
    DREY_CHECK_STR(seen(&inherited), e->inherited);
    return drey_again_when(again, 1);
}

/* R9: a dormant task keeps them from step to step. */
DREY_TEST(r9_dormant_tasks_keep_them)
{
    struct expect expected = {"kept"};
    drey_case first[] = {drey_on_after(DREY_MS(1))};
    DREY_BIND(&inherited, "kept");
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go_when(&scope, step, &expected, first, 1), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    drey_scope_cancel(&scope, 0, "test");
    return drey_scope_close(&scope, 0);
}

static int in_pool(void *arg)
{
    return seen(&inherited) == arg ? 0 : -EPROTO;
}

DREY_TEST(they_travel_into_offloaded_work)
{
    char value[] = "in the pool";
    DREY_BIND(&inherited, value);
    DREY_CHECK_EQ(drey_offload(in_pool, value), 0);
    return 0;
}

static void bind_outside(void)
{
    drey_binding binding;
    drey_local_bind(&binding, &own, NULL);
}

static DREY_ASYNC int unbind_in_wrong_order(void *arg)
{
    drey_binding first, second;
    drey_local_bind(&first, &own, arg);
    drey_local_bind(&second, &own, arg);
    drey_local_unbind(&first);
    return 0;
}

static void run_wrong_order(void)
{
    int ignored = drey_run(NULL, unbind_in_wrong_order, NULL);
    (void)ignored;
}

static DREY_ASYNC int end_bound(void *arg)
{
    static drey_binding left;
    drey_local_bind(&left, &inherited, arg);
    DREY_SCOPE(scope);
    return drey_scope_close(&scope, 0);
}

static DREY_ASYNC int leave_a_scope_over_the_binding(void *arg)
{
    drey_binding binding;
    drey_scope scope;
    drey_local_bind(&binding, &inherited, arg);
    drey_scope_open(&scope, .name = "later");
    drey_local_unbind(&binding);
    return drey_scope_close(&scope, end_bound(arg));
}

static void run_scope_over_binding(void)
{
    int ignored = drey_run(NULL, leave_a_scope_over_the_binding, NULL);
    (void)ignored;
}

DREY_TEST(misuse_dies, .no_runtime = true)
{
    DREY_CHECK(drey_test_dies(bind_outside, "drey_local_bind") == 1);
    DREY_CHECK(drey_test_dies(run_wrong_order, "drey_local_unbind") == 1);
    DREY_CHECK(drey_test_dies(run_scope_over_binding, "drey_local_unbind") == 1);
    return 0;
}

DREY_TEST_MAIN()
