/* SPDX-License-Identifier: MIT */
/* The keeper's task, and what it shares with the writer. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "store/dir/keeper.h"

enum { AGAIN_MS = 500, RETRY_MS = 2000, LOOK_SECONDS = 5, NOTE_MS = 1000, CLOSE_SECONDS = 5 };

/* ---- subjects */

sq_subject sq_subject_find(sq_dir *dir, const char *project, const char *id)
{
    sq_subject subject = {.project = project, .id = id};
    pthread_rwlock_rdlock(&dir->tables.lock);
    subject.shelf = sq_shelf_find(&dir->tables, project);
    sq_node *node = subject.shelf ? sq_node_find(subject.shelf, id) : NULL;
    const sq_stored *newest = node ? sq_node_newest(node, subject.shelf->row.seq) : NULL;
    if (newest) {
        subject.node = node; /* it was committed, so it stays */
        subject.head = sq_revision_ref(newest->revision);
        subject.place = newest->place;
    }
    pthread_rwlock_unlock(&dir->tables.lock);
    return subject;
}

void sq_subject_drop(sq_subject *subject)
{
    sq_revision_unref(subject->head);
    subject->head = NULL;
}

sq_sheet sq_subject_sheet(sq_dir *dir, const sq_subject *subject)
{
    sq_sheet sheet = {0};
    pthread_mutex_lock(&dir->keeper.lock);
    if (subject->node && subject->node->sheet)
        sheet = *subject->node->sheet;
    pthread_mutex_unlock(&dir->keeper.lock);
    return sheet;
}

static int add_note(sq_keeper *keeper, const sq_note *note)
{
    if (keeper->note_count == keeper->note_room) {
        size_t room = keeper->note_room ? 2 * keeper->note_room : 64;
        sq_note *notes = realloc(keeper->notes, room * sizeof *notes);
        if (!notes)
            return -ENOMEM;
        keeper->notes = notes;
        keeper->note_room = room;
    }
    keeper->notes[keeper->note_count++] = *note;
    return 0;
}

int sq_subject_note(sq_dir *dir, const sq_subject *subject, const sq_sheet *sheet, bool note)
{
    int rc = 0;
    if (!subject->node)
        return 0;
    pthread_mutex_lock(&dir->keeper.lock);
    if (!subject->node->sheet)
        subject->node->sheet = malloc(sizeof *sheet);
    if (!subject->node->sheet)
        rc = -ENOMEM;
    else
        *subject->node->sheet = *sheet;
    if (rc == 0 && note)
        rc = add_note(&dir->keeper, &(sq_note){subject->shelf->name, subject->node->id, *sheet});
    pthread_mutex_unlock(&dir->keeper.lock);
    return rc;
}

/* ---- with the writer */

void sq_keeper_put_notes(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < keeper->note_count; i++) {
        size_t start = sq_journal_begin(&dir->journal, SQ_RECORD_NOTE);
        sq_put_note(&dir->journal.pending, &keeper->notes[i]);
        sq_journal_end(&dir->journal, start);
    }
    keeper->notes_put = keeper->note_count;
    pthread_mutex_unlock(&keeper->lock);
}

/* Its notes are durable, too. Without memory a sheet stays behind until its context is written again, or the store is
 * opened. Published under the lock: else a context could be taken from the queue as it was before the group (K5). */
void sq_keeper_publish(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    bool compact = sq_compact_wanted(dir);
    pthread_mutex_lock(&keeper->lock);
    for (size_t i = 0; i < dir->stage.change_count; i++) {
        const sq_change *change = &dir->stage.changes[i];
        if (change->kind == SQ_CHANGE_PUT)
            (void)sq_follow_add(keeper, change->shelf, change->node);
        keeper->scrubs += change->kind == SQ_CHANGE_DROP && change->drop.purge;
    }
    keeper->note_count -= keeper->notes_put;
    if (keeper->note_count > 0)
        memmove(keeper->notes, keeper->notes + keeper->notes_put, keeper->note_count * sizeof *keeper->notes);
    keeper->notes_put = 0;
    keeper->compact_now = keeper->compact_now || compact;
    sq_stage_publish(&dir->stage);
    pthread_mutex_unlock(&keeper->lock);
}

/* ---- the task */

static void set_trouble(sq_keeper *keeper, const sq_error *error)
{
    pthread_mutex_lock(&keeper->lock);
    keeper->trouble = error ? *error : (sq_error){0};
    pthread_mutex_unlock(&keeper->lock);
}

/* What the system tells of others' changes. Files that are gone may be about to come back: they get a second look. */
static DREY_ASYNC int look_at_events(sq_dir *dir, const sq_event *events, size_t count, bool last, sq_error *error)
{
    bool again = false;
    for (size_t i = 0; i < count; i++) {
        int rc;
        if (events[i].id[0]) {
            rc = sq_look(dir, events[i].project, events[i].id, last, error);
        } else {
            (void)sq_watches_add(dir->keeper.watches, events[i].project);
            rc = last ? 0 : sq_look_at_folder(dir, events[i].project, error);
        }
        if (rc < 0)
            return rc;
        again = again || rc > 0;
    }
    if (!again || last)
        return 0;
    int rc = drey_sleep(DREY_MS(AGAIN_MS));
    return rc < 0 ? rc : look_at_events(dir, events, count, true, error);
}

/* What waits until nothing else is written. */
static bool has_more(sq_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    bool any = keeper->note_count > 0 || keeper->scrubs > 0;
    pthread_mutex_unlock(&keeper->lock);
    return any;
}

static int nothing(sq_txn *txn, void *arg, sq_error *error)
{
    (void)txn, (void)arg, (void)error;
    return 0;
}

/* A group of notes alone, once nothing else is written. */
static DREY_ASYNC int write_notes(sq_dir *dir, sq_error *error)
{
    pthread_mutex_lock(&dir->keeper.lock);
    bool any = dir->keeper.note_count > 0;
    pthread_mutex_unlock(&dir->keeper.lock);
    return any ? sq_writer_call(dir->writer, nothing, NULL, false, error) : 0;
}

/* Once the sheets of what was purged are removed, or the journal is full of what is dead. `idle`: nobody writes. */
static DREY_ASYNC int compact(sq_dir *dir, bool idle, sq_error *error)
{
    sq_keeper *keeper = &dir->keeper;
    pthread_mutex_lock(&keeper->lock);
    bool wanted = keeper->compact_now || (keeper->scrubs > 0 && (idle || keeper->scrub_now));
    keeper->compact_now = keeper->scrub_now = false;
    pthread_mutex_unlock(&keeper->lock);
    if (!wanted)
        return 0;
    /* Of what comes back to swap/ after a power cut, the new journal may know nothing. */
    int rc = sq_swap_sync(dir);
    rc = rc < 0 ? sq_dir_fail(error, dir->own, rc) : sq_compact(dir, error);
    if (rc != -EAGAIN)
        return rc;
    pthread_mutex_lock(&keeper->lock);
    keeper->compact_now = true; /* once the sheets are up to date again */
    pthread_mutex_unlock(&keeper->lock);
    drey_notify_one(&keeper->work);
    return 0;
}

static int add_watches(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    sq_seen_projects seen = {.path = dir->path};
    keeper->watches = sq_watches_open(dir->path);
    bool good = keeper->watches && sq_projects_see(&seen) == 0;
    for (size_t i = 0; good && i < seen.count; i++)
        good = sq_watches_add(keeper->watches, seen.items[i]);
    free(seen.items);
    return good ? 0 : -ENOSPC;
}

static int add_watches_there(void *arg)
{
    return add_watches(arg);
}

static int put_followed(sq_txn *txn, void *arg, sq_error *error)
{
    sq_dir *dir = arg;
    (void)txn, (void)error;
    sq_journal_restored(&dir->journal, 0);
    return 0;
}

/* Everything was looked at: if a backup was put here, the sheets follow it now. */
static DREY_ASYNC int look_at_all(sq_dir *dir, sq_error *error)
{
    int rc = sq_look_at_all(dir, error);
    if (rc == 0 && dir->restored)
        rc = sq_writer_call(dir->writer, put_followed, dir, false, error);
    if (rc == 0)
        dir->restored = 0;
    return rc;
}

/* Before anything is answered: what a crash has left, what was changed while nobody looked. */
static DREY_ASYNC int start(sq_dir *dir, bool *out_watched, sq_error *error)
{
    int rc = sq_settle_left(dir);
    if (rc < 0)
        return sq_dir_fail(error, dir->own, rc);
    *out_watched = drey_offload(add_watches_there, dir) == 0;
    return look_at_all(dir, error);
}

/* What keeps the task at work: whether the system tells of changes, and whether something is still to be done that
 * failed, or was not told of; then everything is looked at after a pause. */
typedef struct keeping {
    bool watched, behind;
} keeping;

/* Waits until there is something to do: which of the cases it is. */
static DREY_ASYNC int wait_for_work(sq_dir *dir, const keeping *k)
{
    sq_keeper *keeper = &dir->keeper;
    drey_duration pause = k->behind          ? DREY_MS(RETRY_MS)
                          : has_more(keeper) ? DREY_MS(NOTE_MS)
                          : k->watched       ? 0
                                             : DREY_SEC(LOOK_SECONDS);
    drey_case cases[] = {
        drey_on_notify(&keeper->work),
        pause ? drey_on_after(pause) : drey_on_never(),
        keeper->watches ? drey_on_fd(sq_watches_fd(keeper->watches), POLLIN) : drey_on_never(),
    };
    return drey_select(cases, 3);
}

static DREY_ASYNC int look_at_changes(sq_dir *dir, keeping *k, int which, sq_error *error)
{
    sq_event *events = NULL;
    size_t count = 0;
    int rc = 0;
    /* They are taken even if nothing can be done about them now: else they would be told of again at once. */
    if (which == 2 && sq_watches_take(dir->keeper.watches, &events, &count) != 0)
        k->behind = true;
    rc = sq_follow(dir, INT64_MAX, error);
    if (rc == 0)
        rc = look_at_events(dir, events, count, false, error);
    if (rc == 0 && which == 1 && (k->behind || !k->watched)) {
        rc = look_at_all(dir, error);
        k->behind = rc != 0;
    }
    free(events);
    return rc;
}

static DREY_ASYNC int do_work(sq_dir *dir, keeping *k, int which)
{
    sq_error error = {0};
    int rc = look_at_changes(dir, k, which, &error);
    if (rc == 0 && which == 1)
        rc = write_notes(dir, &error);
    if (rc == 0 && !k->behind)
        rc = compact(dir, which == 1, &error);
    k->behind = k->behind || rc < 0;
    if (rc != -ECANCELED && (rc < 0 || !k->behind))
        set_trouble(&dir->keeper, rc < 0 ? &error : NULL);
    return rc;
}

static DREY_ASYNC int keep(sq_dir *dir)
{
    sq_keeper *keeper = &dir->keeper;
    sq_error error = {0};
    keeping k = {0};
    int rc = start(dir, &k.watched, &error);
    k.behind = rc < 0;
    set_trouble(keeper, rc == -EINVAL || rc == -ENOMEM ? &error : NULL);
    drey_gate_open(&keeper->ready, rc);
    while (rc != -ECANCELED && !keeper->closing) {
        int which = wait_for_work(dir, &k);
        rc = which < 0 ? which : do_work(dir, &k, which);
    }
    /* What is left then is made when the store is opened. */
    return rc == -ECANCELED ? rc : sq_follow(dir, drey_now() + DREY_SEC(CLOSE_SECONDS), &error);
}

int sq_keeper_main(void *arg)
{
    sq_dir *dir = arg;
    (void)keep(dir);
    sq_watches_close(dir->keeper.watches);
    drey_gate_open(&dir->keeper.ended, 0);
    return 0;
}
