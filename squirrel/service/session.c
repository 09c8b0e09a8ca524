/* SPDX-License-Identifier: MIT */
#include "service/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "service/lock.h"
#include "store/wall.h"
#include "transport/remote.h"

static int take_lock(sq_session *session, sq_error *error)
{
    sq_lock_info info = {.pid = getpid()};
    int rc = sq_lock_take(session->site.lock, &session->lock, error);
    if (rc == -EAGAIN) {
        (void)sq_lock_read(session->site.lock, &info);
        return sq_fail(error, SQ_STORE_BUSY,
                       "the store has an owner, process %lld: leave --no-daemon out, or end it by "
                       "squirrel stop",
                       (long long)info.pid);
    }
    if (rc < 0)
        return rc;
    sq_time_write(sq_wall(), info.started);
    snprintf(info.version, sizeof info.version, "%s", sq_version);
    rc = sq_lock_write(session->lock, &info);
    return rc < 0 ? sq_fail(error, SQ_STORE_FAILED, "the lock %.120s cannot be written: %s", session->site.lock,
                            strerror(-rc))
                  : 0;
}

int sq_session_find(sq_session *session, const sq_session_options *options, sq_error *error)
{
    *session = (sq_session){.lock = -1};
    int rc = sq_site_find(options->url, &session->site, error);
    if (rc < 0)
        return rc;
    if (options->no_start && !session->site.lock) {
        sq_site_free(&session->site);
        return sq_fail(error, SQ_USAGE, "memory: is gone with its process: it has no owner, and nothing to restore");
    }
    session->discovery =
        (sq_discovery){.site = &session->site, .idle_ms = options->idle_ms, .no_start = options->no_start};
    if (options->no_daemon && session->site.lock)
        rc = take_lock(session, error);
    if (rc < 0)
        sq_session_end(session);
    return rc;
}

void sq_session_end(sq_session *session)
{
    if (session->lock >= 0)
        close(session->lock);
    session->lock = -1;
    sq_site_free(&session->site);
}

int sq_session_open(sq_session *session, drey_scope *scope, sq_error *error)
{
    if (!session->site.lock || session->lock >= 0)
        return sq_local_open(scope, session->site.url, &(sq_local_options){0}, &session->manager, error);
    sq_connector connector = {sq_discover_connect, &session->discovery};
    return sq_remote_open(scope, connector, &session->manager, error);
}

void sq_session_close(sq_session *session)
{
    if (session->manager)
        session->manager->ops->close(session->manager);
    session->manager = NULL;
}
