/* SPDX-License-Identifier: MIT */
/* The primitives of txn.h: those on tables, and beside each change its record in the group that is being made. What the
 * tables keep of a revision is all but its data. */
#include <errno.h>
#include <string.h>

#include "store/dir/keeper.h"
#include "store/disk.h"

static sq_dir *dir_of(sq_txn *txn)
{
    sq_stage *stage = (sq_stage *)txn;
    return (sq_dir *)((char *)stage - offsetof(sq_dir, stage));
}

static int check(const sq_dir *dir, sq_error *error)
{
    return dir->journal.pending.failed ? sq_fail_memory(error) : 0;
}

static int begin(sq_txn *txn, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    sq_text_clear(&dir->journal.pending);
    dir->journal.pending.failed = false;
    txn->disk_low = sq_disk_low(dir->own);
    return sq_stage_ops.begin(txn, error);
}

static void put_project(sq_dir *dir, const sq_project *project)
{
    size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_PROJECT);
    sq_put_project(&dir->journal.pending, project);
    sq_journal_end(&dir->journal, start);
}

/* The rows of projects as they are at the end, each once. */
static void put_rows(sq_dir *dir)
{
    const sq_stage *stage = &dir->stage;
    dir->commits++;
    for (size_t i = 0; i < stage->change_count; i++) {
        sq_shelf *shelf = stage->changes[i].shelf;
        if (stage->changes[i].kind != SQ_CHANGE_PROJECT || shelf->noted == dir->commits)
            continue;
        shelf->noted = dir->commits;
        put_project(dir, &shelf->work);
    }
}

static int commit(sq_txn *txn, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    put_rows(dir);
    sq_keeper_put_notes(dir);
    if (dir->journal.pending.bytes > 0)
        sq_journal_seal(&dir->journal);
    return check(dir, error) < 0 ? -EIO : 0;
}

static void rollback(sq_txn *txn)
{
    sq_text *pending = &dir_of(txn)->journal.pending;
    sq_stage_ops.rollback(txn);
    sq_text_clear(pending);
    pending->failed = false;
}

static int save(sq_txn *txn, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    dir->saved = dir->journal.pending.bytes;
    return sq_stage_ops.save(txn, error);
}

static int revert(sq_txn *txn, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    dir->journal.pending.bytes = dir->saved;
    dir->journal.pending.failed = false;
    return sq_stage_ops.revert(txn, error);
}

/* A new one goes before what is in it. */
static int project_put(sq_txn *txn, sq_project *project, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    bool fresh = project->num == 0;
    int rc = sq_stage_ops.project_put(txn, project, error);
    if (rc == 0 && fresh)
        put_project(dir, project);
    return rc < 0 ? rc : check(dir, error);
}

static int revision(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev,
                    const sq_revision **out, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    (void)head;
    const sq_stored *stored = sq_node_rev(sq_node_find(sq_shelf_find(&dir->tables, project->name), id), rev);
    if (!stored || stored->gone)
        return -ENOENT;
    int rc = sq_journal_load_here(&dir->journal, true, stored->revision, stored->place, out, error);
    return rc == -EINVAL ? -EIO : rc;
}

static int put(sq_txn *txn, const sq_project *project, sq_head *head, const sq_revision *made, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    sq_revision without = sq_revision_fields(made);
    without.data = NULL;
    sq_revision *thin = sq_revision_new(&without);
    if (!thin)
        return sq_fail_memory(error);
    dir->stage.place = sq_journal_place(&dir->journal);
    size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_REVISION);
    sq_put_revision(&dir->journal.pending, made);
    sq_journal_end(&dir->journal, start);
    int rc = check(dir, error);
    if (rc == 0)
        rc = sq_stage_ops.put(txn, project, head, thin, error);
    sq_revision_unref(thin);
    return rc;
}

static int drop(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t rev, bool purge,
                sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    int rc = sq_stage_ops.drop(txn, project, id, head, rev, purge, error);
    if (rc < 0)
        return rc;
    size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_DROP);
    sq_put_drop(&dir->journal.pending, &(sq_dropped){project->name, id, rev, purge});
    sq_journal_end(&dir->journal, start);
    return check(dir, error);
}

static int operation_put(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                         const sq_operation *operation, sq_error *error)
{
    sq_dir *dir = dir_of(txn);
    int rc = sq_stage_ops.operation_put(txn, project, principal, key, operation, error);
    if (rc < 0)
        return rc;
    size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_OPERATION);
    sq_put_operation(&dir->journal.pending, &(sq_kept_operation){project->name, principal, key, *operation});
    sq_journal_end(&dir->journal, start);
    return check(dir, error);
}

/* Those of stage.c that are right as they are. */
static int keep(sq_txn *txn, sq_error *error)
{
    return sq_stage_ops.keep(txn, error);
}

static int project_get(sq_txn *txn, const char *name, sq_project *out, sq_error *error)
{
    return sq_stage_ops.project_get(txn, name, out, error);
}

static int head_of(sq_txn *txn, const sq_project *project, const char *id, sq_head *out, sq_error *error)
{
    return sq_stage_ops.head(txn, project, id, out, error);
}

static int child(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t *position,
                 char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    return sq_stage_ops.child(txn, project, id, head, position, out_id, error);
}

static int oldest(sq_txn *txn, const sq_project *project, const char *id, const sq_head *head, int64_t after,
                  sq_oldest *out, sq_error *error)
{
    return sq_stage_ops.oldest(txn, project, id, head, after, out, error);
}

static int expired(sq_txn *txn, sq_project *out_project, char out_id[SQ_ID_BYTES + 1], sq_error *error)
{
    return sq_stage_ops.expired(txn, out_project, out_id, error);
}

const sq_txn_ops sq_dir_txn_ops = {
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .save = save,
    .keep = keep,
    .revert = revert,
    .project_get = project_get,
    .project_put = project_put,
    .head = head_of,
    .revision = revision,
    .child = child,
    .put = put,
    .oldest = oldest,
    .drop = drop,
    .operation_get = sq_operation_get,
    .operation_put = operation_put,
    .expired = expired,
    .operations_expire = sq_operations_expire,
};
