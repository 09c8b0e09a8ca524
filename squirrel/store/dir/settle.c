/* SPDX-License-Identifier: MIT */
/* What was in a sheet's place when another came: ours, or somebody else's (K3). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/files.h"
#include "store/dir/keeper.h"
#include "store/heavy.h"

enum { CONFLICTS_MAX = 10000, FOLDERS_MAX = 1 << 20 };

typedef struct judging {
    sq_dir *dir;
    const sq_subject *subject;
    const sq_found_file *found;
    bool known;
} judging;

static bool was_purged(sq_keeper *keeper, const sq_sheet_said *said)
{
    bool found = false;
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < keeper->purged_count && !found; i++)
        found = memcmp(keeper->purged[i], said->fingerprint, SQ_DIGEST_BYTES) == 0;
    pthread_mutex_unlock(&keeper->lock);
    return found;
}

static bool says_what_a_revision_says(sq_dir *dir, const sq_node *node, const sq_sheet_said *said)
{
    bool found = false;
    pthread_rwlock_rdlock(&dir->tables.lock);
    for (size_t i = 0; node && i < node->count && !found; i++)
        found = sq_sheet_same(said, node->stored[i].revision);
    pthread_rwlock_unlock(&dir->tables.lock);
    return found;
}

static int judge(void *arg)
{
    judging *j = arg;
    sq_sheet_said said;
    sq_error ignored;
    const sq_subject *s = j->subject;
    if (sq_sheet_read(j->found->text, j->found->bytes, s->project, s->id, &said, &ignored) < 0)
        return 0;
    j->known = says_what_a_revision_says(j->dir, s->node, &said) || was_purged(&j->dir->keeper, &said);
    sq_sheet_said_free(&said);
    return 0;
}

/* Is the file ours, or does it say nothing new? What no sheet can be is not known. */
static DREY_ASYNC int is_known(sq_dir *dir, const sq_subject *subject, const char *path, bool *out)
{
    sq_found_file found;
    sq_sheet sheet = sq_subject_sheet(dir, subject);
    int rc = sq_file_read(dir, path, &found);
    *out = false;
    if (rc < 0)
        return rc == -EISDIR || rc == -ELOOP || rc == -EFBIG || rc == -EACCES || rc == -ENXIO ? 0 : rc;
    *out = sheet.there && memcmp(sheet.digest, found.sheet.digest, SQ_DIGEST_BYTES) == 0;
    if (!*out) {
        judging j = {dir, subject, &found, false};
        rc = sq_heavy(found.bytes, judge, &j);
        *out = j.known;
    }
    free(found.text);
    return rc;
}

/* The first free name; the file has both names then. A folder, which can have one only, is moved. */
static DREY_ASYNC int name_conflict(sq_dir *dir, const sq_subject *subject, const char *path)
{
    char name[SQ_DIR_PATH_BYTES], end[64];
    long long rev = subject->head ? (long long)subject->head->rev : 0;
    int rc = -EEXIST;
    for (int n = 1; rc == -EEXIST && n < CONFLICTS_MAX; n++) {
        snprintf(end, sizeof end, n == 1 ? ".json.conflict-%lld" : ".json.conflict-%lld.%d", rev, n);
        sq_sheet_path(dir, subject->project, subject->id, end, name);
        rc = sq_files_used->link(path, name);
        if (rc == -EPERM)
            rc = sq_files_used->rename(path, name, RENAME_NOREPLACE);
    }
    return rc;
}

/* After a restore what sheets said is no conflict: it is kept with the old journal. */
static DREY_ASYNC int keep_replaced(sq_dir *dir, const sq_subject *subject, const char *path)
{
    char all[SQ_DIR_PATH_BYTES], folder[SQ_DIR_PATH_BYTES], name[SQ_DIR_PATH_BYTES], stamp[SQ_TIME_BYTES + 16];
    memcpy(stamp, "before-restore-", 15);
    sq_time_write(dir->restored, stamp + 15);
    sq_own_path(dir, stamp, all);
    snprintf(folder, sizeof folder, "%.*s/%s", SQ_DIR_PATH_BYTES - 256, all, subject->project);
    snprintf(name, sizeof name, "%.*s/%s.json", SQ_DIR_PATH_BYTES - 140, folder, subject->id);
    int rc = sq_make_folder(all, dir->own);
    if (rc == 0)
        rc = sq_make_folder(folder, all);
    if (rc == 0)
        rc = sq_files_used->link(path, name);
    return rc == 0 || rc == -EEXIST ? sq_files_used->sync_folder(folder) : rc;
}

static DREY_ASYNC int keep_conflict(sq_dir *dir, const sq_subject *subject, const char *path)
{
    char folder[SQ_DIR_PATH_BYTES];
    sq_folder_path(dir, subject->project, folder);
    int rc = sq_make_folder(folder, dir->path);
    if (rc == 0)
        rc = name_conflict(dir, subject, path);
    if (rc == 0)
        rc = sq_files_used->sync_folder(folder);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&dir->keeper.lock);
    dir->keeper.conflicts++;
    pthread_mutex_unlock(&dir->keeper.lock);
    return 0;
}

int sq_settle(sq_dir *dir, const sq_subject *subject)
{
    char path[SQ_DIR_PATH_BYTES];
    bool known;
    sq_swap_path(dir, subject->project, subject->id, ".json", path);
    int rc = is_known(dir, subject, path, &known);
    if (rc == 0 && !known)
        rc = dir->restored ? keep_replaced(dir, subject, path) : keep_conflict(dir, subject, path);
    if (rc == 0)
        rc = sq_files_used->unlink(path);
    return rc == -ENOENT ? 0 : rc;
}

/* ---- what a crash has left in swap/ */

static DREY_ASYNC int settle_folder(sq_dir *dir, const char *project, const char *folder)
{
    drey_dir_entry *entries;
    size_t count;
    int rc = drey_dir_list(folder, FOLDERS_MAX, &entries, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char id[SQ_ID_BYTES + 1], path[SQ_DIR_PATH_BYTES];
        size_t bytes = strlen(entries[i].name);
        if (bytes > 5 && strcmp(entries[i].name + bytes - 5, ".part") == 0) {
            if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, entries[i].name) < sizeof path)
                rc = sq_files_used->unlink(path);
        } else if (sq_id_from_path(entries[i].name, id)) {
            sq_subject subject = sq_subject_find(dir, project, id);
            rc = sq_settle(dir, &subject);
            sq_subject_drop(&subject);
        }
    }
    free(entries);
    return rc;
}

typedef DREY_ASYNC int folder_step(sq_dir *dir, const char *project, const char *folder);

/* For each folder in swap/. */
static DREY_ASYNC int each_folder(sq_dir *dir, folder_step *step)
{
    char swap[SQ_DIR_PATH_BYTES], folder[SQ_DIR_PATH_BYTES];
    sq_seen_projects seen = {.path = swap};
    sq_own_path(dir, "swap", swap);
    int rc = drey_offload(sq_projects_see, &seen);
    for (size_t i = 0; rc == 0 && i < seen.count; i++) {
        sq_swap_folder_path(dir, seen.items[i], folder);
        rc = step(dir, seen.items[i], folder);
    }
    free(seen.items);
    return rc == -ENOENT ? 0 : rc;
}

int sq_settle_left(sq_dir *dir)
{
    return each_folder(dir, settle_folder);
}

static DREY_ASYNC int sync_folder(sq_dir *dir, const char *project, const char *folder)
{
    (void)dir, (void)project;
    return sq_files_used->sync_folder(folder);
}

int sq_swap_sync(sq_dir *dir)
{
    return each_folder(dir, sync_folder);
}

/* ---- purge */

int sq_conflicts_remove(sq_dir *dir, const sq_subject *subject)
{
    char folder[SQ_DIR_PATH_BYTES], prefix[SQ_ID_BYTES + 24], path[SQ_DIR_PATH_BYTES];
    drey_dir_entry *entries;
    size_t count = 0;
    bool removed = false;
    sq_folder_path(dir, subject->project, folder);
    int rc = drey_dir_list(folder, FOLDERS_MAX, &entries, &count);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    int bytes = snprintf(prefix, sizeof prefix, "%s.json.conflict-", subject->id);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (strncmp(entries[i].name, prefix, (size_t)bytes) != 0)
            continue;
        snprintf(path, sizeof path, "%.*s/%.255s", SQ_DIR_PATH_BYTES - 300, folder, entries[i].name);
        rc = sq_files_used->unlink(path);
        pthread_mutex_lock(&dir->keeper.lock);
        dir->keeper.conflicts--;
        pthread_mutex_unlock(&dir->keeper.lock);
        removed = true;
    }
    free(entries);
    if (rc == -ENOENT)
        rc = 0;
    return rc == 0 && removed ? sq_files_used->sync_folder(folder) : rc;
}
