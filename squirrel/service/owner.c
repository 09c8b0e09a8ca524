/* SPDX-License-Identifier: MIT */
#include "service/owner.h"

#include <drey.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/answer.h"
#include "service/lock.h"
#include "service/owned.h"
#include "store/wall.h"

enum { DRAIN_SECONDS = 10, BACKLOG = 4096, PAUSE_MS = 50, DESCRIPTORS = 8192 };

typedef enum reason { REASON_IDLE, REASON_STOP, REASON_FAILED } reason;

typedef struct owner {
    const sq_owner_options *options;
    int lock, ready; /* descriptors; ready -1: nobody waits for us */
    sq_lock_info info;
    sq_answering answering;
    sq_server server;
    int listener;
    bool full; /* nobody could be accepted the last time */
    drey_token *stop, *failed;
    char successor[PATH_MAX]; /* written before stop fires; empty: none */
    _Atomic bool leaving;
    sq_error error; /* why it could not serve */
} owner;

static void say(const char *what, const char *more)
{
    char time[SQ_TIME_BYTES];
    sq_time_write(sq_wall(), time);
    fprintf(stderr, "%s owner %lld: %s%s%s\n", time, (long long)getpid(), what, more[0] ? ": " : "", more);
}

/* An sq_server's `leave`; on any worker, but the first that succeeds is the only one. */
static bool leave(void *arg, const char *program, const char *version)
{
    owner *o = (owner *)((char *)arg - offsetof(owner, answering));
    if (program && (program[0] != '/' || strlen(program) >= sizeof o->successor || access(program, X_OK) < 0))
        return false;
    if (atomic_exchange(&o->leaving, true))
        return true;
    if (program)
        strcpy(o->successor, program);
    say(program ? "hands over to version" : "was told to stop by version", version);
    drey_token_cancel(o->stop, "a client asked");
    return true;
}

/* Only the holder of the lock binds the socket, so what is there is of an owner that died. */
static int bind_socket(owner *o)
{
    char text[SQ_LOCK_SOCKET_BYTES + 8];
    drey_addr at;
    snprintf(text, sizeof text, "unix:%s", o->info.socket);
    int rc = drey_addr_parse(text, &at);
    if (rc < 0)
        return rc;
    if (unlink(o->info.socket) < 0 && errno != ENOENT)
        return -errno;
    o->listener = drey_listen(&at, (drey_listen_options){.backlog = BACKLOG, .mode = 0600});
    return o->listener < 0 ? o->listener : 0;
}

static DREY_ASYNC int accept_one(owner *o)
{
    int fd = drey_accept(o->listener, NULL);
    if (fd >= 0) {
        o->full = false;
        return sq_server_take(&o->server, fd);
    }
    if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
        if (!o->full)
            say("cannot accept", strerror(-fd));
        o->full = true;
        return drey_sleep(DREY_MS(PAUSE_MS));
    }
    return fd;
}

static bool is_waiting(const owner *o)
{
    drey_case waiting = drey_on_fd(o->listener, POLLIN);
    return drey_try_select(&waiting, 1) == 0;
}

/* Takes who is waiting at a socket that no longer has a name. True: somebody was. */
static DREY_ASYNC bool take_waiting(owner *o)
{
    bool came = false;
    while (is_waiting(o) && accept_one(o) == 0)
        came = true;
    return came;
}

/* S24: who connected before the socket lost its name is served; who was later finds no socket, and the lock held
 * until the store is closed. A connection that comes between the last look and the close ends before its hello is
 * answered. */
static DREY_ASYNC bool may_go(owner *o)
{
    unlink(o->info.socket);
    if (!take_waiting(o))
        return true;
    drey_close(o->listener);
    return bind_socket(o) < 0;
}

/* Serves until there is a reason to end. */
static DREY_ASYNC int serve(owner *o, reason *out)
{
    int64_t idle = o->options->idle_ms * 1000000;
    for (;;) {
        bool alone = idle > 0 && atomic_load(&o->server.connected) == 0;
        drey_time until = atomic_load(&o->server.idle_since) + idle;
        drey_case cases[] = {drey_on_fd(o->listener, POLLIN), drey_on_token(o->stop), drey_on_token(o->failed),
                             drey_on_notify(&o->server.emptied), alone ? drey_on_at(until) : drey_on_never()};
        int rc = drey_select(cases, sizeof cases / sizeof *cases);
        if (rc == 0)
            rc = accept_one(o);
        if (rc == 1 || rc == 2) {
            *out = rc == 1 ? REASON_STOP : REASON_FAILED;
            return 0;
        }
        if (rc == 4 && atomic_load(&o->server.connected) == 0 && may_go(o)) {
            *out = REASON_IDLE;
            return 0;
        }
        if (rc < 0)
            return rc;
    }
}

/* Says in the lock's text who we are, and whether we are about to serve or to end. */
static int write_lock(owner *o, bool changing)
{
    o->info.changing = changing;
    int rc = sq_lock_write(o->lock, &o->info);
    if (rc < 0)
        return sq_fail(&o->error, rc == -ENOSPC || rc == -EDQUOT ? SQ_DISK_FULL : SQ_STORE_FAILED,
                       "the lock %.120s cannot be written: %s", o->options->site->lock, strerror(-rc));
    return 0;
}

static int publish(owner *o)
{
    int rc = write_lock(o, false);
    if (rc < 0)
        return rc;
    say("serves", o->options->site->url);
    if (o->ready >= 0)
        sq_owned_report(o->ready, o->info.socket, NULL);
    o->ready = -1;
    return 0;
}

/* Clients, from the first to the last. */
static DREY_ASYNC int serve_clients(owner *o)
{
    static const char *const reasons[] = {"nobody needs it", "stops",
                                          "the store has failed; the next owner opens it anew"};
    reason why = REASON_STOP;
    sq_server_options options = {.handle = sq_answer_call,
                                 .fail = sq_answer_failure,
                                 .leave = leave,
                                 .arg = &o->answering,
                                 .schema = 1,
                                 .uid = geteuid()};
    DREY_SCOPE(scope, .keep_going = true, .name = "clients");
    int rc = sq_server_init(&o->server, &scope, options);
    if (rc == 0)
        rc = bind_socket(o);
    if (rc < 0)
        sq_fail(&o->error, SQ_STORE_UNREACHABLE, "the socket %.120s cannot be made: %s", o->info.socket, strerror(-rc));
    if (rc == 0)
        rc = publish(o);
    if (rc == 0)
        rc = serve(o, &why);
    if (o->listener >= 0) {
        unlink(o->info.socket);
        drey_close(o->listener);
    }
    o->info.socket[0] = '\0';
    if (rc == 0 && write_lock(o, true) < 0)
        say("ends", o->error.message); /* then clients that wait for the lock are less patient */
    drey_token_cancel(o->server.drain, "the owner ends");
    drey_scope_set_deadline(&scope, drey_now() + DREY_SEC(DRAIN_SECONDS));
    if (rc == 0)
        say("ends", reasons[why]);
    int closed = drey_scope_close(&scope, rc);
    sq_server_deinit(&o->server);
    return closed == -ETIMEDOUT ? 0 : closed;
}

static DREY_ASYNC int stop_on_signal(void *arg)
{
    owner *o = arg;
    DREY_SIGNALS(signals, SIGINT, SIGTERM, SIGHUP, SIGQUIT);
    int number = drey_signals_wait(&signals);
    if (number > 0)
        drey_token_cancel(o->stop, "a signal");
    return number < 0 ? number : 0;
}

static DREY_ASYNC int owner_main(void *arg)
{
    owner *o = arg;
    const sq_local_options *options = &o->options->local;
    DREY_SCOPE(scope, .name = "store");
    int rc = drey_go_daemon(&scope, stop_on_signal, o);
    if (rc == 0)
        rc = sq_local_open(&scope, o->options->site->url, options, &o->answering.manager, &o->error);
    if (rc == 0) {
        rc = serve_clients(o);
        o->answering.manager->ops->close(o->answering.manager);
    }
    return drey_scope_close(&scope, rc);
}

static int take_lock(owner *o)
{
    sq_lock_info holder = {0};
    int rc = sq_lock_take(o->options->site->lock, &o->lock, &o->error);
    if (rc != -EAGAIN)
        return rc;
    (void)sq_lock_read(o->options->site->lock, &holder);
    return sq_fail(&o->error, SQ_STORE_BUSY, "the store has an owner, process %lld%s%.100s: squirrel stop ends it",
                   (long long)holder.pid, holder.socket[0] ? " at " : "", holder.socket);
}

static int open_and_serve(owner *o)
{
    sq_lock_info *info = &o->info;
    info->pid = getpid();
    sq_time_write(sq_wall(), info->started);
    snprintf(info->version, sizeof info->version, "%s", sq_version);
    int rc = write_lock(o, true);
    if (rc == 0)
        rc = sq_site_socket(o->options->site, info->socket, &o->error);
    if (rc < 0)
        return rc;
    rc = drey_token_new(NULL, &o->stop);
    if (rc == 0)
        rc = drey_token_new(NULL, &o->failed);
    o->answering.failed = o->failed;
    if (rc == 0)
        rc = drey_run(&(drey_config){.name = "squirrel owner"}, owner_main, o);
    if (rc < 0 && o->error.code == SQ_OK)
        sq_fail(&o->error, SQ_INTERNAL, "the owner of the store ended: %s", strerror(-rc));
    return rc;
}

/* As many clients as are promised, and the store's own files. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
        return;
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void release_tokens(owner *o)
{
    if (o->stop)
        drey_token_unref(o->stop);
    if (o->failed)
        drey_token_unref(o->failed);
}

int sq_owner_run(const sq_owner_options *options)
{
    owner o = {.options = options, .lock = -1, .ready = -1, .listener = -1};
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    raise_descriptors();
    int rc = options->launched ? sq_owned_adopt(options->site, &o.lock, &o.ready) : 0;
    if (rc == 0 && o.lock < 0)
        rc = take_lock(&o);
    if (rc == 0)
        rc = open_and_serve(&o);
    release_tokens(&o);
    if (rc < 0) {
        say("fails", o.error.message);
        if (o.ready >= 0)
            sq_owned_report(o.ready, NULL, &o.error);
        return sq_code_exit(o.error.code);
    }
    if (o.successor[0])
        sq_owned_hand_over(o.successor, options->site, options->idle_ms,
                           o.lock); /* returns if that cannot be run: then the lock is free */
    return 0;
}
