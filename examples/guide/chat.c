/* SPDX-License-Identifier: MIT */
/*
 * A chat: what one says, all get, through a broadcast. Who reads too slowly misses messages instead of holding up the
 * others, and is told how many.
 *
 * Prints:
 *     Ann reads: * Ann is here
 *     Ann reads: * Bob is here
 *     Bob reads: * Bob is here
 *     Ann reads: Bob: good evening
 *     Bob reads: Bob: good evening
 *     Ann reads: Ann: hello Bob
 *     Bob reads: Ann: hello Bob
 *     Ann reads: * Bob has left
 */
#include <drey.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 16, TEXT_BYTES = 240, KEPT = 64, CONNECTIONS_MAX = 1000 };

typedef struct message {
    char text[NAME_BYTES + TEXT_BYTES];
} message;

typedef struct chat {
    int listener;
    drey_broadcast *room;
} chat;

typedef struct member {
    chat *chat;
    int fd;
    drey_subscription heard;
    char name[NAME_BYTES];
} member;

static __attribute__((format(printf, 2, 3))) int say(chat *c, const char *format, ...)
{
    message m;
    va_list args;
    va_start(args, format);
    vsnprintf(m.text, sizeof m.text, format, args);
    va_end(args);
    return drey_broadcast_send(c->room, &m);
}

/* A daemon: everything that is said, to one member. */
static DREY_ASYNC int write_all_said(void *arg)
{
    member *who = arg;
    message m;
    uint64_t missed;
    for (int rc = 0; rc == 0;) {
        rc = drey_broadcast_recv(&who->heard, &m, &missed);
        if (rc == -EOVERFLOW) {
            snprintf(m.text, sizeof m.text, "* you missed %" PRIu64 " messages", missed);
            rc = 0;
        }
        struct iovec line[] = {{m.text, strlen(m.text)}, {(char[]){"\n"}, 1}};
        if (rc == 0)
            rc = drey_writev_all(who->fd, line, 2, NULL);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The first line is the name, each further one is said. */
static DREY_ASYNC int read_lines(member *who, drey_scope *scope)
{
    drey_reader in;
    char *line;
    drey_reader_init(&in, drey_stream_of(who->fd), TEXT_BYTES);
    int rc = drey_reader_line(&in, &line, NULL);
    if (rc > 0) {
        snprintf(who->name, sizeof who->name, "%s", line);
        rc = drey_go_daemon(scope, write_all_said, who);
        if (rc == 0)
            rc = say(who->chat, "* %s is here", who->name);
        while (rc == 0 && (rc = drey_reader_line(&in, &line, NULL)) > 0)
            rc = say(who->chat, "%s: %s", who->name, line);
    }
    drey_reader_deinit(&in);
    return rc;
}

static DREY_ASYNC int serve_member(void *arg, int fd)
{
    member who = {.chat = arg, .fd = fd};
    drey_subscription_open(&who.heard, who.chat->room);
    DREY_SCOPE(scope, .name = "member");
    int rc = drey_scope_close(&scope, read_lines(&who, &scope)); /* ends the daemon */
    drey_subscription_close(&who.heard);
    int left = who.name[0] != '\0' ? say(who.chat, "* %s has left", who.name) : 0;
    return rc < 0 ? rc : left;
}

static DREY_ASYNC int serve(void *arg)
{
    chat *c = arg;
    return drey_serve(c->listener, serve_member, c, (drey_serve_options){.limit = CONNECTIONS_MAX});
}

/* Two clients, in one task. */

typedef struct client {
    const char *name;
    int fd;
    drey_reader in;
} client;

static DREY_ASYNC int client_says(client *c, const char *text)
{
    struct iovec line[] = {{(char *)(uintptr_t)text, strlen(text)}, {(char[]){"\n"}, 1}};
    return drey_writev_all(c->fd, line, 2, NULL);
}

static DREY_ASYNC int client_reads(client *c)
{
    char *line;
    int rc = drey_reader_line(&c->in, &line, NULL);
    if (rc > 0)
        printf("%s reads: %s\n", c->name, line);
    return rc < 0 ? rc : rc == 0 ? -ENODATA : 0;
}

static DREY_ASYNC int client_enters(client *c, const drey_addr *at)
{
    c->fd = drey_connect_to(at, (drey_connect_options){0});
    if (c->fd < 0)
        return c->fd;
    drey_reader_init(&c->in, drey_stream_of(c->fd), 1024);
    return client_says(c, c->name);
}

static DREY_ASYNC void client_leaves(client *c)
{
    if (c->fd < 0)
        return;
    drey_reader_deinit(&c->in);
    drey_close(c->fd);
    c->fd = -1;
}

static DREY_ASYNC int all_read(client *clients[], int count, int rc)
{
    for (int i = 0; i < count && rc == 0; i++)
        rc = client_reads(clients[i]);
    return rc;
}

static DREY_ASYNC int have_a_chat(const drey_addr *at)
{
    client ann = {.name = "Ann", .fd = -1}, bob = {.name = "Bob", .fd = -1};
    client *both[] = {&ann, &bob};
    int rc = all_read(both, 1, client_enters(&ann, at));
    if (rc == 0)
        rc = all_read(both, 2, client_enters(&bob, at));
    if (rc == 0)
        rc = all_read(both, 2, client_says(&bob, "good evening"));
    if (rc == 0)
        rc = all_read(both, 2, client_says(&ann, "hello Bob"));
    client_leaves(&bob);
    rc = all_read(both, 1, rc);
    client_leaves(&ann);
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    chat c;
    drey_addr at;
    (void)arg;
    int rc = drey_addr_parse("127.0.0.1:0", &at);
    c.listener = rc < 0 ? rc : drey_listen(&at, (drey_listen_options){0});
    rc = c.listener < 0 ? c.listener : drey_addr_of(c.listener, &at);
    if (rc == 0)
        rc = drey_broadcast_new(sizeof(message), KEPT, &c.room);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    rc = drey_go_daemon(&scope, serve, &c);
    if (rc == 0)
        rc = have_a_chat(&at);
    rc = drey_scope_close(&scope, rc);
    drey_broadcast_unref(c.room);
    drey_close(c.listener);
    return rc;
}

int main(void)
{
    int rc = drey_run(NULL, run, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
