/* SPDX-License-Identifier: MIT */
/* A look at everything: at opening, and when it is not known what has changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/keeper.h"

/* Ids of contexts whose sheet should be in a folder, by the store; sorted as the tables are not, so by search. */
typedef struct expected {
    char (*ids)[SQ_ID_BYTES + 1];
    size_t count;
} expected;

static bool is_seen(const sq_seen_folder *folder, const char *id)
{
    size_t from = 0, to = folder->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(folder->items[middle].id, id);
        if (order == 0)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

/* Contexts that are live and have no file. */
static int find_absent(sq_dir *dir, const char *project, const sq_seen_folder *folder, expected *out)
{
    int rc = 0;
    *out = (expected){0};
    pthread_rwlock_rdlock(&dir->tables.lock);
    const sq_shelf *shelf = sq_shelf_find(&dir->tables, project);
    if (shelf && shelf->node_count > 0) {
        out->ids = malloc(shelf->node_count * sizeof *out->ids);
        rc = out->ids ? 0 : -ENOMEM;
    }
    for (size_t i = 0; out->ids && i < shelf->node_count; i++) {
        const sq_node *node = shelf->by_id[i];
        const sq_stored *newest = sq_node_newest(node, shelf->row.seq);
        if (newest && sq_revision_state(newest->revision) == SQ_LIVE && !is_seen(folder, node->id))
            memcpy(out->ids[out->count++], node->id, sizeof node->id);
    }
    pthread_rwlock_unlock(&dir->tables.lock);
    return rc;
}

static DREY_ASYNC int look_at_seen(sq_dir *dir, const char *project, const sq_seen_folder *folder, sq_error *error)
{
    int rc = 0;
    for (size_t i = 0; rc >= 0 && i < folder->count; i++) {
        if (!sq_seen_as_known(dir, project, &folder->items[i]))
            rc = sq_look(dir, project, folder->items[i].id, false, error);
    }
    return rc < 0 ? rc : 0;
}

static DREY_ASYNC int look_at_absent(sq_dir *dir, const char *project, const sq_seen_folder *folder, sq_error *error)
{
    expected absent;
    int rc = find_absent(dir, project, folder, &absent);
    if (rc < 0)
        return sq_fail_memory(error);
    for (size_t i = 0; rc >= 0 && i < absent.count; i++)
        rc = sq_look(dir, project, absent.ids[i], true, error);
    free(absent.ids);
    return rc < 0 ? rc : 0;
}

int sq_look_at_folder(sq_dir *dir, const char *project, sq_error *error)
{
    char path[SQ_DIR_PATH_BYTES];
    sq_folder_path(dir, project, path);
    sq_seen_folder folder = {.path = path};
    int rc = drey_offload(sq_folder_see, &folder);
    if (rc == -ENOENT)
        rc = 0;
    if (rc < 0)
        rc = sq_dir_fail(error, path, rc);
    if (rc == 0)
        rc = look_at_seen(dir, project, &folder, error);
    if (rc == 0)
        rc = look_at_absent(dir, project, &folder, error);
    free(folder.items);
    pthread_mutex_lock(&dir->keeper.lock);
    dir->keeper.conflicts += folder.conflicts;
    pthread_mutex_unlock(&dir->keeper.lock);
    return rc;
}

static void forget_conflicts(sq_dir *dir)
{
    pthread_mutex_lock(&dir->keeper.lock);
    dir->keeper.conflicts = 0;
    pthread_mutex_unlock(&dir->keeper.lock);
}

/* Projects of the store whose folder is gone. */
static int add_known(sq_dir *dir, sq_seen_projects *seen)
{
    size_t there = seen->count;
    pthread_rwlock_rdlock(&dir->tables.lock);
    size_t room = there + dir->tables.shelf_count;
    void *items = realloc(seen->items, (room ? room : 1) * sizeof *seen->items);
    if (items)
        seen->items = items;
    for (size_t i = 0; items && i < dir->tables.shelf_count; i++) {
        const char *name = dir->tables.shelves[i]->name;
        size_t at = 0;
        while (at < there && strcmp(seen->items[at], name) != 0)
            at++;
        if (at == there)
            memcpy(seen->items[seen->count++], name, strlen(name) + 1);
    }
    pthread_rwlock_unlock(&dir->tables.lock);
    return items ? 0 : -ENOMEM;
}

int sq_look_at_all(sq_dir *dir, sq_error *error)
{
    sq_seen_projects seen = {.path = dir->path};
    int rc = drey_offload(sq_projects_see, &seen);
    if (rc == 0)
        rc = add_known(dir, &seen);
    if (rc < 0)
        rc = sq_dir_fail(error, dir->path, rc);
    forget_conflicts(dir);
    for (size_t i = 0; rc == 0 && i < seen.count; i++)
        rc = sq_look_at_folder(dir, seen.items[i], error);
    free(seen.items);
    return rc;
}
