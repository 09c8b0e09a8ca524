/* SPDX-License-Identifier: MIT */
/* The keeper: one task that keeps the sheets (sheet.h) and the store alike. The journal is written and answered first;
 * the sheet follows. What others do to sheets becomes a revision, or a file .conflict-REV.
 *
 * K1  Only the keeper and the tasks of its scope touch sheets, and each context's one at a time.
 * K2  A note (what is known of a sheet) goes to the journal after the sheet and its name are synced. So if the note of
 *     the newest revision is there, a file that is not as noted was changed by others; if it is not, the file may be an
 *     older one of ours.
 * K3  A file that is in the way is first moved to PATH/.squirrel/swap/, in one step with the new one's coming
 *     (RENAME_EXCHANGE); it is removed only when it is known to be ours, or says what a revision says. If not, it gets
 *     the name ID.json.conflict-REV, durably, before it loses the one in swap/.
 * K4  A text that is being written is called .part; only once it is synced it gets a name that is not swept away.
 * K5  A context is queued and published in one step under the keeper's lock, so who takes it from the queue sees what
 *     it was queued for. The tables' lock is taken inside of the keeper's, never the other way round.
 * K6  The journal forgets that a context was purged only when its sheet is gone: a compaction waits for that, and so
 *     does who waits for a scrub (S31). */
#pragma once
#include "store/dir/dir.h"

/* A context as the keeper sees it at one moment. End with sq_subject_drop. */
typedef struct sq_subject {
    const char *project, *id;        /* borrowed: of the tables, or of who asked */
    sq_shelf *shelf;
    sq_node *node;                   /* NULL: the store does not know it */
    const sq_revision *head;         /* the newest that was committed, without data; a reference; NULL: none */
    int64_t place;
} sq_subject;

sq_subject sq_subject_find(sq_dir *dir, const char *project, const char *id);
void sq_subject_drop(sq_subject *subject);
sq_sheet sq_subject_sheet(sq_dir *dir, const sq_subject *subject);           /* zeros: nothing is known */
/* What is known from now on; `note`: and is durable. 0 or -ENOMEM. */
int sq_subject_note(sq_dir *dir, const sq_subject *subject, const sq_sheet *sheet, bool note);

/* follow.c: the queue of contexts whose sheets are behind, under the keeper's lock, and each in it once. */
bool sq_follow_add(sq_keeper *keeper, sq_shelf *shelf, sq_node *node);       /* has the lock; false: no memory */
void sq_subject_mark(sq_dir *dir, const sq_subject *subject);   /* its sheet is to be brought up to date, in its turn */
/* Brings sheets up to date until none is behind; no new ones are begun after `until`. Errors as sq_sheet_update's. */
DREY_ASYNC int sq_follow(sq_dir *dir, drey_time until, sq_error *error);

/* paths.c */
void sq_swap_folder_path(const sq_dir *dir, const char *project, char out[SQ_DIR_PATH_BYTES]);
void sq_sheet_path(const sq_dir *dir, const char *project, const char *id, const char *end,
                   char out[SQ_DIR_PATH_BYTES]);
void sq_swap_path(const sq_dir *dir, const char *project, const char *id, const char *end,
                  char out[SQ_DIR_PATH_BYTES]);
void sq_folder_path(const sq_dir *dir, const char *project, char out[SQ_DIR_PATH_BYTES]);
DREY_ASYNC int sq_make_folder(const char *path, const char *above);          /* durable; 0 also if it is there */

/* update.c: the sheet becomes what the head says: written or removed. What was in its place goes through
 * sq_settle. 0, -ECANCELED, or -EINVAL or -ENOMEM with *error. */
DREY_ASYNC int sq_sheet_update(sq_dir *dir, const sq_subject *subject, sq_error *error);
/* The folders that sheets of the project need, durably, so that none of several updates at once finds one that another
 * has made and not yet synced (K2). Errors as sq_sheet_update's. */
DREY_ASYNC int sq_sheet_folders(const sq_dir *dir, const char *project, sq_error *error);

/* settle.c: what to do with a file in swap/: ours, or one that says nothing new, goes; another becomes a .conflict file
 * (K3). 0, or a negative errno. */
DREY_ASYNC int sq_settle(sq_dir *dir, const sq_subject *subject);
DREY_ASYNC int sq_settle_left(sq_dir *dir);                  /* at the start: all that is in swap/ */
DREY_ASYNC int sq_swap_sync(sq_dir *dir);                    /* what was removed there does not come back */
DREY_ASYNC int sq_conflicts_remove(sq_dir *dir, const sq_subject *subject);  /* after a purge: those of the context */

/* look.c: has somebody changed the sheet? `last`: if it is not there, it was removed; else it may come back, and 1 is
 * returned. 0, -ECANCELED, or -EINVAL or -ENOMEM with *error: look again later. */
DREY_ASYNC int sq_look(sq_dir *dir, const char *project, const char *id, bool last, sq_error *error);

/* A file that was read, with what it is. Free the text. */
typedef struct sq_found_file {
    char *text;
    size_t bytes;
    sq_sheet sheet;                  /* without rev */
} sq_found_file;

DREY_ASYNC int sq_file_read(sq_dir *dir, const char *path, sq_found_file *out);   /* -EAGAIN: it changes just now */

/* folders.c: what there is. Blocking; for threads. */
typedef struct sq_seen {
    char id[SQ_ID_BYTES + 1];
    bool regular;
    sq_sheet sheet;                  /* inode, bytes, changed */
} sq_seen;

typedef struct sq_seen_folder {
    const char *path;
    sq_seen *items;                  /* sorted by id */
    size_t count, room;
    int64_t conflicts;
} sq_seen_folder;

int sq_folder_see(void *seen_folder);                        /* a drey_fn: 0 or a negative errno */

typedef struct sq_seen_projects {
    const char *path;
    char (*items)[SQ_ID_BYTES + 1];
    size_t count, room;
} sq_seen_projects;

int sq_projects_see(void *seen_projects);

bool sq_seen_as_known(sq_dir *dir, const char *project, const sq_seen *seen);   /* look.c */

/* look_all.c: a look at all sheets, or at those of a project; and at what should be there and is not. */
DREY_ASYNC int sq_look_at_all(sq_dir *dir, sq_error *error);
DREY_ASYNC int sq_look_at_folder(sq_dir *dir, const char *project, sq_error *error);

/* watch.c: what the system tells of changes (inotify). Without it, or with too much of it, everything is looked at. */
typedef struct sq_event {
    char project[SQ_ID_BYTES + 1], id[SQ_ID_BYTES + 1];     /* id empty: the folder of the project came or went */
} sq_event;

typedef struct sq_watches sq_watches;

sq_watches *sq_watches_open(const char *path);               /* NULL: there is none to be had */
DREY_ASYNC void sq_watches_close(sq_watches *watches);       /* NULL is fine */
int sq_watches_fd(const sq_watches *watches);
bool sq_watches_add(sq_watches *watches, const char *project);               /* false: it cannot be watched */
/* Takes what has been told so far. 0; 1: something was missed; or -ENOMEM. *out is the caller's to free. */
int sq_watches_take(sq_watches *watches, sq_event **out, size_t *out_count);

/* keep.c */
DREY_ASYNC int sq_keeper_main(void *dir);                    /* the task */
void sq_keeper_put_notes(sq_dir *dir);                       /* into the group that is being made */
void sq_keeper_publish(sq_dir *dir);                         /* what a durable group changes: K5 */
