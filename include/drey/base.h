/* SPDX-License-Identifier: MIT */
/**
 * What every other header builds on: the marks on functions, the basic types, and the names of the nouns.
 *
 * Conventions. A function returns 0, a count or an index, or a negative errno; drey never reports through errno.
 * On failure outputs are untouched unless said. Three words tell who owns an argument: borrowed (until the call
 * returns, or as long as said), owned (the receiver disposes of it), consumed (gone when the call returns).
 * Structs that you embed are zero-initialised, `{0}`; misuse (unlocking what is not locked, ending the life of what has
 * waiters) is not an error but aborts with a sentence that names the function and the rule.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Marks a function that may suspend the calling task; another task of the same worker may run meanwhile.
 *
 * Such a function is legal in a task only and returns -EPERM anywhere else. Once the task's scope is cancelled it
 * returns -ECANCELED and has no effect, unless its docs say that it is uncut. Calling one while holding a mutex or a
 * rwlock is reported by the lock rule, whether or not the call would really wait. Mark your own functions with it too:
 * the checker reads the mark.
 */
#if defined(__clang__)
#define DREY_ASYNC __attribute__((annotate("drey_async")))
#else
#define DREY_ASYNC
#endif

/** Marks a function whose result must be looked at. */
#define DREY_MUST_USE __attribute__((warn_unused_result))

/** Marks a function that the shared library exports. */
#define DREY_API __attribute__((visibility("default")))

/** The body of a struct that you may embed but not look into. */
#define DREY_INTERNAL(words) uint64_t _private[words]

/** The place where it is written, as "file:line". */
#define DREY_HERE __FILE__ ":" DREY__STRING(__LINE__)

/** A point in time: nanoseconds on the runtime's clock, see drey_now. 0 means none. */
typedef int64_t drey_time;

/** A length of time: nanoseconds, made with DREY_US, DREY_MS and DREY_SEC. */
typedef int64_t drey_duration;

/** What a task runs. 0 or a positive result is success, a negative errno is failure. */
typedef int drey_fn(void *arg);

/* The nouns are named here so that a header can mention another's without including it. */
typedef struct drey_task drey_task;
typedef struct drey_token drey_token;
typedef struct drey_case drey_case;
typedef struct drey_sem drey_sem;
typedef struct drey_notify drey_notify;
typedef struct drey_gate drey_gate;
typedef struct drey_chan drey_chan;
typedef struct drey_broadcast drey_broadcast;
typedef struct drey_subscription drey_subscription;
typedef struct drey_watch drey_watch;
typedef struct drey_pool drey_pool;

#define DREY__STRING_OF(text) #text
#define DREY__STRING(text) DREY__STRING_OF(text)
#define DREY__JOIN_OF(a, b) a##b
#define DREY__JOIN(a, b) DREY__JOIN_OF(a, b)
#define DREY__UNIQUE(prefix) DREY__JOIN(prefix, __COUNTER__)
