/* SPDX-License-Identifier: MIT */
/* Compaction and scrubbing: the journal is made anew without what is dead. Writers wait meanwhile, readers do not. */
#include <errno.h>
#include <stdio.h>

#include "store/dir/copy.h"
#include "store/dir/files.h"
#include "store/dir/keeper.h"

sq_dir_hooks sq_dir_hook;

enum { COMPACT_BYTES = 8 << 20, SCRUB_LOOK_MS = 5 };

/* The new file takes the name; J3 for what readers find. Nobody knows which it is on the disk if this fails midway. */
static DREY_ASYNC int take_place(sq_dir *dir, const char *path, sq_copy *copy, bool *out_renamed)
{
    sq_journal *journal = &dir->journal;
    *out_renamed = false;
    int rc = sq_files_used->rename(path, journal->path, 0);
    if (rc < 0)
        return rc;
    *out_renamed = true;
    rc = sq_files_used->sync_folder(dir->own);
    if (rc < 0)
        return rc;
    sq_journal_file *file = sq_journal_add(journal, &copy->file);
    if (!file)
        return -ENOMEM;
    pthread_rwlock_wrlock(&dir->tables.lock);
    sq_copy_place(dir, copy, file->generation);
    pthread_rwlock_unlock(&dir->tables.lock);
    sq_journal_switch(journal);
    journal->end = copy->end;
    journal->group = copy->group;
    return 0;
}

static void scrubbed(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->scrubs = 0;
    keeper->purged_count = 0;
    pthread_mutex_unlock(&keeper->lock);
    dir->compacted = dir->journal.end;
}

/* Is the sheet of a purged context still there? It was purged after the keeper had brought all sheets up to date. The
 * writer's task alone changes the tables, so it reads them without their lock. */
static bool purged_left(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    bool found = false;
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = keeper->changed_first; i < keeper->changed_count && !found; i++) {
        const sq_changed *changed = &keeper->changed[i];
        const sq_stored *newest = sq_node_newest(changed->node, changed->shelf->row.seq);
        found = newest && sq_revision_state(newest->revision) == SQ_PURGED;
    }
    pthread_mutex_unlock(&keeper->lock);
    return found;
}

/* As a job alone, by the writer's task, so nothing is purged meanwhile (K6). */
static int compact(sq_txn *txn, void *arg, sq_error *error)
{
    sq_dir *dir = arg;
    char path[SQ_DIR_PATH_BYTES];
    sq_copy copy;
    bool renamed;
    (void)txn;
    if (purged_left(dir))
        return -EAGAIN;
    sq_own_path(dir, "journal.new", path);
    int rc = sq_copy_make(dir, path, true, &copy, error);
    if (rc < 0)
        return rc;
    rc = take_place(dir, path, &copy, &renamed);
    if (rc < 0) {
        sq_dir_fail(error, path, rc == -ECANCELED ? -EIO : rc);
        (void)!sq_files_used->close(copy.file.fd);
        if (renamed)
            sq_writer_poison(dir->writer, error); /* S4 */
        rc = -EINVAL;
    } else {
        scrubbed(dir);
    }
    sq_copy_free(&copy);
    return rc;
}

int sq_compact(sq_dir *dir, sq_error *error)
{
    return sq_writer_call(dir->writer, compact, dir, true, error);
}

static int64_t live_bytes(sq_dir *dir)
{
    int64_t bytes = 0;
    pthread_rwlock_rdlock(&dir->tables.lock);
    for (size_t s = 0; s < dir->tables.shelf_count; s++) {
        const sq_shelf *shelf = dir->tables.shelves[s];
        for (size_t i = 0; i < shelf->log_count; i++) {
            if (shelf->log[i].revision)
                bytes += (int64_t)sq_revision_record(shelf->log[i].revision);
        }
    }
    pthread_rwlock_unlock(&dir->tables.lock);
    return bytes;
}

/* By the writer's task: has the journal grown enough to count what of it is dead, and is that the most? */
bool sq_compact_wanted(sq_dir *dir)
{
    int64_t end = dir->journal.end, least = sq_dir_hook.compact_bytes ? sq_dir_hook.compact_bytes : COMPACT_BYTES;
    if (end < least || end < 2 * dir->compacted)
        return false;
    dir->compacted = end / 2;
    bool wanted = 2 * live_bytes(dir) < end;
    if (!wanted)
        dir->compacted = end;
    return wanted;
}

int64_t sq_scrubs(sq_dir *dir)
{
    pthread_mutex_lock(&dir->keeper.lock);
    int64_t scrubs = dir->keeper.scrubs;
    pthread_mutex_unlock(&dir->keeper.lock);
    return scrubs;
}

/* By the keeper, which removes the sheets first. */
int sq_dir_scrub(sq_store *store, sq_error *error)
{
    sq_dir *dir = (sq_dir *)store;
    int rc = 0;
    while (rc == 0 && sq_scrubs(dir) > 0) {
        pthread_mutex_lock(&dir->keeper.lock);
        dir->keeper.scrub_now = true;
        sq_error trouble = dir->keeper.trouble;
        pthread_mutex_unlock(&dir->keeper.lock);
        if (trouble.code != SQ_OK) {
            *error = trouble;
            return -EINVAL;
        }
        drey_notify_one(&dir->keeper.work);
        rc = drey_sleep(DREY_MS(SCRUB_LOOK_MS));
    }
    return rc;
}
