/* SPDX-License-Identifier: MIT */
/**
 * Waiting for signals.
 *
 * When to use: for SIGINT, SIGTERM, SIGHUP and their like, in a task that then decides what to do; nothing of it runs
 * in a signal handler. To cancel a scope at once, drey_token_cancel_from_signal in a handler of your own does too.
 * Order: while an object is open each arrival of one of its signals is kept for it, at most one of each number, as the
 * kernel does; of several the lowest number is taken first. Each open object gets its own copy. Of several tasks that
 * wait for one object, the first gets it.
 * Memory: nothing is allocated. Meanwhile the signals have no other meaning; when the last object with a signal is
 * closed, the former disposition comes back, unless somebody has changed it since. What nobody took is dropped then.
 * Threads: task only. Signals reach threads that do not block them: the thread that called drey_run (worker 0) keeps
 * its signal mask, the other workers block all asynchronous signals; so a raise() on one of these is never heard.
 *
 *     static DREY_ASYNC int stop_on_signal(void *arg)
 *     {
 *         DREY_SIGNALS(signals, SIGINT, SIGTERM);
 *         int number = drey_signals_wait(&signals);
 *         if (number > 0)
 *             drey_token_cancel(arg, "a signal");
 *         return number;                              // closed here: the next Ctrl-C ends the program
 *     }
 */
#pragma once

#include <drey/base.h>
#include <drey/select.h>
#include <signal.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Some signals, waited for together. Yours; must stay where it is until closed. */
typedef struct drey_signals {
    DREY_INTERNAL(7);
} drey_signals;

/**
 * Catch signals from here on.
 *
 * @param numbers  borrowed until the call returns
 * @return 0: they are caught, until drey_signals_close.
 *         -EINVAL  no number, or one that is no signal, cannot be caught (SIGKILL, SIGSTOP), is raised by an
 *                  instruction or abort (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT), or is SIGPIPE,
 *                  which the runtime blocks; nothing is caught, and nothing has to be closed
 *         -EPERM   outside a task
 */
DREY_API DREY_MUST_USE
int drey_signals_open(drey_signals *signals, const int *numbers, size_t count);

/** Stop catching; aborts while a task waits. Does nothing if it is closed or was not opened. Threads: task only. */
DREY_API
void drey_signals_close(drey_signals *signals);

/** A declaration: catches the signals named to the end of the block. If that failed, drey_signals_wait returns why. */
#define DREY_SIGNALS(name, ...) DREY__SIGNALS_AS(name, DREY__UNIQUE(drey__numbers), __VA_ARGS__)

#define DREY__SIGNALS_AS(name, numbers, ...)                           \
    const int numbers[] = {__VA_ARGS__};                               \
    drey_signals name __attribute__((cleanup(drey_signals_close)));    \
    drey__signals_start(&name, numbers, sizeof numbers / sizeof(int))

/** What DREY_SIGNALS runs. */
DREY_API
void drey__signals_start(drey_signals *signals, const int *numbers, size_t count);

/**
 * Wait for one of the signals.
 *
 * @return its number, which is taken.
 *         -ECANCELED  the scope was cancelled; none was taken
 *         or what the failed opening by DREY_SIGNALS gave
 *
 * Suspends: until one arrives.
 * Cancel:   no effect.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_signals_wait(drey_signals *signals);

/** A case for drey_select: happens when one of the signals has arrived, and takes it; result: its number. out_number
 *  gets that too, or is NULL; a dormant task has no other way to know it. */
static inline drey_case drey_on_signal(drey_signals *signals, int *out_number)
{
    return drey__case_of(DREY_ON_SIGNAL, signals, out_number, 0, 0);
}

#ifdef __cplusplus
}
#endif
