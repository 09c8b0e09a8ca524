/* SPDX-License-Identifier: MIT */
/* The server of net.c over TLS 1.3, with the certificate that the environment names. */
#include "bench.h"

#include <drey/tls.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUFFER = 1024 };

static DREY_ASYNC int echo(void *server, int fd)
{
    char buffer[BUFFER];
    drey_tls *tls;
    ssize_t n;
    must(drey_tls_server_open(server, drey_stream_of(fd), &tls));
    drey_stream stream = drey_tls_stream(tls);
    while ((n = drey_stream_read(stream, buffer, sizeof buffer)) > 0)
        if (drey_stream_write_all(stream, buffer, (size_t)n, NULL) < 0)
            break;
    drey_tls_close(tls);
    return 0;
}

DREY_ASYNC double bench_serve_tls(void)
{
    drey_tls_identity identity = {.chain.file = getenv("BENCH_CERTIFICATE"), .key.file = getenv("BENCH_KEY")};
    drey_tls_server_options options = {
        .identities = &identity, .identity_count = 1, .min_version = DREY_TLS_1_3};
    char why[DREY_TLS_TEXT];
    drey_tls_server *server;
    int rc = drey_tls_server_new(options, &server, why);
    if (rc < 0)
        fprintf(stderr, "bench-drey: %s\n", why);
    must(rc);
    must(drey_serve(bench_listener(), echo, server, (drey_serve_options){0}));
    return 0;
}
