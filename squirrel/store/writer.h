/* SPDX-License-Identifier: MIT */
/* The queue in front of a store's one writer. Writes queue up; the writer task takes what is there as a group, has the
 * store run it as one transaction, tells the listener what was committed, and answers (S1, S20).
 *
 *     asks:    prepare, enqueue, wait                            answer
 *     writer:                    take a group, run               committed(), open the gates
 *     store:                                   begin, (save, decide, keep or revert)*, commit
 *
 * W1  A job that is queued belongs to its asker, who takes it out again when cancelled; once taken it belongs to the
 *     group, and its asker waits for the answer even if cancelled.
 * W2  A write that fails by the rules is reverted to its savepoint and does not fail its group.
 * W3  After a commit that failed nothing is written any more: its writes and all later ones fail, until the store is
 *     opened again (S4).
 * W4  What is committed reaches the listener in the order of the commits, before any of its askers is answered. */
#pragma once
#include "store/decide.h"

typedef struct sq_writer sq_writer;
typedef struct sq_group sq_group;

/* Has sq_group_run called once, where the store's transactions run, and returns 0; or -ECANCELED if it was not called,
 * because the writer's scope was cancelled. */
typedef DREY_ASYNC int sq_run_group(sq_store *store, sq_group *group);

/* A piece of the store's own work that runs in the place of a write: in a transaction, under a savepoint (txn), or, if
 * it asked to be alone, outside of any (txn is NULL). 0, -EINVAL, -ENOMEM, -EAGAIN (all: reverted) or -EIO. */
typedef int sq_work(sq_txn *txn, void *arg, sq_error *error);

/* Starts the writer as a daemon of `scope`. */
DREY_ASYNC int sq_writer_open(drey_scope *scope, sq_store *store, sq_run_group *run, sq_writer **out, sq_error *error);

/* As sq_store_ops.write. */
DREY_ASYNC int sq_writer_write(sq_writer *writer, const sq_write *writes, size_t count, sq_written *out,
                               sq_error *error);

/* Runs `fn` between or inside groups and waits for it. Results as fn's, but -EINVAL for -EIO. */
DREY_ASYNC int sq_writer_call(sq_writer *writer, sq_work *fn, void *arg, bool alone, sq_error *error);

/* Refuses further writes with store_failed and this reason; the first reason stays (S4). Any task. */
void sq_writer_poison(sq_writer *writer, const sq_error *why);

/* Fills writes, groups, queued, condition and last_error. */
DREY_ASYNC void sq_writer_status(sq_writer *writer, sq_status *out);

/* Commits what is queued, ends the task, frees. Uncut. */
DREY_ASYNC void sq_writer_close(sq_writer *writer);

/* For the store's sq_run_group: begin, every write under its savepoint, commit. `txn` is the store's, with ops and
 * limits set. Any thread; suspends only if the primitives do. Needs 64 KiB of stack. */
void sq_group_run(sq_group *group, sq_txn *txn);
