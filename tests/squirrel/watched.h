/* SPDX-License-Identifier: MIT */
/* A disk that records what reaches it, and fails what it is told to: watched_vfs.c is one for SQLite, a VFS with the
 * name "watched", and watched_files.c one for stores of files. What was recorded becomes crash images: folders as a
 * power cut at some moment may leave them.
 *
 * What the disk may do to what was not synced: a write is there, is not, or is there in some of its sectors of 512
 * bytes only; truncations likewise, each on its own, so later ones may be there without earlier ones. A name that was
 * made, moved or removed is so after a folder that this touches was synced, and until then perhaps; what changes two
 * names, as an exchange, is there for both or for none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WATCHED_SECTOR = 512 };

typedef enum watched_kind {
    WATCHED_OPEN, WATCHED_WRITE, WATCHED_TRUNCATE, WATCHED_SYNC, WATCHED_DELETE, WATCHED_SHARED, WATCHED_READ,
    WATCHED_RENAME,
    WATCHED_KINDS
} watched_kind;

typedef enum watched_fault { WATCHED_FAILS, WATCHED_FULL, WATCHED_SHORT } watched_fault;

void watched_register(void);

/* From now on: record; syncs reach the disk or are only recorded. */
void watched_record(bool on);
void watched_sync_for_real(bool on);
void watched_forget(void);                           /* the record */

/* Images have the tree below this folder; without it all files, side by side. */
void watched_root(const char *folder);

/* For mutants: syncs of folders, or of files, do nothing. */
void watched_ignore_folders(bool on);
void watched_ignore_files(bool on);

/* The nth operation of the kind from now on fails, and with `on` all after it; 0: none. */
void watched_fail(watched_kind kind, watched_fault fault, unsigned nth, bool on);
unsigned watched_count(watched_kind kind);           /* since the last watched_fail */

/* A note in the record: what was answered at this moment. */
void watched_mark(uint32_t what, uint32_t value);

/* The images: play the record up to an operation, then make a folder of what the disk may hold. */
typedef struct watched_player watched_player;

size_t watched_operations(void);
watched_player *watched_play(void);
/* Plays on to the operation; calls `marked` for the notes on the way. */
void watched_play_to(watched_player *player, size_t operation, void (*marked)(uint32_t what, uint32_t value));
typedef enum watched_loss { WATCHED_ALL, WATCHED_NONE, WATCHED_SOME, WATCHED_TORN } watched_loss;
/* Of what was not synced all is lost, none, some operations, or some sectors. False: it could not be written. */
bool watched_image(watched_player *player, watched_loss loss, uint64_t seed, const char *folder);
void watched_play_end(watched_player *player);
