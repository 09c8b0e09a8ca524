/* SPDX-License-Identifier: MIT */
/* Accept loops that outlive a lack of descriptors or memory. */
#include <errno.h>
#include <poll.h>

#include <drey/scope.h>
#include <drey/select.h>
#include <drey/time.h>
#include <drey/token.h>

#include "net/make.h"
#include "net/net.h"

enum { PAUSE_MS = 100, STOPPED = 1 };

static bool is_lack(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* Say it, and wait a while: 0, STOPPED, or -ECANCELED. */
static DREY_ASYNC int sit_out(const drey_serve_options *o, void *arg, int error)
{
    drey_case cases[] = {drey_on_after(o->pause > 0 ? o->pause : DREY_MS(PAUSE_MS)), drey_on_token(o->stop)};
    if (o->report != NULL)
        o->report(arg, error);
    return drey_select(cases, 2); /* STOPPED is the token's index */
}

/* 0 once there may be a connection, STOPPED, or a negative errno. */
static DREY_ASYNC int await_connection(int listener, const drey_serve_options *o)
{
    drey_case cases[] = {drey_on_fd(listener, POLLIN), drey_on_token(o->stop)};
    int which = drey_select(cases, 2);
    return which == 0 && cases[0].result < 0 ? cases[0].result : which;
}

int drey_accept_each(int listener, drey_serve_fn *fn, void *arg, drey_serve_options options)
{
    struct drey_task *self;
    uint64_t word = drey__net_unblock(listener);
    for (int rc = 0;;) {
        if (rc == 0)
            rc = drey__enter(&self, DREY__CUT_POINT);
        if (rc == 0 && !drey__net_is_same(listener, word))
            rc = -EBADF;
        if (rc == 0 && options.stop != NULL && drey_token_cancelled(options.stop))
            rc = STOPPED;
        if (rc != 0)
            return rc == STOPPED ? 0 : rc;
        int fd = (int)drey__net_accept(listener, NULL);
        if (fd >= 0) {
            rc = fn(arg, drey__net_accepted(fd, listener, word));
            rc = rc < 0 ? rc : 0;
        } else if (fd == -EAGAIN) {
            drey__fd_set_drained(word, listener);
            rc = await_connection(listener, &options);
        } else {
            rc = is_lack(fd) ? sit_out(&options, arg, fd) : fd;
        }
    }
}

struct server {
    drey_scope scope;
    drey_serve_fn *fn;
    void *arg;
    const drey_serve_options *options;
};

struct connection {
    drey_serve_fn *fn;
    void *arg;
    int fd;
};

static DREY_ASYNC int serve_one(void *arg)
{
    const struct connection *c = arg;
    int rc = c->fn(c->arg, c->fd);
    drey_close(c->fd);
    return rc;
}

static DREY_ASYNC int start_one(void *arg, int fd)
{
    struct server *s = arg;
    struct connection c = {s->fn, s->arg, fd};
    int rc;
    do {
        rc = drey_go_copy(&s->scope, serve_one, &c, sizeof c);
    } while (is_lack(rc) && (rc = sit_out(s->options, s->arg, rc)) == 0);
    if (rc != 0)
        drey_close(fd);
    return rc < 0 ? rc : 0;
}

static DREY_ASYNC void report_for(void *arg, int error)
{
    const struct server *s = arg;
    s->options->report(s->arg, error);
}

int drey_serve(int listener, drey_serve_fn *fn, void *arg, drey_serve_options options)
{
    struct server s = {.fn = fn, .arg = arg, .options = &options};
    drey_serve_options accepting = options;
    accepting.report = options.report != NULL ? report_for : NULL;
    if (drey__current() == NULL)
        return -EPERM;
    drey_scope_open(&s.scope, .limit = options.limit, .stack_size = options.stack_size, .keep_going = true,
                    .spread = true, .name = options.name != NULL ? options.name : "connections");
    int rc = drey_accept_each(listener, start_one, &s, accepting);
    return drey_scope_close(&s.scope, rc);
}
