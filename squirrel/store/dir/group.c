/* SPDX-License-Identifier: MIT */
/* A group of the writer (S1): decided on the store's thread, made durable by its task, then published. */
#include <errno.h>
#include <stdlib.h>

#include "store/dir/keeper.h"
#include "store/group.h"

enum { APPEND_SECONDS = 3600 };

typedef struct deciding {
    sq_group *group;
    sq_txn *txn;
} deciding;

static int decide(void *arg)
{
    const deciding *d = arg;
    sq_group_run(d->group, d->txn);
    return 0;
}

/* Uncut: what was decided is written. */
static DREY_ASYNC int append(sq_dir *dir, bool *out_clean)
{
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(APPEND_SECONDS), .name = "appending to a journal");
    return drey_scope_close(&scope, sq_journal_append(&dir->journal, out_clean));
}

/* What was decided did not become durable. If the file is as before, others may try again (S4). */
static void take_back(sq_dir *dir, sq_group *group, int rc, bool clean)
{
    sq_error error;
    sq_dir_fail(&error, dir->journal.path, rc == -ECANCELED ? -EIO : rc);
    dir->stage.txn.ops->rollback(&dir->stage.txn);
    for (size_t i = 0; i < group->made_count; i++)
        sq_revision_unref(group->made[i]);
    free(group->made);
    group->made = NULL;
    group->made_count = 0;
    sq_group_fail(group, -EINVAL, &error);
    group->poisons = !clean;
}

int sq_dir_run_group(sq_store *store, sq_group *group)
{
    sq_dir *dir = (sq_dir *)store;
    bool clean = false;
    deciding d = {group, &dir->stage.txn};
    if (group->first->alone)
        return decide(&d); /* the store's own work, which is the task's */
    int rc = drey_pool_call(dir->pool, &(drey_job){.fn = decide, .arg = &d});
    if (rc < 0 || group->failed)
        return rc;
    if (dir->journal.pending.bytes > 0 && (rc = append(dir, &clean)) < 0) {
        take_back(dir, group, rc, clean);
        return 0;
    }
    sq_keeper_publish(dir);
    drey_notify_one(&dir->keeper.work);
    return 0;
}
