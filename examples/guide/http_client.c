/* SPDX-License-Identifier: MIT */
/*
 * An HTTP/1.1 client by hand: it connects by name, sends a request, and reads the head and the body, which is as long
 * as the head says, or comes in chunks, or goes on until the end. A server for it is at the end of this file.
 *
 * Prints:
 *     /fixed: 200, Hello, world!
 *     /chunked: 200, one, two, three
 *     /until-the-end: 404, what is that?
 *     /too-large: Message too long
 *     /broken: Protocol error
 *     /cut-off: No data available
 *     /slow: Connection timed out
 */
#include <drey.h>
#include <drey/resolve.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINE_BYTES_MAX = 8192, HEADERS_MAX = 100, BODY_BYTES_MAX = 1 << 20 };

typedef struct response {
    int status;
    bool chunked, has_length;
    size_t length;
    char *body;                                       /* bytes of it; the caller's, to be freed */
    size_t bytes;
} response;

/* The next line; its end is an error. */
static DREY_ASYNC int next_line(drey_reader *in, char **out_line)
{
    int rc = drey_reader_line(in, out_line, NULL);
    return rc < 0 ? rc : rc == 0 ? -ENODATA : 0;
}

static int parse_size(const char *text, int base, size_t *out_size)
{
    char *end;
    errno = 0;
    unsigned long long size = strtoull(text, &end, base);
    bool good = end > text && strchr("; \t", *end) != NULL && *text != '-' && *text != '+';
    *out_size = (size_t)size;
    return !good ? -EPROTO : errno != 0 || size > BODY_BYTES_MAX ? -EMSGSIZE : 0;
}

static int note_header(response *r, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon == NULL)
        return -EPROTO;
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    size_t bytes = (size_t)(colon - line);
    if (bytes == 14 && strncasecmp(line, "content-length", bytes) == 0) {
        r->has_length = true;
        return parse_size(value, 10, &r->length);
    }
    if (bytes == 17 && strncasecmp(line, "transfer-encoding", bytes) == 0)
        r->chunked = strcasecmp(value, "chunked") == 0;
    return 0;
}

/* "HTTP/1.1 200 OK", a line for each header, and an empty one. */
static DREY_ASYNC int read_head(drey_reader *in, response *r)
{
    char *line;
    int rc = next_line(in, &line);
    if (rc == 0 && sscanf(line, "HTTP/1.%*1d %3d", &r->status) != 1)
        rc = -EPROTO;
    for (int i = 0; rc == 0 && i < HEADERS_MAX; i++) {
        rc = next_line(in, &line);
        if (rc == 0 && *line == '\0')
            return 0;
        if (rc == 0)
            rc = note_header(r, line);
    }
    return rc < 0 ? rc : -EMSGSIZE;
}

/* Read so many bytes more; without `exactly`, up to so many. */
static DREY_ASYNC int read_more(drey_reader *in, response *r, size_t bytes, bool exactly)
{
    if (r->bytes + bytes > BODY_BYTES_MAX)
        return -EMSGSIZE;
    char *body = realloc(r->body, r->bytes + bytes + 1);
    if (body == NULL)
        return -ENOMEM;
    r->body = body;
    size_t done = 0;
    ssize_t n = exactly ? drey_reader_read_exact(in, body + r->bytes, bytes, &done)
                        : drey_reader_read(in, body + r->bytes, bytes);
    r->bytes += exactly ? done : n > 0 ? (size_t)n : 0;
    body[r->bytes] = '\0';
    return n < 0 ? (int)n : n > 0;                    /* 0: all of it, or the end */
}

/* Each chunk is a line with its size, and the bytes; one of size 0 ends them, and further headers may follow. */
static DREY_ASYNC int read_chunks(drey_reader *in, response *r)
{
    char *line;
    size_t bytes;
    int rc;
    do {
        rc = next_line(in, &line);
        if (rc == 0)
            rc = parse_size(line, 16, &bytes);
        if (rc == 0 && bytes > 0)
            rc = read_more(in, r, bytes, true);
        if (rc == 0 && bytes > 0)
            rc = next_line(in, &line);
    } while (rc == 0 && bytes > 0);
    for (int i = 0; rc == 0 && i < HEADERS_MAX; i++) {
        rc = next_line(in, &line);
        if (rc == 0 && *line == '\0')
            return 0;
    }
    return rc < 0 ? rc : -EMSGSIZE;
}

static DREY_ASYNC int read_body(drey_reader *in, response *r)
{
    if (r->chunked)
        return read_chunks(in, r);
    if (r->has_length)
        return read_more(in, r, r->length, true);
    int rc;
    while ((rc = read_more(in, r, 4096, false)) > 0) {
    }
    return rc;
}

/* GET http://host:port/path. Out of r the body is the caller's, whatever is returned. */
static DREY_ASYNC int http_get(const char *host, const char *port, const char *path, response *r)
{
    char request[LINE_BYTES_MAX];
    int bytes = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n", path,
                         host, port);
    if (bytes >= (int)sizeof request)
        return -E2BIG;
    int fd = drey_connect(host, port, (drey_connect_name_options){0});
    if (fd < 0)
        return fd;
    drey_reader in;
    drey_reader_init(&in, drey_stream_of(fd), LINE_BYTES_MAX);
    int rc = drey_write_all(fd, request, (size_t)bytes, NULL);
    if (rc == 0)
        rc = read_head(&in, r);
    if (rc == 0)
        rc = read_body(&in, r);
    drey_reader_deinit(&in);
    drey_close(fd);
    return rc;
}

static DREY_ASYNC int show(const char *port, const char *path)
{
    response r = {0};
    DREY_SCOPE(scope, .timeout = DREY_SEC(1));        /* for all of it: the name, the connection, the answer */
    int rc = drey_scope_close(&scope, http_get("localhost", port, path, &r));
    if (rc == 0)
        printf("%s: %d, %s\n", path, r.status, r.body);
    else
        printf("%s: %s\n", path, drey_resolve_text(rc));
    free(r.body);
    return rc == -ECANCELED ? rc : 0;
}

/* The server. */

static const struct page {
    const char *path, *answer;
} pages[] = {
    {"/fixed", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!"},
    {"/chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\none, \r\nA; note=x\r\ntwo, three\r\n0\r\nX-After: all\r\n\r\n"},
    {"/until-the-end", "HTTP/1.0 404 Not Found\r\n\r\nwhat is that?"},
    {"/too-large", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"},
    {"/broken", "SSH-2.0-hello\r\n"},
    {"/cut-off", "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello"},
    {"/slow", NULL},
};

enum { PAGES = sizeof pages / sizeof pages[0] };

static DREY_ASYNC int serve_page(void *arg, int fd)
{
    drey_reader in;
    char *line, path[64];
    (void)arg;
    drey_reader_init(&in, drey_stream_of(fd), LINE_BYTES_MAX);
    int rc = next_line(&in, &line);
    if (rc == 0 && sscanf(line, "GET %63s", path) != 1)
        rc = -EPROTO;
    for (int i = 0; i < PAGES && rc == 0; i++)
        if (strcmp(path, pages[i].path) == 0)
            rc = pages[i].answer == NULL ? drey_sleep(DREY_SEC(60))
                                         : drey_write_all(fd, pages[i].answer, strlen(pages[i].answer), NULL);
    while (rc == 0 && (rc = next_line(&in, &line)) == 0 && *line != '\0') {
    }
    drey_reader_deinit(&in);
    return rc;
}

static DREY_ASYNC int serve(void *arg)
{
    return drey_serve(*(int *)arg, serve_page, NULL, (drey_serve_options){.limit = 10});
}

static DREY_ASYNC int run(void *arg)
{
    drey_addr at;
    char port[8];
    (void)arg;
    int rc = drey_addr_parse("127.0.0.1:0", &at);
    int listener = rc < 0 ? rc : drey_listen(&at, (drey_listen_options){0});
    if (listener < 0)
        return listener;
    rc = drey_addr_of(listener, &at);
    snprintf(port, sizeof port, "%d", drey_addr_port(&at));
    DREY_SCOPE(scope);
    if (rc == 0)
        rc = drey_go_daemon(&scope, serve, &listener);
    for (int i = 0; i < PAGES && rc == 0; i++)
        rc = show(port, pages[i].path);
    rc = drey_scope_close(&scope, rc);
    drey_close(listener);
    return rc;
}

int main(void)
{
    int rc = drey_run(NULL, run, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
