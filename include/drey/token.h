/* SPDX-License-Identifier: MIT */
/**
 * Tokens: a cancellation signal that anyone may hold and fire.
 *
 * When to use: when the decision to stop is made outside the scope that stops (a signal handler, another thread, a
 * client that went away). Give it to a scope as `.token`, or wait for it in drey_select. To stop a scope from inside,
 * drey_scope_cancel is enough.
 * Order: tokens form a tree; firing one fires all below it. A token fires once and stays fired.
 * Memory: counted references; a token keeps its parent alive. Threads: any, before and after drey_run too.
 *
 *     drey_token *stop;
 *     int rc = drey_token_new(NULL, &stop);
 *     if (rc < 0)
 *         return rc;
 *     DREY_SCOPE(scope, .token = stop);
 *     rc = drey_go(&scope, serve, server);
 *     rc = drey_scope_close(&scope, rc);   // -ECANCELED once somebody calls drey_token_cancel(stop, "going down")
 *     drey_token_unref(stop);
 */
#pragma once

#include <drey/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a token.
 *
 * @param parent     fires this one too when fired; the token keeps a reference on it; NULL for a root.
 *                   If it has fired already, the new token is born fired.
 * @param out_token  the caller owns one reference
 * @return 0, or -ENOMEM.
 *
 * Threads: any.
 */
DREY_API DREY_MUST_USE
int drey_token_new(drey_token *parent, drey_token **out_token);

/** Take one more reference, which the caller owns; returns token. Threads: any. */
DREY_API
drey_token *drey_token_ref(drey_token *token);

/** Give one reference back (consumed). Threads: any, but not from a signal handler. */
DREY_API
void drey_token_unref(drey_token *token);

/**
 * Fire the token and all below it; firing again does nothing.
 *
 * On return every scope that has one of these tokens is marked as cancelled, whichever worker it runs on.
 *
 * @param token  borrowed until the call returns
 * @param why    shown by drey_cancel_reason and dumps; a static string, or NULL
 *
 * Threads: any, but not from a signal handler.
 */
DREY_API
void drey_token_cancel(drey_token *token, const char *why);

/**
 * As drey_token_cancel, from a signal handler: drey_token_cancelled is true at once, a worker marks the scopes soon
 * after.
 *
 * @param token  borrowed; whoever installed the handler keeps a reference as long as the handler may run
 *
 * Threads: any; async-signal-safe.
 */
DREY_API
void drey_token_cancel_from_signal(drey_token *token);

/** Whether the token or one above it has fired. Threads: any. */
DREY_API
bool drey_token_cancelled(const drey_token *token);

/**
 * Wait until the token fires.
 *
 * @param token  borrowed until the call returns
 * @return 0: it has fired.
 *         -ECANCELED  the caller's own scope was cancelled
 *
 * Suspends: unless the token has fired.
 * Cancel:   no effect.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_token_wait(drey_token *token);

#ifdef __cplusplus
}
#endif
