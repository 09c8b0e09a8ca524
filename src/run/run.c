/* SPDX-License-Identifier: MIT */
/* drey_run: check the configuration, make a runtime, run the root task in the root scope, take everything down. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/io.h"
#include "offload/offload.h"
#include "run/run.h"
#include "scope/child.h"
#include "scope/open.h"
#include "scope/shutdown.h"
#include "sched/runtime.h"
#include "scope/token.h"
#include "signal/signal.h"

enum { WORKERS_MAX = 256 };

struct drey__root drey__root;

/* One runtime a process; set by whoever gets in. After a fork the child finds it set by another process. */
static _Atomic pid_t running_in;

bool drey_in_task(void)
{
    return drey__current() != NULL;
}

int drey__root_main(void *arg)
{
    (void)arg;
    struct drey__root *root = &drey__root;
    drey__current()->stack->fn = root->fn; /* what reports call the root task */
    if (drey__rt.config.token != NULL)
        drey__token_attach(drey__rt.config.token, drey__scope_of(&root->scope));
    root->result = root->fn(root->arg);
    if (drey__scope_of(&root->scope)->token != NULL)
        drey__token_detach(drey__scope_of(&root->scope)->token, drey__scope_of(&root->scope));
    drey__runtime_stop();
    return 0; /* the root scope takes no failure: the result is drey_run's */
}

/* A number from the environment: true if it is set and in [1, max]. A broken one is reported and an error. */
static int number_from(const char *name, uint64_t max, uint64_t *out)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return 0;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end != '\0' || *text == '-' || errno != 0 || n == 0 || n > max) {
        drey__report("%s is \"%s\"; it takes a number from 1 to %llu", name, text, (unsigned long long)max);
        return -EINVAL;
    }
    *out = n;
    return 0;
}

static unsigned processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > WORKERS_MAX ? WORKERS_MAX : (unsigned)n;
}

static int lock_rule_from(const char *text, int *out)
{
    static const char *const names[] = {
        [DREY_LOCK_RULE_WARN] = "warn", [DREY_LOCK_RULE_ABORT] = "abort", [DREY_LOCK_RULE_OFF] = "off"};
    if (text == NULL || *text == '\0') {
        *out = DREY_LOCK_RULE_WARN;
        return 0;
    }
    for (int i = DREY_LOCK_RULE_WARN; i <= DREY_LOCK_RULE_OFF; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return 0;
        }
    drey__report("DREY_LOCK_RULE is \"%s\"; it takes warn, abort or off", text);
    return -EINVAL;
}

static bool in_range(const drey_config *c)
{
    return c->workers <= WORKERS_MAX && c->stack_size <= drey__stack_class_bytes(DREY__STACK_CLASS_DEEP) &&
           c->io >= DREY_IO_AUTO && c->io <= DREY_IO_EPOLL && c->clock >= DREY_CLOCK_REAL &&
           c->clock <= DREY_CLOCK_VIRTUAL && c->lock_rule >= DREY_LOCK_RULE_DEFAULT &&
           c->lock_rule <= DREY_LOCK_RULE_OFF && c->shutdown_grace >= 0;
}

/* Fill in what the configuration leaves open: the environment first, then the defaults. */
static int complete(drey_config *c)
{
    uint64_t n = 0;
    if (!in_range(c))
        return -EINVAL;
    if (c->workers == 0) {
        int rc = number_from("DREY_WORKERS", WORKERS_MAX, &n);
        if (rc < 0)
            return rc;
        c->workers = n != 0 ? (unsigned)n : processors();
    }
    if (c->seed == 0) {
        int rc = number_from("DREY_SEED", UINT64_MAX, &c->seed);
        if (rc < 0)
            return rc;
    }
    if (c->lock_rule == DREY_LOCK_RULE_DEFAULT) {
        int rc = lock_rule_from(getenv("DREY_LOCK_RULE"), &c->lock_rule);
        if (rc < 0)
            return rc;
    }
    if (c->shutdown_grace == 0)
        c->shutdown_grace = 5 * (int64_t)DREY__NS_PER_SEC;
    if (c->shutdown_report == 0)
        c->shutdown_report = STDERR_FILENO;
    return 0;
}

static int make_root(void)
{
    struct drey__worker *w = drey__rt.workers[0];
    drey_scope_options options = {.name = drey__rt.name != NULL ? drey__rt.name : "root"};
    drey__self = w;
    drey__scope_init(drey__scope_of(&drey__root.scope), NULL, &options, NULL);
    drey_task *t = drey__record_get(&w->records);
    drey__self = NULL;
    if (t == NULL)
        return -ENOMEM;
    memset(t, 0, sizeof *t);
    t->fn = drey__root_main;
    t->scope = t->parent = &drey__root.scope;
    t->worker = w;
    t->stack_class = (uint8_t)drey__rt.stack_class;
    drey__scope_of(&drey__root.scope)->live = 1;
    w->pending = t; /* worker 0 starts it: the calling thread */
    return 0;
}

static int run_workers(void)
{
    int rc = make_root();
    if (rc < 0)
        return rc;
    atomic_store_explicit(&drey__signals_heard, true, memory_order_seq_cst);
    rc = drey__runtime_run();
    return rc < 0 ? rc : drey__root.result;
}

/* Writes to a closed pipe or socket are results, not signals, while the runtime has this thread. */
static void block_sigpipe(sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, old);
}

static void restore_sigpipe(const sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (!sigismember(old, SIGPIPE))
        while (sigtimedwait(&set, NULL, &(struct timespec){0}) == SIGPIPE) {
        }
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

static int run(drey_config *c, drey_fn *fn, void *arg)
{
    sigset_t old;
    int rc = drey__io_choose(c->io);
    if (rc < 0)
        return rc;
    rc = drey__runtime_open(c, c->workers);
    if (rc < 0)
        return rc;
    drey__rt.lock_rule = c->lock_rule;
    drey__rt.name = c->name;
    atomic_store_explicit(&drey__grace_over, false, memory_order_relaxed);
    drey__root = (struct drey__root){.fn = fn, .arg = arg};
    block_sigpipe(&old);
    drey__overflow_install();
    rc = run_workers();
    if (atomic_load_explicit(&drey__root.gave_up, memory_order_acquire))
        return -ETIMEDOUT; /* tasks are still there: nothing can be taken down */
    drey__offload_close_default();
    drey__overflow_remove();
    drey__signals_end();
    restore_sigpipe(&old);
    drey__runtime_close();
    return rc;
}

int drey_run(const drey_config *config, drey_fn *fn, void *arg)
{
    drey_config c = config != NULL ? *config : (drey_config){0};
    pid_t nobody = 0;
    if (drey_in_task())
        return -EPERM;
    int rc = complete(&c);
    if (rc < 0)
        return rc;
    if (!atomic_compare_exchange_strong(&running_in, &nobody, getpid()))
        return nobody == getpid() ? -EBUSY : -EPERM;
    rc = run(&c, fn, arg);
    if (!atomic_load_explicit(&drey__root.gave_up, memory_order_acquire))
        atomic_store(&running_in, 0);
    return rc;
}
