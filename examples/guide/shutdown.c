/* SPDX-License-Identifier: MIT */
/*
 * A server that stops gracefully on SIGTERM, in two phases. It takes no new connections, ends those that are idle, and
 * lets those that work finish until a deadline; then it says what is still there, and cancels it. The clients are tasks
 * of its own, and it signals itself.
 *
 * Prints:
 *     reply: HELLO
 *     draining: Terminated
 *     the idle client reads the end
 *     a new client is turned away
 *     the quick one got its answer: QUICK
 *     a slow request was cut: shutdown
 *     the slow client reads the end
 *     stopped
 */
#include <drey.h>

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 64, DRAIN_MS = 1000, GRACE_MS = 1000, REPORT_FD = STDERR_FILENO };

typedef struct server {
    drey_addr at;
    int listener;
    drey_token *drain;                                /* fired: nothing new */
    drey_token *stop;                                 /* fired: now */
    drey_scope serving;                               /* its children are the connections */
} server;

typedef struct connection {
    server *server;
    int fd;
} connection;

/* The first signal begins to drain, a second one ends the program: all is cancelled, and what outlives the grace is
 * said, with its stack. */
static DREY_ASYNC int drain_on_signal(void *arg)
{
    server *s = arg;
    DREY_SIGNALS(signals, SIGTERM, SIGINT);
    int number = drey_signals_wait(&signals);
    if (number < 0)
        return number;
    printf("draining: %s\n", strsignal(number));
    drey_token_cancel(s->drain, strsignal(number));
    number = drey_signals_wait(&signals);
    if (number >= 0)
        drey_token_cancel(s->stop, strsignal(number));
    return number;
}

/* What takes how long: "quick" a moment, "slow" a minute, all else no time. */
static DREY_ASYNC int work(const char *request)
{
    drey_reason reason;
    int rc = 0;
    if (strcmp(request, "quick") == 0)
        rc = drey_sleep(DREY_MS(50));
    if (strcmp(request, "slow") == 0)
        rc = drey_sleep(DREY_SEC(60));
    if (rc == -ECANCELED && drey_cancel_reason(&reason))
        printf("a slow request was cut: %s\n", reason.why);
    return rc;
}

static DREY_ASYNC int answer(int fd)
{
    char text[LINE_BYTES] = "";
    ssize_t n = drey_read(fd, text, sizeof text - 1);
    int rc = n <= 0 ? -EPIPE : work(text);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return rc < 0 ? rc : drey_write_all(fd, text, (size_t)n, NULL);
}

/* A connection is dormant while it is idle: a request is one case, the end of the service the other. One that works
 * looks at the token after the reply. */
static DREY_ASYNC int serve(void *arg, int event)
{
    connection *c = arg;
    if (event == 0 && answer(c->fd) == 0 && !drey_token_cancelled(c->server->drain)) {
        drey_case next[] = {drey_on_fd(c->fd, POLLIN), drey_on_token(c->server->drain)};
        return drey_again_when(next, 2);
    }
    drey_close(c->fd);
    free(c);
    return 0;
}

static DREY_ASYNC int start(void *arg, int fd)
{
    server *s = arg;
    connection *c = malloc(sizeof *c);
    drey_case first[] = {drey_on_fd(fd, POLLIN), drey_on_token(s->drain)};
    int rc = -ENOMEM;
    if (c != NULL) {
        *c = (connection){.server = s, .fd = fd};
        rc = drey_go_when(&s->serving, serve, c, first, 2);
    }
    if (rc < 0) {
        drey_close(fd);
        free(c);
    }
    return rc;
}

/* A daemon: it is cancelled as soon as the connections have all ended. If they have not in time, the dump says which
 * tasks there are, what each waits for, and the calls that led there. */
static DREY_ASYNC int lose_patience(void *arg)
{
    server *s = arg;
    int rc = drey_sleep(DREY_MS(DRAIN_MS));
    if (rc == 0) {
        rc = drey_dump(REPORT_FD);
        drey_scope_cancel(&s->serving, 0, "shutdown");
    }
    return rc;
}

static DREY_ASYNC int run_server(server *s)
{
    drey_scope_open(&s->serving, .keep_going = true, .name = "connections");
    int rc = drey_accept_each(s->listener, start, s, (drey_serve_options){.stop = s->drain});
    drey_close(s->listener);                          /* phase one: who comes now is refused, not kept waiting */
    if (rc == 0)
        rc = drey_go_daemon(&s->serving, lose_patience, s);
    return drey_scope_close(&s->serving, rc);         /* phase two, if it has to be */
}

/* The clients. */

static DREY_ASYNC int ask(const server *s, const char *request, int *out_fd)
{
    *out_fd = drey_connect_to(&s->at, (drey_connect_options){0});
    return *out_fd < 0 ? *out_fd : drey_write_all(*out_fd, request, strlen(request), NULL);
}

/* The reply, or what is said at the end. */
static DREY_ASYNC int hear(int fd, const char *reply_is, const char *end_is)
{
    char reply[LINE_BYTES];
    ssize_t n = drey_read(fd, reply, sizeof reply);
    if (n > 0)
        printf("%s: %.*s\n", reply_is, (int)n, reply);
    else if (n == 0)
        printf("%s\n", end_is);
    return n < 0 ? (int)n : 0;
}

/* Refused; or, if it came just before the listener was closed, accepted by nobody. */
static DREY_ASYNC void come_too_late(const server *s)
{
    int fd;
    char byte;
    if (ask(s, "hello", &fd) < 0 || drey_read(fd, &byte, 1) <= 0)
        puts("a new client is turned away");
    if (fd >= 0)
        drey_close(fd);
}

static DREY_ASYNC int clients(void *arg)
{
    const server *s = arg;
    int idle = -1, quick = -1, slow = -1;
    int rc = ask(s, "hello", &idle);
    if (rc == 0)
        rc = hear(idle, "reply", "no reply");
    if (rc == 0)
        rc = ask(s, "quick", &quick);
    if (rc == 0)
        rc = ask(s, "slow", &slow);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(20));                 /* they are being worked on */
    kill(getpid(), SIGTERM);                          /* as a service manager does */
    if (rc == 0)
        rc = hear(idle, "reply", "the idle client reads the end");
    come_too_late(s);
    if (rc == 0)
        rc = hear(quick, "the quick one got its answer", "no answer");
    if (rc == 0)
        rc = hear(slow, "reply", "the slow client reads the end");
    for (int *fd = (int[]){idle, quick, slow, -1}; *fd >= 0; fd++)
        drey_close(*fd);
    return rc;
}

static DREY_ASYNC int program(void *arg)
{
    server *s = arg;
    int rc = drey_addr_parse("127.0.0.1:0", &s->at);
    s->listener = rc < 0 ? rc : drey_listen(&s->at, (drey_listen_options){0});
    rc = s->listener < 0 ? s->listener : drey_addr_of(s->listener, &s->at);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope, .name = "program");
    rc = drey_go_daemon(&scope, drain_on_signal, s);
    if (rc == 0)
        rc = drey_go(&scope, clients, s);
    if (rc == 0)
        rc = run_server(s);
    return drey_scope_close(&scope, rc);
}

int main(void)
{
    server s = {.drain = NULL};
    if (drey_token_new(NULL, &s.stop) < 0 || drey_token_new(NULL, &s.drain) < 0)
        return EXIT_FAILURE;
    drey_config config = {
        .workers = 2, .token = s.stop, .shutdown_grace = DREY_MS(GRACE_MS), .shutdown_report = REPORT_FD};
    int rc = drey_run(&config, program, &s);
    drey_token_unref(s.drain);
    drey_token_unref(s.stop);
    puts(rc < 0 ? strerror(-rc) : "stopped");
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
