/* SPDX-License-Identifier: MIT */
/* The rules, once for all stores: carries out a prepared write in a transaction (S1, S9, S13 to S16, S19, S30, S32). */
#pragma once
#include "store/prepare.h"
#include "store/txn.h"

/* 0: *out has the revision. -EINVAL, -ENOMEM: refused, *error and perhaps out->current are set; the caller reverts what
 * it may have put. -EIO: the store failed. Must not overflow: it needs 64 KiB of stack. */
int sq_decide(sq_txn *txn, sq_prepared *write, sq_written *out, sq_error *error);

/* Turns expired contexts into tombstones and forgets expired operation keys, at most `limit` of each. */
int sq_decide_reap(sq_txn *txn, size_t limit, size_t *out_count, sq_error *error);
