/* SPDX-License-Identifier: MIT */
/* Transactions on tables: the primitives of txn.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/memory/tables.h"
#include "store/wall.h"

static sq_stage *stage_of(sq_txn *txn)
{
    return (sq_stage *)txn;
}

void sq_stage_init(sq_stage *stage, sq_tables *tables, sq_store *store, const sq_txn_ops *ops)
{
    *stage = (sq_stage){
        .txn = {.ops = ops, .limits = &store->options.limits, .pins = &store->pins},
        .tables = tables,
    };
}

void sq_stage_deinit(sq_stage *stage)
{
    free(stage->changes);
}

/* A place for one more change, or NULL. It counts once its step has succeeded. */
sq_change *sq_stage_change(sq_stage *stage)
{
    if (stage->change_count == stage->change_room) {
        size_t room = stage->change_room ? 2 * stage->change_room : 64;
        sq_change *changes = realloc(stage->changes, room * sizeof *changes);
        if (!changes)
            return NULL;
        stage->changes = changes;
        stage->change_room = room;
    }
    return &stage->changes[stage->change_count];
}

static void lock(const sq_stage *stage)
{
    pthread_rwlock_wrlock(&stage->tables->lock);
}

static void unlock(const sq_stage *stage)
{
    pthread_rwlock_unlock(&stage->tables->lock);
}

/* ---- the transaction */

static int begin(sq_txn *txn, sq_error *error)
{
    (void)error;
    stage_of(txn)->change_count = stage_of(txn)->saved = 0;
    txn->now = sq_wall();
    return 0;
}

static sq_shelf *shelf_of(sq_txn *txn, const sq_project *project)
{
    return sq_shelf_find(stage_of(txn)->tables, project->name);
}

static int project_get(sq_txn *txn, const char *name, sq_project *out, sq_error *error)
{
    (void)error;
    sq_shelf *shelf = sq_shelf_find(stage_of(txn)->tables, name);
    if (!shelf)
        return -ENOENT;
    *out = shelf->work;
    return 0;
}

static int project_put(sq_txn *txn, sq_project *project, sq_error *error)
{
    sq_stage *stage = stage_of(txn);
    sq_shelf *shelf = shelf_of(txn, project);
    sq_change *change = sq_stage_change(stage);
    int rc = change ? 0 : -ENOMEM;
    lock(stage);
    if (rc == 0 && !shelf)
        rc = sq_shelf_add(stage->tables, project, &shelf);
    if (rc == 0) {
        *change = (sq_change){.kind = SQ_CHANGE_PROJECT, .shelf = shelf, .before = shelf->work};
        if (project->num == 0) {
            change->before.num = 0;
            project->num = ++stage->tables->last_project_num;
        }
        shelf->work = *project;
        stage->change_count++;
    }
    unlock(stage);
    return rc < 0 ? sq_fail_memory(error) : 0;
}

static int64_t charge_of(const sq_revision *revision)
{
    return sq_revision_charge(revision->data_bytes, revision->metadata ? strlen(revision->metadata) : 0);
}

static int head(sq_txn *txn, const sq_project *project, const char *id, sq_head *out, sq_error *error)
{
    (void)error;
    sq_shelf *shelf = shelf_of(txn, project);
    sq_node *node = shelf ? sq_node_find(shelf, id) : NULL;
    if (!node)
        return -ENOENT;
    const sq_revision *newest = node->stored[node->count - 1].revision;
    *out = (sq_head){
        .num = node->num,
        .state = sq_revision_state(newest),
        .rev = newest->rev,
        .seq = newest->seq,
        .bytes = charge_of(newest),
        .created_at = newest->created_at,
        .updated_at = newest->at,
        .expires_at = newest->expires_at,
    };
    if (newest->parent_id)
        memcpy(out->parent_id, newest->parent_id, strlen(newest->parent_id) + 1);
    return 0;
}

static int revision(sq_txn *txn, const sq_project *project, const char *id, const sq_head *context, int64_t rev,
                    const sq_revision **out, sq_error *error)
{
    (void)context;
    (void)error;
    const sq_stored *stored = sq_node_rev(sq_node_find(shelf_of(txn, project), id), rev);
    if (!stored || stored->gone)
        return -ENOENT;
    *out = sq_revision_ref(stored->revision);
    return 0;
}

static int child(sq_txn *txn, const sq_project *project, const char *id, const sq_head *context, int64_t *position,
                 char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    (void)context;
    (void)error;
    const sq_node *node = sq_node_find(shelf_of(txn, project), id);
    while ((size_t)*position < node->child_count) {
        const sq_node *below = node->children[(*position)++];
        if (sq_revision_there(below->stored[below->count - 1].revision, txn->now)) {
            memcpy(out_id, below->id, sizeof below->id);
            return 0;
        }
    }
    return -ENOENT;
}

static int put(sq_txn *txn, const sq_project *project, sq_head *context, const sq_revision *made, sq_error *error)
{
    sq_stage *stage = stage_of(txn);
    sq_shelf *shelf = shelf_of(txn, project);
    sq_change *change = sq_stage_change(stage);
    sq_node *node = sq_node_find(shelf, made->id);
    bool fresh = !node;
    int rc = change ? 0 : -ENOMEM;
    lock(stage);
    if (rc == 0 && fresh)
        rc = sq_node_add(shelf, made->id, stage->tables->last_node_num + 1, &node);
    if (rc == 0 && (rc = sq_node_push(shelf, node, made, stage->place)) < 0 && fresh)
        sq_node_remove(shelf, node);
    if (rc == 0) {
        stage->tables->last_node_num += fresh;
        context->num = node->num;
        *change = (sq_change){.kind = SQ_CHANGE_PUT, .shelf = shelf, .node = node};
        stage->change_count++;
    }
    unlock(stage);
    return rc < 0 ? sq_fail_memory(error) : 0;
}

static int oldest(sq_txn *txn, const sq_project *project, const char *id, const sq_head *context, int64_t after,
                  sq_oldest *out, sq_error *error)
{
    (void)context;
    const sq_node *node = sq_node_find(shelf_of(txn, project), id);
    for (size_t i = 0; i < node->count; i++) {
        const sq_revision *one = node->stored[i].revision;
        if (node->stored[i].gone || one->rev <= after)
            continue;
        *out = (sq_oldest){.rev = one->rev, .seq = one->seq, .charge = charge_of(one), .at = one->at};
        return 0;
    }
    sq_fail(error, SQ_STORE_FAILED, "\"%.60s\" has no revisions", id);
    return -EIO;
}

static int drop(sq_txn *txn, const sq_project *project, const char *id, const sq_head *context, int64_t rev, bool purge,
                sq_error *error)
{
    (void)context;
    sq_stage *stage = stage_of(txn);
    sq_shelf *shelf = shelf_of(txn, project);
    sq_node *node = sq_node_find(shelf, id);
    sq_change *change = sq_stage_change(stage);
    if (!change)
        return sq_fail_memory(error);
    *change = (sq_change){.kind = SQ_CHANGE_DROP, .shelf = shelf, .node = node, .drop = {rev, purge}};
    stage->change_count++;
    ((sq_stored *)(uintptr_t)sq_node_rev(node, rev))->gone = true;   /* readers do not look at it (T3) */
    return 0;
}

static bool find_expired(sq_stage *stage, const sq_shelf *shelf, sq_project *out_project, char *out_id)
{
    for (; stage->reap_node < shelf->node_count; stage->reap_node++) {
        const sq_node *node = shelf->by_id[stage->reap_node];
        const sq_revision *newest = node->stored[node->count - 1].revision;
        if (sq_revision_state(newest) != SQ_LIVE || newest->expires_at > stage->txn.now)
            continue;
        *out_project = shelf->work;
        memcpy(out_id, node->id, sizeof node->id);
        return true;
    }
    return false;
}

/* One look at each context, however many calls it takes; readers may sort by_id, hence the lock. */
static int expired(sq_txn *txn, sq_project *out_project, char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    (void)error;
    sq_stage *stage = stage_of(txn);
    const sq_tables *tables = stage->tables;
    bool found = false;
    lock(stage);
    while (!found && stage->reap_shelf < tables->shelf_count) {
        found = find_expired(stage, tables->shelves[stage->reap_shelf], out_project, out_id);
        if (!found) {
            stage->reap_shelf++;
            stage->reap_node = 0;
        }
    }
    unlock(stage);
    if (!found)
        stage->reap_shelf = 0;
    return found ? 0 : -ENOENT;
}

/* ---- the end of it */

static void undo(sq_stage *stage, const sq_change *change)
{
    switch (change->kind) {
    case SQ_CHANGE_PROJECT:
        if (change->before.num == 0)
            sq_shelf_remove(stage->tables, change->shelf);
        else
            change->shelf->work = change->before;
        break;
    case SQ_CHANGE_PUT:
        sq_node_pop(change->shelf, change->node);
        if (change->node->count == 0)
            sq_node_remove(change->shelf, change->node);
        break;
    case SQ_CHANGE_DROP:
        ((sq_stored *)(uintptr_t)sq_node_rev(change->node, change->drop.rev))->gone = false;
        break;
    case SQ_CHANGE_OPERATION:
        sq_operation_undo(stage->tables, change);
        break;
    }
}

/* T4 */
static void undo_to(sq_stage *stage, size_t count)
{
    lock(stage);
    while (stage->change_count > count)
        undo(stage, &stage->changes[--stage->change_count]);
    unlock(stage);
}

static void rollback(sq_txn *txn)
{
    undo_to(stage_of(txn), 0);
}

static int save(sq_txn *txn, sq_error *error)
{
    (void)error;
    stage_of(txn)->saved = stage_of(txn)->change_count;
    return 0;
}

static int keep(sq_txn *txn, sq_error *error)
{
    (void)txn;
    (void)error;
    return 0;
}

static int revert(sq_txn *txn, sq_error *error)
{
    (void)error;
    undo_to(stage_of(txn), stage_of(txn)->saved);
    return 0;
}

void sq_stage_publish(sq_stage *stage)
{
    lock(stage);
    for (size_t i = 0; i < stage->change_count; i++) {
        const sq_change *change = &stage->changes[i];
        if (change->kind == SQ_CHANGE_DROP)
            sq_node_drop(change->shelf, change->node, change->drop.rev);
        else if (change->kind == SQ_CHANGE_PROJECT)
            change->shelf->row = change->shelf->work;
    }
    stage->change_count = stage->saved = 0;
    unlock(stage);
}

static int commit(sq_txn *txn, sq_error *error)
{
    (void)error;
    sq_stage_publish(stage_of(txn));
    return 0;
}

const sq_txn_ops sq_stage_ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .save = save,
    .keep = keep,
    .revert = revert,
    .project_get = project_get,
    .project_put = project_put,
    .head = head,
    .revision = revision,
    .child = child,
    .put = put,
    .oldest = oldest,
    .drop = drop,
    .operation_get = sq_operation_get,
    .operation_put = sq_operation_put,
    .expired = expired,
    .operations_expire = sq_operations_expire,
};
