/* SPDX-License-Identifier: MIT */
#include "service/discover.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/launch.h"
#include "service/lock.h"
#include "service/owned.h"
#include "transport/client.h"

enum {
    PATIENCE_SECONDS = 5,
    START_SECONDS = 60,
    PAUSE_MIN_MS = 1,
    PAUSE_MAX_MS = 25,
    LINE_BYTES = 2048,
    LOST_MAX = 20
};

typedef struct search {
    const sq_discovery *discovery;
    sq_lock_info info; /* what the lock's text said last */
    drey_time deadline;
    drey_duration pause;
    bool asked;    /* an older owner was asked to hand over */
    unsigned lost; /* owners that we started, and that were killed before they served */
    sq_error *error;
} search;

char *sq_own_program(void)
{
    char path[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);
    if (bytes <= 0)
        return NULL;
    path[bytes] = '\0';
    return access(path, X_OK) == 0 ? strdup(path) : NULL; /* one that was deleted meanwhile has another name */
}

/* 0: use it. -EAGAIN: it ends, and a newer one comes in its place. */
static DREY_ASYNC int consider(search *s, int fd, const sq_hello *theirs)
{
    bool older = sq_version_compare(theirs->version, sq_version) < 0;
    if (older && !s->asked && !s->discovery->no_start) {
        s->asked = true;
        char *program = s->discovery->program ? strdup(s->discovery->program) : sq_own_program();
        int rc = program ? sq_client_leave(fd, program) : 0;
        free(program);
        if (rc == -ECANCELED)
            return rc;
        if (rc != 0) {
            s->deadline = drey_now() + DREY_SEC(START_SECONDS);
            return -EAGAIN;
        }
    }
    if (theirs->protocol < SQ_PROTOCOL_OLDEST)
        return sq_fail(s->error, SQ_VERSION_SKEW,
                       "the owner of the store is squirrel %s, which is too old for this %s: stop it by its own "
                       "`squirrel stop`",
                       theirs->version, sq_version);
    return 0;
}

/* Somebody new has the lock, or an owner begins or ceases to serve: each gets time of its own. To open a store and to
 * answer what is at work may take a while. */
static void note_holder(search *s, const sq_lock_info *info)
{
    bool news = info->pid != s->info.pid || info->changing != s->info.changing;
    drey_time until = drey_now() + DREY_SEC(info->changing ? START_SECONDS : PATIENCE_SECONDS);
    s->info = *info;
    if (news && until > s->deadline)
        s->deadline = until;
}

/* S37: whoever can write beside the store can name any socket. Only our own user is told anything. */
static int check_peer(search *s, int fd)
{
    drey_credentials peer;
    if (drey_peer_credentials(fd, &peer) == 0 && peer.uid == geteuid())
        return 0;
    return sq_fail(s->error, SQ_FORBIDDEN,
                   "what serves the store at %.100s belongs to another user, and is told nothing: its lock is %.100s",
                   s->info.socket, s->discovery->site->lock);
}

/* 0: connected. -EAGAIN: nobody is there, or not any more. */
static DREY_ASYNC int try_socket(search *s, int *out_fd, sq_hello *out_hello)
{
    char text[SQ_LOCK_SOCKET_BYTES + 8];
    drey_addr at;
    sq_hello own;
    sq_lock_info info;
    if (sq_lock_read(s->discovery->site->lock, &info) < 0)
        return -EAGAIN;
    note_holder(s, &info);
    if (s->info.socket[0] == '\0')
        return -EAGAIN;
    snprintf(text, sizeof text, "unix:%s", s->info.socket);
    int fd = drey_addr_parse(text, &at) < 0 ? -EINVAL : drey_connect_to(&at, (drey_connect_options){0});
    if (fd < 0)
        return fd == -ECANCELED ? fd : -EAGAIN;
    sq_hello_own(&own, 0);
    int rc = check_peer(s, fd);
    if (rc == 0) {
        DREY_SCOPE(scope, .deadline = s->deadline, .name = "hello"); /* one that is stopped never answers */
        rc = drey_scope_close(&scope, sq_client_greet(fd, &own, out_hello, s->error));
    }
    if (rc == 0)
        rc = consider(s, fd, out_hello);
    else if (rc != -EINVAL && rc != -ENOMEM && rc != -ECANCELED)
        rc = -EAGAIN; /* it went away before it answered */
    if (rc < 0)
        drey_close(fd);
    else
        *out_fd = fd;
    return rc;
}

/* What blocks, on a thread of the pool. */
typedef struct start_job {
    search *search;
    int ready; /* of the owner that was launched */
} start_job;

/* Until the owner writes who it is, the lock's text names the starter. */
static int launch_with_lock(start_job *job, int lock)
{
    const sq_discovery *d = job->search->discovery;
    sq_lock_info info = {.pid = getpid(), .changing = true};
    snprintf(info.version, sizeof info.version, "%s", sq_version);
    sq_launch launch = {.program = d->program, .site = d->site, .lock = lock, .idle_ms = d->idle_ms};
    int rc = sq_lock_write(lock, &info);
    if (rc < 0)
        return sq_fail(job->search->error, rc == -ENOSPC || rc == -EDQUOT ? SQ_DISK_FULL : SQ_STORE_FAILED,
                       "the lock %.120s cannot be written: %s", d->site->lock, strerror(-rc));
    return sq_launch_owner(&launch, &job->ready, job->search->error);
}

/* 0: launched. -EAGAIN: somebody has the lock. */
static int start(void *arg)
{
    start_job *job = arg;
    const sq_discovery *d = job->search->discovery;
    int lock, rc = sq_lock_take(d->site->lock, &lock, job->search->error);
    if (rc < 0)
        return rc;
    rc = d->no_start ? sq_fail(job->search->error, SQ_STORE_UNREACHABLE, "no owner of the store is running")
                     : launch_with_lock(job, lock);
    close(lock);
    return rc;
}

/* The line that the owner writes when it serves, up to the end. */
static DREY_ASYNC int read_line(int fd, char line[LINE_BYTES], size_t *out_bytes)
{
    size_t done = 0;
    ssize_t got = 1;
    while (got > 0 && done < LINE_BYTES) {
        got = drey_read(fd, line + done, LINE_BYTES - done);
        if (got < 0)
            return (int)got;
        done += (size_t)got;
    }
    *out_bytes = done;
    return 0;
}

static DREY_ASYNC int wait_for_owner(search *s, int ready)
{
    char line[LINE_BYTES], socket[SQ_SOCKET_BYTES + 1];
    size_t bytes = 0;
    DREY_SCOPE(scope, .timeout = DREY_SEC(START_SECONDS), .name = "start of the owner");
    int rc = drey_scope_close(&scope, read_line(ready, line, &bytes));
    drey_close(ready);
    if (rc == -ECANCELED)
        return rc;
    if (rc < 0)
        return sq_fail(s->error, SQ_STORE_BUSY,
                       "the owner of the store was started, and does not serve after %d s: see "
                       "%.120s",
                       START_SECONDS, s->discovery->site->log);
    return sq_owned_read(line, bytes, s->discovery->site, socket, s->error);
}

static DREY_ASYNC int try_start(search *s)
{
    start_job job = {.search = s, .ready = -1};
    int rc = drey_offload(start, &job);
    if (rc < 0)
        return rc;
    rc = wait_for_owner(s, job.ready);
    s->deadline = drey_now() + DREY_SEC(PATIENCE_SECONDS);
    return rc == -ENODATA && ++s->lost < LOST_MAX ? -EAGAIN : rc == -ENODATA ? -EINVAL : rc;
}

static int fail_busy(const search *s)
{
    if (s->info.pid > 0 && s->info.changing)
        return sq_fail(
            s->error, SQ_STORE_BUSY,
            "process %lld is opening or closing the store, for over %d s now: see %.100s; end that process if "
            "it hangs",
            (long long)s->info.pid, START_SECONDS, s->discovery->site->log);
    if (s->info.pid > 0)
        return sq_fail(s->error, SQ_STORE_BUSY,
                       "the store is owned by process %lld%s%.60s, which does not answer: its "
                       "lock is %.120s; end that process if it hangs",
                       (long long)s->info.pid, s->info.socket[0] ? " at " : "", s->info.socket,
                       s->discovery->site->lock);
    return sq_fail(s->error, SQ_STORE_BUSY,
                   "the store is owned by a process that does not say which: its lock is %.150s",
                   s->discovery->site->lock);
}

int sq_discover(const sq_discovery *discovery, int *out_fd, sq_hello *out_hello, sq_error *error)
{
    search s = {.discovery = discovery,
                .deadline = drey_now() + DREY_SEC(PATIENCE_SECONDS),
                .pause = DREY_MS(PAUSE_MIN_MS),
                .error = error};
    sq_hello hello;
    for (;;) {
        int rc = try_socket(&s, out_fd, &hello);
        if (rc == 0 && out_hello)
            *out_hello = hello;
        if (rc != -EAGAIN)
            return rc;
        rc = try_start(&s);
        if (rc < 0 && rc != -EAGAIN)
            return rc;
        if (drey_now() >= s.deadline)
            return fail_busy(&s);
        rc = rc == 0 ? 0 : drey_sleep(s.pause);
        if (rc < 0)
            return rc;
        s.pause = s.pause * 2 < DREY_MS(PAUSE_MAX_MS) ? s.pause * 2 : DREY_MS(PAUSE_MAX_MS);
    }
}

int sq_discover_connect(void *arg, int *out_fd, sq_error *error)
{
    return sq_discover(arg, out_fd, NULL, error);
}
