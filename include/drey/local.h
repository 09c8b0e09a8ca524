/* SPDX-License-Identifier: MIT */
/**
 * Task-local values: what travels with a request without being passed to every function.
 *
 * When to use: request ids, loggers, credentials in force. What a function cannot work without should be an argument.
 * Order: bindings nest and end in reverse order; the innermost one of a key is what drey_local_get finds.
 * Inheritance: a child task sees the bindings of inherited keys that the opener had when it opened the scope.
 * Therefore a scope opened after a binding is closed before the binding ends. Bindings travel into offloaded work.
 * Memory: a binding lives in the binder's frame, nothing is allocated; the value stays the binder's.
 *
 *     static const drey_local request_id = {.name = "request_id", .inherited = true};
 *
 *     DREY_BIND(&request_id, id);                     // to the end of this block
 *     ...
 *     const char *id = drey_local_get(&request_id);   // anywhere below
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A key: a static const object, told from others by its address. */
typedef struct drey_local {
    const char *name; /* shown in messages */
    bool inherited;   /* whether children see the binding */
} drey_local;

/** One binding, in the frame that makes it. */
typedef struct drey_binding {
    DREY_INTERNAL(5);
} drey_binding;

/**
 * Bind a value to a key from here on, for this task and for children of scopes opened from here on.
 *
 * @param binding  must stay where it is until unbound
 * @param key      borrowed until unbound
 * @param value    borrowed until unbound; may be NULL
 *
 * Threads: task only; aborts elsewhere.
 */
DREY_API
void drey_local_bind(drey_binding *binding, const drey_local *key, void *value);

/** End a binding: by the task that made it, the newest first, with every scope opened since closed; else aborts. */
DREY_API
void drey_local_unbind(drey_binding *binding);

/** The value of the innermost binding of key that is in force, or NULL. Threads: tasks and offloaded work. */
DREY_API
void *drey_local_get(const drey_local *key);

/** A declaration: key has the value to the end of the block. */
#define DREY_BIND(key, value) DREY__BIND_AS(DREY__UNIQUE(drey__bound), key, value)

#define DREY__BIND_AS(binding, key, value)                            \
    drey_binding binding __attribute__((cleanup(drey_local_unbind))); \
    drey_local_bind(&binding, (key), (value))

#ifdef __cplusplus
}
#endif
