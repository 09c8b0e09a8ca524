/* SPDX-License-Identifier: MIT */
/* Reading: a job on the readers' pool takes a connection, opens a snapshot, and gives both back. */
#include <errno.h>
#include <stdlib.h>

#include "store/sqlite/sqlite.h"

typedef struct reading {
    sq_sqlite *store;
    sq_read *fn;
    void *arg;
    sq_error *error;
    pthread_mutex_t lock;
    sqlite3 *running; /* under the lock: what to interrupt; NULL: not begun, or over */
} reading;

/* A connection that no other thread uses; a pool's thread may have to open one. */
static int take_reader(sq_sqlite *store, sq_reader **out, sq_error *error)
{
    pthread_mutex_lock(&store->readers_lock);
    sq_reader *reader = store->readers;
    if (reader)
        store->readers = reader->next;
    pthread_mutex_unlock(&store->readers_lock);
    if (!reader) {
        reader = calloc(1, sizeof *reader);
        if (!reader)
            return sq_fail_memory(error);
        int rc = sq_db_open(&reader->db, store->path, false, error);
        if (rc < 0) {
            free(reader);
            return rc;
        }
    }
    *out = reader;
    return 0;
}

static void give_reader(sq_sqlite *store, sq_reader *reader)
{
    pthread_mutex_lock(&store->readers_lock);
    reader->next = store->readers;
    store->readers = reader;
    pthread_mutex_unlock(&store->readers_lock);
}

static void set_running(reading *r, sqlite3 *handle)
{
    pthread_mutex_lock(&r->lock);
    r->running = handle;
    pthread_mutex_unlock(&r->lock);
}

static int read_on_pool(void *arg)
{
    reading *r = arg;
    sq_reader *reader = NULL;
    int rc = take_reader(r->store, &reader, r->error);
    if (rc < 0)
        return rc;
    set_running(r, reader->db.handle);
    rc = sq_db_run(&reader->db, sq_db_sql(&reader->db, SQ_SQL_BEGIN_READ), r->error);
    if (rc == 0) {
        rc = r->fn(r->store, &reader->db, r->arg, r->error);
        sq_db_run(&reader->db, sq_db_sql(&reader->db, SQ_SQL_ROLLBACK), &(sq_error){0});
    }
    set_running(r, NULL);
    sq_sqlite_look_at_index(r->store, &reader->db);
    give_reader(r->store, reader);
    return rc;
}

static void interrupt(void *arg)
{
    reading *r = arg;
    pthread_mutex_lock(&r->lock);
    if (r->running)
        sqlite3_interrupt(r->running);
    pthread_mutex_unlock(&r->lock);
}

int sq_sqlite_read(sq_sqlite *store, sq_read *fn, void *arg, sq_error *error)
{
    reading r = {store, fn, arg, error, PTHREAD_MUTEX_INITIALIZER, NULL};
    int rc = drey_pool_call(store->read_pool, &(drey_job){read_on_pool, &r, interrupt});
    pthread_mutex_destroy(&r.lock);
    return rc == -EIO ? -EINVAL : rc;
}

int sq_sqlite_write_call(sq_sqlite *store, drey_fn *fn, void *arg)
{
    return drey_pool_call(store->write_pool, &(drey_job){fn, arg, NULL});
}
