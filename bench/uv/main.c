/* SPDX-License-Identifier: MIT */
/* libuv's side of the table: bench-uv serve 1, as bench-drey's. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { NOT_OFFERED = 3, BUFFER = 1024, BACKLOG = 4096 };

typedef struct {
    uv_write_t request;
    char data[];
} pending;

/* One for all: what is in it is sent, or copied, before the next is read. */
static char buffer[BUFFER];

static void must(int rc)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "bench-uv: %s\n", uv_strerror(rc));
    exit(1);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *out_buffer)
{
    (void)handle, (void)suggested;
    *out_buffer = uv_buf_init(buffer, BUFFER);
}

static void release(uv_handle_t *handle)
{
    free(handle);
}

static void written(uv_write_t *request, int status)
{
    if (status < 0 && !uv_is_closing((uv_handle_t *)request->handle))
        uv_close((uv_handle_t *)request->handle, release);
    free(request);
}

static void write_later(uv_stream_t *stream, const char *data, size_t bytes)
{
    pending *p = malloc(sizeof *p + bytes);
    must(p == NULL ? UV_ENOMEM : 0);
    memcpy(p->data, data, bytes);
    uv_buf_t part = uv_buf_init(p->data, (unsigned)bytes);
    must(uv_write(&p->request, stream, &part, 1, written));
}

static void echo(uv_stream_t *stream, ssize_t n, const uv_buf_t *got)
{
    if (n < 0) {
        uv_close((uv_handle_t *)stream, release);
        return;
    }
    uv_buf_t part = uv_buf_init(got->base, (unsigned)n);
    int done = n > 0 ? uv_try_write(stream, &part, 1) : 0;
    done = done == UV_EAGAIN ? 0 : done;
    if (done >= 0 && done < n)
        write_later(stream, got->base + done, (size_t)(n - done));
}

static void welcome(uv_stream_t *listener, int status)
{
    uv_tcp_t *connection = malloc(sizeof *connection);
    must(status);
    must(connection == NULL ? UV_ENOMEM : 0);
    must(uv_tcp_init(listener->loop, connection));
    must(uv_accept(listener, (uv_stream_t *)connection));
    must(uv_tcp_nodelay(connection, 1));
    must(uv_read_start((uv_stream_t *)connection, give_buffer, echo));
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {0};
    int bytes = sizeof at;
    uv_tcp_t listener;
    uv_loop_t *loop = uv_default_loop();
    if (argc != 3 || strcmp(argv[1], "serve") != 0 || strcmp(argv[2], "1") != 0)
        return NOT_OFFERED;
    must(uv_ip4_addr("127.0.0.1", 0, &at));
    must(uv_tcp_init(loop, &listener));
    must(uv_tcp_bind(&listener, (struct sockaddr *)&at, 0));
    must(uv_listen((uv_stream_t *)&listener, BACKLOG, welcome));
    must(uv_tcp_getsockname(&listener, (struct sockaddr *)&at, &bytes));
    printf("%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
