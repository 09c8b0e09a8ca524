/* SPDX-License-Identifier: MIT */
/* R16: what libraries keep per thread is safe between two suspension points, and there only. A task stays on its thread
 * (R8), so the addresses that compilers and libraries remember stay right; the values do not survive other tasks. */
#include <errno.h>

#include <drey.h>
#include <drey/test.h>

enum { TASKS = 16, ROUNDS = 50 };

/* Not inlined: a compiler may remember &errno across calls, and is right to. */
static __attribute__((noinline)) int *errno_address(void)
{
    return &errno;
}

static DREY_ASYNC int keep_address(void *arg)
{
    (void)arg;
    int *at_start = errno_address();
    for (int i = 0; i < ROUNDS; i++) {
        int rc = i % 4 == 0 ? drey_sleep(DREY_US(10)) : drey_yield();
        if (rc < 0 || errno_address() != at_start)
            return -EBADMSG;
    }
    return 0;
}

static int addresses_stay(void)
{
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < TASKS && rc == 0; i++)
        rc = drey_go(&scope, keep_address, NULL);
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), 0);
    return 0;
}

DREY_TEST(r16_thread_locals_keep_their_address)
{
    return addresses_stay();
}

DREY_TEST(r16_thread_locals_keep_their_address_with_4_workers, .workers = 4)
{
    return addresses_stay();
}

static DREY_ASYNC int spoil(void *arg)
{
    (void)arg;
    errno = ENOTTY;
    return 0;
}

DREY_TEST(r16_the_value_of_errno_is_the_threads_not_the_tasks)
{
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, spoil, NULL);
    errno = 0;
    int before = errno;
    if (rc == 0)
        rc = drey_yield();
    int after = errno;
    DREY_CHECK_EQ(drey_scope_close(&scope, rc), 0);
    DREY_CHECK_EQ(before, 0);
    DREY_CHECK_EQ(after, ENOTTY);
    return 0;
}

DREY_TEST_MAIN()
