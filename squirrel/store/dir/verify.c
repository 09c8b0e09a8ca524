/* SPDX-License-Identifier: MIT */
/* Everything that can be checked: the journal from its start, each body, and what the tables say. Between groups. */
#include <errno.h>
#include <string.h>

#include "store/dir/dir.h"
#include "store/dir/files.h"
#include "store/heavy.h"
#include "store/prepare.h"

typedef struct verifying {
    sq_dir *dir;
    sq_verified made;
} verifying;

typedef struct body {
    const sq_revision *revision;
    bool good;
} body;

static int check_body(void *arg)
{
    body *b = arg;
    uint8_t fingerprint[SQ_DIGEST_BYTES];
    sq_json *data;
    sq_json_error refused;
    int rc = sq_json_parse(b->revision->data, b->revision->data_bytes, SQ_JSON_DEPTH_MAX, &data, &refused);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    bool made = sq_fingerprint(data, fingerprint);
    b->good = made && memcmp(fingerprint, b->revision->fingerprint, SQ_DIGEST_BYTES) == 0;
    sq_json_unref(data);
    return made ? 0 : -ENOMEM;
}

static DREY_ASYNC int check_record(void *arg, const sq_record *record, int64_t at)
{
    verifying *v = arg;
    sq_revision revision;
    if (record->type != SQ_RECORD_REVISION)
        return 0;
    if (!sq_take_revision(record, &revision))
        return -EIO;
    body b = {.revision = &revision};
    int rc = revision.data ? sq_heavy(revision.data_bytes, check_body, &b) : 0;
    if (rc == 0 && revision.data && !b.good) {
        v->made.problems++;
        sq_text_format(&v->made.report, "journal, byte %lld: the data of rev %lld of %s is not what it was\n",
                       (long long)at, (long long)revision.rev, revision.id);
    }
    return rc;
}

static DREY_ASYNC int check_journal(verifying *v, sq_error *error)
{
    sq_journal *journal = &v->dir->journal;
    sq_journal_file file = {.fd = sq_files_used->open(journal->path, O_RDONLY, 0)};
    sq_journal_state state;
    if (file.fd < 0)
        return sq_dir_fail(error, journal->path, file.fd);
    int rc = sq_journal_scan(&file, check_record, v, &state);
    (void)!sq_files_used->close(file.fd);
    if (rc < 0)
        return sq_dir_fail(error, journal->path, rc);
    if (state.damaged_at < 0 && state.end == journal->end)
        return 0;
    v->made.problems++;
    sq_text_format(&v->made.report, "journal: damaged at byte %lld: %s\n",
                   (long long)(state.damaged_at >= 0 ? state.damaged_at : state.end),
                   state.damaged_at >= 0 ? state.damage : "it ends there");
    return 0;
}

static DREY_ASYNC int verify(sq_txn *txn, void *arg, sq_error *error)
{
    verifying *v = arg;
    sq_tables *tables = &v->dir->tables;
    (void)txn;
    pthread_rwlock_rdlock(&tables->lock);
    for (size_t i = 0; i < tables->shelf_count; i++)
        sq_shelf_verify(tables->shelves[i], &v->made);
    pthread_rwlock_unlock(&tables->lock);
    return check_journal(v, error);
}

int sq_dir_verify(sq_store *store, sq_verified *out, sq_error *error)
{
    verifying v = {.dir = (sq_dir *)store};
    int rc = sq_writer_call(v.dir->writer, verify, &v, true, error);
    if (rc == 0 && v.made.report.failed)
        rc = sq_fail_memory(error);
    if (rc < 0)
        sq_text_free(&v.made.report);
    else
        *out = v.made;
    return rc;
}
