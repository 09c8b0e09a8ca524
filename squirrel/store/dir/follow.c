/* SPDX-License-Identifier: MIT */
/* Which sheets are behind, and bringing them up to date: several at a time, as each waits for two syncs of the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/keeper.h"

enum { ROUND = 8 }; /* sheets at a time: each may take some megabytes until it is written */

/* Makes room at the end of the queue. */
static bool grow(sq_keeper *keeper)
{
    if (keeper->changed_first > 0) {
        keeper->changed_count -= keeper->changed_first;
        memmove(keeper->changed, keeper->changed + keeper->changed_first,
                keeper->changed_count * sizeof *keeper->changed);
        keeper->changed_first = 0;
    }
    if (keeper->changed_count < keeper->changed_room)
        return true;
    size_t room = keeper->changed_room ? 2 * keeper->changed_room : 64;
    sq_changed *changed = realloc(keeper->changed, room * sizeof *changed);
    if (!changed)
        return false;
    keeper->changed = changed;
    keeper->changed_room = room;
    return true;
}

bool sq_follow_add(sq_keeper *keeper, sq_shelf *shelf, sq_node *node)
{
    if (node->changed)
        return true;
    if (keeper->changed_count == keeper->changed_room && !grow(keeper))
        return false;
    keeper->changed[keeper->changed_count++] = (sq_changed){shelf, node};
    node->changed = true;
    return true;
}

void sq_subject_mark(sq_dir *dir, const sq_subject *subject)
{
    pthread_mutex_lock(&dir->keeper.lock);
    (void)sq_follow_add(&dir->keeper, subject->shelf, subject->node);
    pthread_mutex_unlock(&dir->keeper.lock);
    drey_notify_one(&dir->keeper.work);
}

typedef struct follower {
    sq_dir *dir;
    sq_changed changed;
    sq_error error;
    int rc;
} follower;

/* The next few; each context is in the queue once. After a restore one by one, as all that is replaced goes to one
 * place, which none may find before it is synced. */
static size_t take(sq_dir *dir, follower out[ROUND])
{
    sq_keeper *keeper = &dir->keeper;
    size_t count = 0, most = dir->restored ? 1 : ROUND;
    pthread_mutex_lock(&keeper->lock);
    for (; count < most && keeper->changed_first < keeper->changed_count; count++) {
        out[count] = (follower){.dir = dir, .changed = keeper->changed[keeper->changed_first++], .rc = -ECANCELED};
        out[count].changed.node->changed = false;
    }
    pthread_mutex_unlock(&keeper->lock);
    return count;
}

static void put_back(sq_keeper *keeper, const sq_changed *changed)
{
    pthread_mutex_lock(&keeper->lock);
    (void)sq_follow_add(keeper, changed->shelf, changed->node);
    pthread_mutex_unlock(&keeper->lock);
}

static DREY_ASYNC int follow_one(void *arg)
{
    follower *f = arg;
    sq_subject subject = sq_subject_find(f->dir, f->changed.shelf->name, f->changed.node->id);
    f->rc = 0;
    if (sq_subject_sheet(f->dir, &subject).rev != subject.head->rev)
        f->rc = sq_sheet_update(f->dir, &subject, &f->error);
    sq_subject_drop(&subject);
    return 0; /* the others go on */
}

/* For who has a sheet to write; who has one to remove needs none, and makes none. */
static DREY_ASYNC int make_folders(const follower *f, const sq_shelf **made, sq_error *error)
{
    sq_subject subject = sq_subject_find(f->dir, f->changed.shelf->name, f->changed.node->id);
    bool writes = sq_revision_state(subject.head) == SQ_LIVE && f->changed.shelf != *made;
    sq_subject_drop(&subject);
    if (!writes)
        return 0;
    *made = f->changed.shelf;
    return sq_sheet_folders(f->dir, f->changed.shelf->name, error);
}

static DREY_ASYNC int follow_all(follower *followers, size_t count, sq_error *error)
{
    DREY_SCOPE(scope, .name = "writing sheets");
    const sq_shelf *made = NULL;
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = make_folders(&followers[i], &made, error);
        if (rc == 0 && (rc = drey_go(&scope, follow_one, &followers[i])) == -ENOMEM)
            sq_fail_memory(error);
    }
    return drey_scope_close(&scope, rc);
}

/* One round. Those that failed are behind still. */
static DREY_ASYNC int follow_some(follower *followers, size_t count, sq_error *error)
{
    int rc = count == 1 ? follow_one(followers) : follow_all(followers, count, error);
    for (size_t i = 0; i < count; i++) {
        if (followers[i].rc == 0)
            continue;
        put_back(&followers[i].dir->keeper, &followers[i].changed);
        if (rc == 0) {
            rc = followers[i].rc;
            *error = followers[i].error;
        }
    }
    return rc;
}

int sq_follow(sq_dir *dir, drey_time until, sq_error *error)
{
    follower *followers = calloc(ROUND, sizeof *followers);
    if (!followers)
        return sq_fail_memory(error);
    size_t count;
    int rc = 0;
    while (rc == 0 && drey_now() <= until && (until != INT64_MAX || !dir->keeper.closing) &&
           (count = take(dir, followers)) > 0)
        rc = follow_some(followers, count, error);
    free(followers);
    return rc;
}
