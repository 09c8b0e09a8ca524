/* SPDX-License-Identifier: MIT */
/**
 * Scopes and the tasks in them.
 *
 * When to use: whenever something runs beside something else, or must end by some time. A scope is at once the nursery
 * (it ends only when all its children have), the deadline, the limit on concurrency and the boundary of cancellation.
 * Order: scopes close in the reverse order of opening, by the task that opened them. Children start in the order
 * in which they were added, worker by worker.
 * Memory: the scope lives in the opener's frame; a child costs a record, and a stack once it starts.
 * Threads: task only. Only the opener and tasks inside the scope may add children to it; others abort.
 *
 *     DREY_SCOPE(scope, .limit = 8, .timeout = DREY_SEC(2));
 *     int rc = 0;
 *     for (size_t i = 0; i < n && rc == 0; i++)
 *         rc = drey_go(&scope, fetch, &jobs[i]);   // waits here while 8 are running
 *     return drey_scope_close(&scope, rc);         // the first failure cancelled the others; all have ended
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A scope, in the frame of the task that opens it. */
typedef struct drey_scope {
    DREY_INTERNAL(36);
} drey_scope;

/** Zero in any field means none. In C++ designators follow this order. */
typedef struct drey_scope_options {
    unsigned limit;        /* children that run at once */
    drey_duration timeout; /* from the opening; a negative one has expired */
    drey_time deadline;    /* on drey_now's clock; the nearer of both counts */
    drey_token *token;     /* cancels the scope when it fires; borrowed until closed */
    size_t stack_size;     /* bytes, for the children's stacks, 8 MB at most; default the runtime's */
    const char *name;      /* shown in dumps and reasons; a static string */
    bool keep_going;       /* a child's failure neither cancels nor becomes the result, it is only counted */
    bool shield;           /* cancellation from outside does not reach in; needs a timeout */
    bool spread;           /* for long-lived children: place each on the less loaded of two workers */
} drey_scope_options;

/** Why a scope was cancelled. The first cause counts. */
typedef enum {
    DREY_CAUSE_NONE,
    DREY_CAUSE_FAILURE,  /* a child failed, or the body closed with a negative result */
    DREY_CAUSE_DEADLINE,
    DREY_CAUSE_TOKEN,
    DREY_CAUSE_REQUEST,  /* drey_scope_cancel or drey_task_cancel */
    DREY_CAUSE_SHUTDOWN, /* the runtime is going down */
} drey_cause;

/** The reason of a cancellation, for error texts. The strings are static or live as long as the scope. */
typedef struct drey_reason {
    drey_cause cause;
    int code;          /* the result that goes with the cause */
    const char *why;   /* as given by who cancelled, or NULL */
    const char *scope; /* name of the scope where it began, or NULL */
    const char *task;  /* name of the task that caused it, or NULL */
    void *place;       /* code address of the cause, or NULL */
} drey_reason;

/** A function and its argument, for drey_race. */
typedef struct drey_call {
    drey_fn *fn;
    void *arg;
} drey_call;

/** What a dormant task runs when case number `event` has happened, or with -ECANCELED when its scope was cancelled. */
typedef int drey_step_fn(void *arg, int event);

enum {
    DREY_WHEN_MAX = 3,  /* cases of a dormant task at most */
    DREY_COPY_MAX = 40, /* bytes that drey_go_copy can carry */
};

/**
 * Declare a scope and open it: DREY_SCOPE(scope, .limit = 8). The rest are fields of drey_scope_options.
 * Leaving the block without drey_scope_close aborts with the place of the opening.
 */
#define DREY_SCOPE(name, ...)                                   \
    drey_scope name __attribute__((cleanup(drey__scope_left))); \
    drey_scope_open(&name, __VA_ARGS__)

/** Open a scope that lives elsewhere: drey_scope_open(&server->scope, .name = "server"). */
#ifdef __cplusplus
#define drey_scope_open(scope, ...) drey__scope_open((scope), drey_scope_options{__VA_ARGS__}, DREY_HERE)
#else
#define drey_scope_open(scope, ...) drey__scope_open((scope), (drey_scope_options){__VA_ARGS__}, DREY_HERE)
#endif

/**
 * Open a scope inside the task's innermost one. Never fails, never suspends; aborts outside a task.
 *
 * @param scope    yours; must stay where it is until closed. Its place is the caller's address
 * @param options  what they point to is borrowed until the scope is closed
 */
DREY_API
void drey_scope_open_with(drey_scope *scope, drey_scope_options options);

/** As drey_scope_open_with, with the place to show in reports: a static string, usually DREY_HERE. */
DREY_API
void drey_scope_open_at(drey_scope *scope, drey_scope_options options, const char *place);

/** As drey_scope_open_at, without options. */
DREY_API
void drey__scope_open_plain(drey_scope *scope, const char *place);

/** What drey_scope_open calls: the shorter way where the compiler sees that there are no options. */
static inline __attribute__((always_inline)) void drey__scope_open(drey_scope *scope, drey_scope_options options,
                                                                   const char *place)
{
    bool plain = options.limit == 0 && options.timeout == 0 && options.deadline == 0 && options.token == NULL &&
                 options.stack_size == 0 && options.name == NULL && !options.keep_going && !options.shield &&
                 !options.spread;
    if (__builtin_constant_p(plain) && plain)
        drey__scope_open_plain(scope, place);
    else
        drey_scope_open_at(scope, options, place);
}

/** What DREY_SCOPE runs at the end of its block: aborts unless the scope is closed. */
DREY_API
void drey__scope_left(drey_scope *scope);

/**
 * Wait until every child has ended, and end the scope. By the opener, for its innermost scope; else aborts.
 *
 * @param rc  the body's result; a negative one cancels the children
 * @return by the scope's first cause:
 *         none      rc
 *         failure   the code of the child or the body that failed
 *         request   what drey_scope_cancel was given; if that was 0, rc, or 0 if rc is -ECANCELED
 *         deadline  -ETIMEDOUT if the body or a child was negative afterwards, else rc: work done in time is kept
 *         token, outer scope, shutdown
 *                   -ECANCELED by the same test, else rc
 *
 * Suspends: while children run.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_scope_close(drey_scope *scope, int rc);

/**
 * Cancel the scope; if it is cancelled already, nothing changes. By the opener or a task inside.
 *
 * @param result  what drey_scope_close returns; 0 means "enough": the goal is reached
 * @param why     shown by drey_cancel_reason and dumps; a static string, or NULL
 */
DREY_API
void drey_scope_cancel(drey_scope *scope, int result, const char *why);

/** Move the deadline, earlier or later; 0 removes it, but not from a shield, where it aborts; no effect once cancelled.
 *  By the opener or a task inside. */
DREY_API
void drey_scope_set_deadline(drey_scope *scope, drey_time when);

/** How many children failed; valid after the close too, as long as the scope's memory is. */
DREY_API
size_t drey_scope_failed(const drey_scope *scope);

/**
 * Start a child. Its failure fails the scope, unless .keep_going.
 *
 * @param arg  owned by fn if 0 is returned, else untouched and still the caller's
 * @return 0: fn will be called exactly once, even if the scope is cancelled meanwhile.
 *         -ECANCELED  the caller's scope or this one was cancelled; fn is never called
 *         -EDEADLK    all running children wait for room under this very limit; fn is never called
 *         -ENOMEM     no memory, or drey_config.max_tasks reached; fn is never called
 *
 * Suspends: while the scope is at its limit.
 * Cancel:   gives the place in the line up.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_go(drey_scope *scope, drey_fn *fn, void *arg);

/**
 * As drey_go without waiting; the caller's own cancellation does not refuse it, so that cleanup can use it.
 *
 * @return 0: fn will be called exactly once.
 *         -EAGAIN     the scope is at its limit
 *         -ECANCELED  this scope was cancelled
 *         -ENOMEM     as drey_go
 *         -EPERM      outside a task
 */
DREY_API DREY_MUST_USE
int drey_try_go(drey_scope *scope, drey_fn *fn, void *arg);

/**
 * As drey_go; fn gets a copy of the argument that lives until fn returns.
 *
 * @param arg   borrowed until the call returns; the copy is aligned to 8 bytes
 * @param size  bytes to copy, DREY_COPY_MAX at most
 * @return as drey_go.
 *         -E2BIG  size is above DREY_COPY_MAX; fn is never called
 *
 * Suspends: while the scope is at its limit.
 * Cancel:   gives the place in the line up.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_go_copy(drey_scope *scope, drey_fn *fn, const void *arg, size_t size);

/**
 * Start a helper (a watcher, a heartbeat) that is cancelled once the body has closed and all other children have ended.
 * It does not count against the limit, and its -ECANCELED then is no failure.
 *
 * @return as drey_go, without -EDEADLK.
 *
 * Suspends: when the budget is spent.
 * Cancel:   as drey_go.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_go_daemon(drey_scope *scope, drey_fn *fn, void *arg);

/**
 * Start a child whose result somebody joins. Its failure is the joiner's; if nobody joined, it counts at the close.
 *
 * @param out_task  a handle, good until joined or until the scope is closed; never freed by you
 * @return as drey_go.
 *
 * Suspends: while the scope is at its limit.
 * Cancel:   gives the place in the line up.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_spawn(drey_scope *scope, drey_fn *fn, void *arg, drey_task **out_task);

/**
 * Wait for a spawned task to end. A task has one joiner; a second aborts.
 *
 * @param task        consumed if 0 is returned
 * @param out_result  the task's result
 * @return 0: it has ended.
 *         -ECANCELED  the caller's scope was cancelled; the handle is still good
 *
 * Suspends: unless the task has ended.
 * Cancel:   not refused if the task has ended.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_join(drey_task *task, int *out_result);

/** Cancel one spawned task, until it is joined; its -ECANCELED then is no failure. why: a static string, or NULL. */
DREY_API
void drey_task_cancel(drey_task *task, const char *why);

/**
 * Start a dormant child: a record without a stack, until one of the cases happens. Then fn runs as a task, and may go
 * back to being dormant by returning drey_again_when. It counts against the limit all the time.
 *
 * @param arg    as drey_go
 * @param cases  copied; what they point to is borrowed until a case happened, and is not on the caller's stack (aborts)
 * @param n      1 to DREY_WHEN_MAX
 * @return as drey_go.
 *         -EINVAL  n is out of range; fn is never called
 *
 * Suspends: while the scope is at its limit.
 * Cancel:   gives the place in the line up. Once started, cancellation calls fn(arg, -ECANCELED).
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_go_when(drey_scope *scope, drey_step_fn *fn, void *arg, drey_case *cases, size_t n);

/**
 * Go dormant again: only as `return drey_again_when(...)` of a drey_step_fn, with no scope open, no lock held and no
 * handle unjoined.
 *
 * @param cases, n  as drey_go_when
 * @return what the step function must return.
 *         -EINVAL  n is out of range; returned on, it fails the task
 */
DREY_API DREY_MUST_USE
int drey_again_when(drey_case *cases, size_t n);

/**
 * Run fn on the caller's stack, in a scope with a timeout.
 *
 * @param duration  0 or less has expired already
 * @return fn's result.
 *         -ETIMEDOUT  time was up and fn failed after that
 *         -ECANCELED  the caller's scope was cancelled
 *
 * Suspends: as fn does.
 * Cancel:   reaches fn.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_timeout(drey_duration duration, drey_fn *fn, void *arg);

/**
 * Run all calls at once; the first success wins and cancels the others. Every racer has ended on return.
 *
 * @param calls        borrowed until the call returns
 * @param out_results  n results, one a call; successes beside the winner's are the caller's to dispose of
 * @return index of the first success; if all failed, the result of calls[0].
 *         -ECANCELED  the scope was cancelled before one succeeded
 *         -EINVAL     n is 0
 *         -ENOMEM     as drey_go
 *
 * Suspends: always, unless refused.
 * Cancel:   reaches the racers, which are then waited for.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_race(const drey_call *calls, size_t n, int out_results[]);

/**
 * Let other tasks run.
 *
 * @return 0, or -ECANCELED.
 *
 * Suspends: always, unless refused.
 * Cancel:   refuses.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_yield(void);

/**
 * The suspension point for loops that compute: yields only if the task's budget is spent.
 *
 * @return 0, or -ECANCELED.
 *
 * Suspends: when the budget is spent.
 * Cancel:   refuses.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_check(void);

/** Whether the current scope is cancelled. Threads: tasks and offloaded work. */
DREY_API
bool drey_cancelled(void);

/** Why the current scope is cancelled; false, and out_reason untouched, if it is not. Threads: task only. */
DREY_API
bool drey_cancel_reason(drey_reason *out_reason);

/** The nearest deadline in force for the caller, or 0. Threads: task only. */
DREY_API
drey_time drey_deadline(void);

#ifdef __cplusplus
}
#endif
