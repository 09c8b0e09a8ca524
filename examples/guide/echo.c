/* SPDX-License-Identifier: MIT */
/*
 * A server that answers each line, with a task for each connection, and clients for it. At the end the server is told
 * to stop, and lets its connections finish.
 *
 * Prints:
 *     client 1: you said hello
 *     client 2: you said hello
 *     a line too long: Message too long
 *     3 connections served
 */
#include <drey.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1024, CONNECTIONS_MAX = 100 };

typedef struct server {
    drey_addr at;
    int listener;
    drey_token *stop;
    atomic_int served;
} server;

static DREY_ASYNC int answer_lines(server *s, int fd)
{
    drey_reader reader;
    char *line;
    size_t bytes;
    int rc;
    drey_reader_init(&reader, drey_stream_of(fd), LINE_BYTES_MAX);
    while ((rc = drey_reader_line(&reader, &line, &bytes)) > 0) {
        struct iovec answer[] = {{(char[]){"you said "}, 9}, {line, bytes}, {(char[]){"\n"}, 1}};
        rc = drey_writev_all(fd, answer, 3, NULL);
        if (rc < 0 || drey_token_cancelled(s->stop))
            break;
    }
    drey_reader_deinit(&reader);
    return rc;
}

/* One connection: a task of its own. The descriptor is closed when this returns. */
static DREY_ASYNC int serve_one(void *arg, int fd)
{
    server *s = arg;
    DREY_SCOPE(scope, .timeout = DREY_SEC(30));       /* nobody holds a connection for longer */
    int rc = drey_scope_close(&scope, answer_lines(s, fd));
    atomic_fetch_add(&s->served, 1);
    if (rc == -EMSGSIZE)
        printf("a line too long: %s\n", strerror(-rc));
    return rc;
}

static void short_of(void *arg, int error)
{
    (void)arg;
    fprintf(stderr, "cannot accept, trying again soon: %s\n", strerror(-error));
}

static DREY_ASYNC int serve(void *arg)
{
    server *s = arg;
    return drey_serve(s->listener, serve_one, s,
                      (drey_serve_options){.limit = CONNECTIONS_MAX, .stop = s->stop, .report = short_of});
}

static DREY_ASYNC int ask(const server *s, const char *question, char *answer, size_t room)
{
    char *line;
    int fd = drey_connect_to(&s->at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    drey_reader reader;
    drey_reader_init(&reader, drey_stream_of(fd), LINE_BYTES_MAX + 16);
    int rc = drey_write_all(fd, question, strlen(question), NULL);
    if (rc == 0)
        rc = drey_reader_line(&reader, &line, NULL);
    if (rc > 0)
        snprintf(answer, room, "%s", line);
    drey_reader_deinit(&reader);
    drey_close(fd);
    return rc;
}

static DREY_ASYNC int ask_three_times(const server *s)
{
    static char much[2 * LINE_BYTES_MAX];
    char answer[64];
    for (int i = 1; i <= 2; i++) {
        int rc = ask(s, "hello\n", answer, sizeof answer);
        if (rc < 0)
            return rc;
        printf("client %d: %s\n", i, answer);
    }
    memset(much, 'x', sizeof much - 1);
    int rc = ask(s, much, answer, sizeof answer);     /* the server ends that connection */
    return rc == 0 || rc == -ECONNRESET ? 0 : rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    server s = {0};
    int rc = drey_addr_parse("127.0.0.1:0", &s.at);   /* the kernel chooses a port */
    if (rc == 0)
        s.listener = rc = drey_listen(&s.at, (drey_listen_options){.backlog = 128});
    if (rc >= 0)
        rc = drey_addr_of(s.listener, &s.at);
    if (rc == 0)
        rc = drey_token_new(NULL, &s.stop);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope);
    rc = drey_go(&scope, serve, &s);
    if (rc == 0)
        rc = ask_three_times(&s);
    drey_token_cancel(s.stop, "the example is over"); /* no more connections; those that are open finish */
    rc = drey_scope_close(&scope, rc);
    printf("%d connections served\n", s.served);
    drey_close(s.listener);
    drey_token_unref(s.stop);
    return rc;
}

int main(void)
{
    int rc = drey_run(NULL, run, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
