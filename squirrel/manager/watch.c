/* SPDX-License-Identifier: MIT */
#include "manager/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_BYTES = 1 << 20, LOG_EVENTS = 64 };

typedef struct sq_watcher {
    sq_watch watch;
    sq_watchers *all;
    struct sq_watcher *next;         /* under all->lock */
    const sq_revision **queue;       /* a ring of max_events; under all->lock, as the rest of the queue */
    size_t head, count, bytes;
    bool behind;                     /* the queue was full: the log has the rest */
    drey_notify wake;
    int64_t last;                    /* seen by the watcher; the rest is its task's alone */
    sq_changes log;                  /* read, and given out up to log_at */
    size_t log_at;
    char project[SQ_ID_BYTES + 1];
} sq_watcher;

static void queue_clear(sq_watcher *w)
{
    for (; w->count > 0; w->count--, w->head++)
        sq_revision_unref(w->queue[w->head % w->all->max_events]);
    w->bytes = 0;
}

static void push(sq_watcher *w, const sq_revision *revision)
{
    if (w->behind || strcmp(w->project, revision->project) != 0)
        return;
    if (w->count == w->all->max_events || (w->count > 0 && w->bytes + revision->data_bytes > QUEUE_BYTES)) {
        w->behind = true;
        return;
    }
    w->queue[(w->head + w->count++) % w->all->max_events] = sq_revision_ref(revision);
    w->bytes += revision->data_bytes;
}

void sq_watchers_publish(sq_watchers *watchers, const sq_revision *const *revisions, size_t count)
{
    DREY_LOCKED(&watchers->lock);
    for (sq_watcher *w = watchers->first; w; w = w->next) {
        for (size_t i = 0; i < count; i++)
            push(w, revisions[i]);
        drey_notify_one(&w->wake);
    }
}

typedef enum look { EVENT, WAIT, READ_LOG } look;

/* H3: what to do next. */
static DREY_ASYNC look look_at_queue(sq_watcher *w, const sq_revision **out)
{
    DREY_LOCKED(&w->all->lock);
    while (w->count > 0) {
        const sq_revision *first = w->queue[w->head % w->all->max_events];
        if (first->seq > w->last + 1)
            return READ_LOG;
        w->head++;
        w->count--;
        w->bytes -= first->data_bytes;
        if (first->seq == w->last + 1) {
            *out = first;
            return EVENT;
        }
        sq_revision_unref(first);
    }
    if (!w->behind)
        return WAIT;
    w->behind = false;   /* from now on changes are queued again; what came before is in the log (H2) */
    return READ_LOG;
}

static void drop_log(sq_watcher *w)
{
    for (; w->log_at < w->log.count; w->log_at++)
        sq_revision_unref(w->log.items[w->log_at]);
    free(w->log.items);
    w->log = (sq_changes){0};
    w->log_at = 0;
}

/* 1: *out is the event. 0: the log has nothing above `last`, or it was read and is given out next. */
static DREY_ASYNC int read_log(sq_watcher *w, sq_event *out, sq_error *error)
{
    drop_log(w);
    int rc = w->all->store->ops->changes(w->all->store, w->project, w->last, LOG_EVENTS, QUEUE_BYTES, &w->log, error);
    if (rc < 0) {
        /* What was taken as read must be read again. */
        DREY_LOCKED(&w->all->lock);
        w->behind = true;
        return rc;
    }
    if (w->log.lagged) {
        w->last = w->log.seq;
        *out = (sq_event){.seq = w->last};
        return 1;
    }
    if (w->log.seq > w->last + (int64_t)w->log.count) {
        DREY_LOCKED(&w->all->lock);
        w->behind = true;   /* there is more than one page */
    }
    return 0;
}

static bool take_logged(sq_watcher *w, sq_event *out)
{
    if (w->log_at == w->log.count)
        return false;
    const sq_revision *revision = w->log.items[w->log_at++];
    w->last = revision->seq;
    *out = (sq_event){.revision = revision, .seq = revision->seq};
    return true;
}

int sq_watchers_next(sq_watch *watch, sq_event *out, sq_error *error)
{
    sq_watcher *w = (sq_watcher *)watch;
    const sq_revision *revision = NULL;
    for (int rc = 0; rc >= 0;) {
        if (take_logged(w, out))
            return 0;
        switch (look_at_queue(w, &revision)) {
        case EVENT:
            w->last = revision->seq;
            *out = (sq_event){.revision = revision, .seq = revision->seq};
            return 0;
        case READ_LOG:
            rc = read_log(w, out, error);
            if (rc == 1)
                return 0;
            break;
        case WAIT:
            rc = drey_notify_wait(&w->wake);
            break;
        }
        if (rc < 0)
            return rc;
    }
    return -ECANCELED;
}

static DREY_ASYNC void join(sq_watcher *w)
{
    DREY_LOCKED(&w->all->lock);
    w->next = w->all->first;
    w->all->first = w;
}

void sq_watchers_close(sq_watch *watch)
{
    sq_watcher *w = (sq_watcher *)watch;
    {
        DREY_LOCKED(&w->all->lock);
        sq_watcher **at = &w->all->first;
        while (*at != w)
            at = &(*at)->next;
        *at = w->next;
    }
    queue_clear(w);
    drop_log(w);
    drey_notify_deinit(&w->wake);
    free(w->queue);
    free(w);
}

int sq_watchers_open(sq_watchers *watchers, const char *project, int64_t after, sq_watch **out, sq_error *error)
{
    if (!project || !sq_id_valid(project, strlen(project)) || after < SQ_WATCH_NOW)
        return sq_fail(error, SQ_BAD_ID, "a watch needs a project, %s, and a seq", SQ_ID_RULE);
    sq_watcher *w = calloc(1, sizeof *w);
    const sq_revision **queue = calloc(watchers->max_events, sizeof *queue);
    if (!w || !queue) {
        free(w);
        free(queue);
        return sq_fail_memory(error);
    }
    w->watch.manager = watchers->manager;
    w->all = watchers;
    w->queue = queue;
    w->behind = after != SQ_WATCH_NOW;
    w->last = after;
    memcpy(w->project, project, strlen(project) + 1);
    join(w);   /* before the seq of now is read, so that nothing falls between */
    sq_changes now = {0};
    int rc = after == SQ_WATCH_NOW
                 ? watchers->store->ops->changes(watchers->store, project, INT64_MAX - 1, 1, 1, &now, error)
                 : 0;
    if (rc < 0) {
        sq_watchers_close(&w->watch);
        return rc;
    }
    if (after == SQ_WATCH_NOW)
        w->last = now.seq;
    sq_changes_free(&now);
    *out = &w->watch;
    return 0;
}
