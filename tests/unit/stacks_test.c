/* SPDX-License-Identifier: MIT */
/* Dumps show the calls that waiting tasks are in; R18: so does the report of what outlives the grace. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <drey.h>
#include <drey/test.h>

static char text[1 << 18];

static void read_back(int fd)
{
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

/* Dump into `text`. */
static int dump(void)
{
    int fd = memfd_create("dump", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = drey_dump(fd);
    read_back(fd);
    return rc;
}

static unsigned count(const char *part)
{
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

/* These parts, in this order, with nothing but the rest of a line and a line's beginning between. */
static bool shown_in_a_row(const char *const parts[])
{
    const char *first = strstr(text, parts[0]);
    for (const char *at = first; at != NULL; at = strstr(at + 1, parts[0])) {
        const char *line = at;
        unsigned i = 1;
        for (; parts[i] != NULL && (line = strchr(line, '\n')) != NULL; i++)
            if (strncmp(line + 1 + strspn(line + 1, " "), parts[i], strlen(parts[i])) == 0)
                line++;
            else
                break;
        if (parts[i] == NULL)
            return true;
    }
    fprintf(stderr, "expected \"%s\" and its callers in:\n%s", parts[0], text);
    return false;
}

#define SHOWN(...) shown_in_a_row((const char *const[]){__VA_ARGS__, NULL})

/* What comes after the call keeps the caller's frame. */
#define CALL(call)                                                                                                     \
    ({                                                                                                                 \
        int rc_ = (call);                                                                                              \
        __asm__ volatile("" : "+r"(rc_));                                                                              \
        rc_;                                                                                                           \
    })

static DREY_ASYNC __attribute__((noinline)) int third(drey_gate *gate)
{
    int ignored;
    return CALL(drey_gate_wait(gate, &ignored));
}

static DREY_ASYNC __attribute__((noinline)) int second(drey_gate *gate)
{
    return CALL(third(gate));
}

static DREY_ASYNC int first(void *gate)
{
    return CALL(second(gate));
}

static DREY_ASYNC int straight(void *gate)
{
    return CALL(third(gate));
}

/* The ways of a task that only sometimes takes one of them. */
static DREY_ASYNC int either(void *arg)
{
    static bool other;
    other = !other;
    return other ? CALL(third(arg)) : CALL(second(arg));
}

static DREY_ASYNC int dump_with(drey_scope *scope, drey_fn *fn, int tasks, void *arg)
{
    int rc = 0;
    for (int i = 0; i < tasks && rc == 0; i++)
        rc = drey_go(scope, fn, arg);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(1));
    return rc == 0 ? dump() : rc;
}

static DREY_ASYNC int dump_tasks(drey_fn *fn, int tasks)
{
    drey_gate gate = {0};
    DREY_SCOPE(scope);
    int rc = dump_with(&scope, fn, tasks, &gate);
    drey_gate_open(&gate, 0);
    return drey_scope_close(&scope, rc);
}

/* R18 */
DREY_TEST(r18_every_call_is_shown)
{
    DREY_CHECK_EQ(dump_tasks(first, 1), 0);
    DREY_CHECK(count("called at third+") == 1);
    DREY_CHECK(SHOWN("task first: waits for ", "called from second+", "called from first+"));
    DREY_CHECK_EQ(count("called from"), 2); /* and nothing of drey's own */
    DREY_CHECK_EQ(dump_tasks(straight, 1), 0);
    DREY_CHECK(SHOWN("task straight: waits for ", "called from straight+"));
    DREY_CHECK_EQ(count("called from"), 1);
    return 0;
}

DREY_TEST(tasks_are_alike_if_their_calls_are, .workers = 1)
{
    DREY_CHECK_EQ(dump_tasks(first, 9), 0);
    DREY_CHECK_EQ(count("9 such"), 1);
    DREY_CHECK_EQ(count("called from second+"), 1);
    DREY_CHECK_EQ(dump_tasks(either, 2), 0);
    DREY_CHECK_EQ(count("such"), 0);
    DREY_CHECK_EQ(count("task either: "), 2);
    DREY_CHECK(SHOWN("task either: ", "called from either+"));
    DREY_CHECK(SHOWN("task either: ", "called from second+", "called from either+"));
    return 0;
}

static DREY_ASYNC __attribute__((noinline)) int descend(drey_gate *gate, unsigned n)
{
    return n == 0 ? CALL(third(gate)) : CALL(descend(gate, n - 1));
}

static DREY_ASYNC int far_down(void *gate)
{
    return CALL(descend(gate, 60));
}

/* R19 */
DREY_TEST(r19_a_stack_is_shown_up_to_a_limit)
{
    DREY_CHECK_EQ(dump_tasks(far_down, 1), 0);
    DREY_CHECK_EQ(count("called from descend+"), 15);
    DREY_CHECK(SHOWN("called from descend+", "and more"));
    return 0;
}

static DREY_ASYNC int wake_up(void *arg, int event)
{
    if (event < 0)
        return event;
    int rc = CALL(second(arg));
    return rc < 0 ? rc : 0;
}

/* A step of a dormant task waits like any other; one that is asleep, or was never started, has no stack. */
DREY_TEST(who_has_no_stack_has_no_calls, .workers = 1)
{
    drey_gate gate = {0}, never = {0};
    drey_case soon = drey_on_after(0), later = drey_on_gate(&never);
    DREY_SCOPE(scope, .keep_going = true);
    DREY_CHECK_EQ(drey_go_when(&scope, wake_up, &gate, &soon, 1), 0);
    DREY_CHECK_EQ(drey_go_when(&scope, wake_up, &gate, &later, 1), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(drey_go(&scope, first, &gate), 0);
    DREY_CHECK_EQ(dump(), 0);
    DREY_CHECK(SHOWN("task wake_up: waits for ", "called from second+", "called from wake_up+"));
    DREY_CHECK_EQ(count("called from"), 2);
    DREY_CHECK_EQ(count("dormant (worker"), 1);
    drey_gate_open(&gate, 0);
    drey_gate_open(&never, 0);
    return drey_scope_close(&scope, 0);
}

/* A frame whose return address and caller's frame are not what they were: while it waits. */
static uintptr_t garbage[2];

static DREY_ASYNC __attribute__((noinline)) int wait_in_broken_frame(drey_gate *gate)
{
    volatile uintptr_t *frame = __builtin_frame_address(0); /* the caller's frame, and the return address */
    uintptr_t real[2] = {frame[0], frame[1]};
    frame[0] = garbage[0];
    frame[1] = garbage[1];
    int rc = CALL(third(gate));
    frame[0] = real[0];
    frame[1] = real[1];
    return rc;
}

static DREY_ASYNC int broken(void *gate)
{
    return CALL(wait_in_broken_frame(gate));
}

DREY_TEST(broken_stacks_do_no_harm)
{
    static char data[64];
    char *hole = mmap(NULL, 1 << 16, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    DREY_CHECK(hole != MAP_FAILED);
    const uintptr_t values[] = {0,
                                1,
                                8,
                                UINTPTR_MAX,
                                UINTPTR_MAX - 7,
                                UINT64_C(0x4141414141414141),
                                (uintptr_t)data,
                                (uintptr_t)hole + 4096,
                                (uintptr_t)__builtin_frame_address(0),
                                (uintptr_t)&drey_dump,
                                (uintptr_t)&drey_dump + 1,
                                (uintptr_t)&broken + 9};
    enum { N = sizeof values / sizeof values[0] };
    unsigned unreadable = 0;
    for (unsigned i = 0; i < 4 * N; i++) {
        garbage[0] = values[i * 5 % N];
        garbage[1] = values[(i * 5 + i / N) % N]; /* the same, and each of the next three */
        DREY_CHECK_EQ(dump_tasks(broken, 1), 0);
        DREY_CHECK(SHOWN("task broken: waits for ", "called from wait_in_broken_frame+"));
        unreadable += count("the rest of its stack cannot be read");
    }
    DREY_CHECK(unreadable > 0);
    munmap(hole, 1 << 16);
    return 0;
}

struct often {
    _Atomic bool stop;
    unsigned calls; /* the most that were seen in a dump */
};

static void *dump_often(void *arg)
{
    struct often *o = arg;
    for (int i = 0; i < 10; i++) {
        if (dump() < 0)
            break;
        unsigned n = count("called from second+");
        o->calls = n > o->calls ? n : o->calls;
    }
    o->stop = true;
    return NULL;
}

static DREY_ASYNC __attribute__((noinline)) int nap(unsigned n)
{
    return n == 0 ? CALL(drey_sleep(DREY_US(50))) : n % 3 == 0 ? CALL(drey_yield()) : CALL(nap(n - 1));
}

static DREY_ASYNC int nap_often(void *often)
{
    int rc = 0;
    for (unsigned i = 0; rc >= 0 && !((struct often *)often)->stop; i++)
        rc = nap(i % 11);
    return rc;
}

static DREY_ASYNC int keep_busy(struct often *o)
{
    drey_gate gate = {0};
    DREY_SCOPE(scope, .spread = true);
    int rc = 0;
    for (int i = 0; i < 20 && rc == 0; i++)
        rc = drey_go(&scope, i < 4 ? first : nap_often, i < 4 ? (void *)&gate : o);
    while (rc == 0 && !o->stop)
        rc = drey_sleep(DREY_MS(1));
    drey_gate_open(&gate, 0);
    return drey_scope_close(&scope, rc);
}

DREY_TEST(looking_while_tasks_run_does_no_harm, .workers = 4, .real_clock = true)
{
    struct often o = {0};
    pthread_t thread;
    DREY_CHECK_EQ(pthread_create(&thread, NULL, dump_often, &o), 0);
    DREY_CHECK_EQ(keep_busy(&o), 0);
    pthread_join(thread, NULL);
    DREY_CHECK(o.calls > 0);
    return 0;
}

static int in_deep_call(void *arg)
{
    (void)arg;
    return dump();
}

DREY_TEST(a_dump_in_a_deep_call)
{
    drey_gate gate = {0};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, first, &gate), 0);
    DREY_CHECK_EQ(drey_yield(), 0);
    DREY_CHECK_EQ(drey_call_deep(in_deep_call, NULL), 0);
    DREY_CHECK(SHOWN("task first: waits for ", "called from second+", "called from first+"));
    drey_gate_open(&gate, 0);
    return drey_scope_close(&scope, 0);
}

/* R18: who outlives the grace. */

static drey_token *stop;

static DREY_ASYNC __attribute__((noinline)) int save_slowly(void)
{
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(3600));
    return drey_scope_close(&shield, drey_sleep(DREY_SEC(3600)));
}

static DREY_ASYNC int stubborn(void *arg)
{
    (void)arg;
    drey_token_cancel(stop, "going down");
    return CALL(save_slowly());
}

static int run_stubborn(int report_to)
{
    drey_config config = {
        .workers = 2, .clock = DREY_CLOCK_VIRTUAL, .shutdown_grace = DREY_SEC(10), .shutdown_report = report_to};
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    config.token = stop;
    int rc = drey_run(&config, stubborn, NULL);
    drey_token_unref(stop);
    return rc;
}

DREY_TEST(r18_what_outlives_the_grace_is_shown_with_its_stack, .no_runtime = true)
{
    int fd = memfd_create("report", MFD_CLOEXEC);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(run_stubborn(fd), -ECANCELED);
    read_back(fd);
    DREY_CHECK(SHOWN("task stubborn: waits for ", "called from stubborn+"));
    DREY_CHECK(count("called at save_slowly+") == 1);
    return 0;
}

DREY_TEST_MAIN()
