/* SPDX-License-Identifier: MIT */
/* What the tests of the local manager share. */
#pragma once
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/kit.h"
#include "manager/manager.h"
#include "store/wall.h"

static sq_error error;

#define WRITE(...) (sq_write){.project = "p", .principal = "local:1", .expires_at = SQ_NEVER, __VA_ARGS__}
#define DATA(text) .set = SQ_SET_DATA, .data = (text), .data_bytes = strlen(text)

/* The new rev, or -EINVAL. */
static inline DREY_ASYNC int64_t put(sq_manager *m, sq_write write)
{
    sq_written written;
    int rc = m->ops->batch(m, &write, 1, &written, &error);
    int64_t rev = rc < 0 ? rc : written.revision->rev;
    sq_written_free(&written);
    return rev;
}

static inline DREY_ASYNC int64_t patch(sq_manager *m, const char *id, const char *data)
{
    return put(m, WRITE(.verb = SQ_PATCH, .id = id, DATA(data)));
}

static inline DREY_ASYNC int64_t create(sq_manager *m, const char *id, const char *data)
{
    return put(m, WRITE(.verb = SQ_CREATE, .id = id, DATA(data)));
}

/* The head's rev, or a negative errno. */
static inline DREY_ASYNC int64_t rev_of(sq_manager *m, const char *id)
{
    const sq_revision *head;
    int rc = m->ops->get(m, "p", id, 0, &head, &error);
    if (rc < 0)
        return rc;
    int64_t rev = head->rev;
    sq_revision_unref(head);
    return rev;
}

typedef DREY_ASYNC int body(sq_manager *m, drey_scope *scope);

static inline DREY_ASYNC int with_manager(body *fn, sq_local_options options)
{
    sq_manager *m;
    DREY_SCOPE(scope, .name = "manager");
    int rc = sq_local_open(&scope, kit_url(), &options, &m, &error);
    if (rc == 0) {
        DREY_SCOPE(inner, .name = "body");
        rc = fn(m, &inner);
        rc = drey_scope_close(&inner, rc);
        m->ops->close(m);
    }
    return drey_scope_close(&scope, rc);
}

/* The next event's seq; 0: lagged, with *out_seq where it goes on. */
static inline DREY_ASYNC int64_t next_seq(sq_watch *watch, int64_t *out_seq)
{
    sq_event event;
    int rc = watch->manager->ops->watch_next(watch, &event, &error);
    if (rc < 0)
        return rc;
    *out_seq = event.seq;
    int64_t seq = event.revision ? event.revision->seq : 0;
    sq_revision_unref(event.revision);
    return seq;
}
