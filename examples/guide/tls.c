/* SPDX-License-Identifier: MIT */
/*
 * A server that answers lines over TLS, and clients for it. Its certificate is renewed while it serves; a broken file
 * changes nothing; and a client that meets the wrong server says why it leaves. The certificate is made by the program
 * openssl, and signs itself, so that the client needs to trust nobody else.
 *
 * Prints:
 *     hello: you said hello
 *     not renewed: broken.pem: no certificate in it
 *     hello again: you said hello again
 *     certificate refused: it is not for elsewhere.example (of CN=localhost, issued by CN=localhost)
 *     2 lines answered
 */
#include <drey.h>
#include <drey/tls.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1024, CONNECTIONS_MAX = 100 };

typedef struct server {
    drey_tls_server *tls;
    drey_addr at;
    int listener;
    drey_token *stop;
    atomic_int answered;
} server;

static drey_tls_server_options options_with(const drey_tls_identity *identity)
{
    static const char *const protocols[] = {"lines/1", NULL};
    return (drey_tls_server_options){.identities = identity, .identity_count = 1, .protocols = protocols};
}

/* On SIGHUP, say. Connections that are open keep the certificate that they began with. */
static DREY_ASYNC int renew(server *s, const drey_tls_identity *identity)
{
    char why[DREY_TLS_TEXT];
    int rc = drey_tls_server_reload(s->tls, options_with(identity), why);
    if (rc < 0)
        printf("not renewed: %s\n", why);
    return rc;
}

static DREY_ASYNC int answer_lines(server *s, drey_stream stream)
{
    drey_reader reader;
    char *line;
    size_t bytes;
    int rc;
    drey_reader_init(&reader, stream, LINE_BYTES_MAX);
    while ((rc = drey_reader_line(&reader, &line, &bytes)) > 0) {
        struct iovec answer[] = {{(char[]){"you said "}, 9}, {line, bytes}, {(char[]){"\n"}, 1}};
        rc = drey_stream_writev_all(stream, answer, 3, NULL);
        if (rc < 0)
            break;
        atomic_fetch_add(&s->answered, 1);
    }
    drey_reader_deinit(&reader);
    return rc;
}

/* One connection. The handshake comes with the first read, in the same time limit. */
static DREY_ASYNC int serve_one(void *arg, int fd)
{
    server *s = arg;
    drey_tls *tls;
    int rc = drey_tls_server_open(s->tls, drey_stream_of(fd), &tls);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope, .timeout = DREY_SEC(30));
    rc = drey_scope_close(&scope, answer_lines(s, drey_tls_stream(tls)));
    drey_tls_close(tls);                              /* the descriptor is drey_serve's to close */
    return rc;
}

static DREY_ASYNC int serve(void *arg)
{
    server *s = arg;
    return drey_serve(s->listener, serve_one, s, (drey_serve_options){.limit = CONNECTIONS_MAX, .stop = s->stop});
}

/* A line, and the end of what we have to say; then the answer. */
static DREY_ASYNC int exchange(drey_stream stream, const char *line)
{
    drey_reader reader;
    char *answer, request[LINE_BYTES_MAX];
    int bytes = snprintf(request, sizeof request, "%s\n", line);
    int rc = drey_stream_write_all(stream, request, (size_t)bytes, NULL);
    if (rc == 0)
        rc = drey_stream_shutdown(stream);
    drey_reader_init(&reader, stream, LINE_BYTES_MAX + 16);
    if (rc == 0)
        rc = drey_reader_line(&reader, &answer, NULL);
    if (rc > 0)
        printf("%s: %s\n", line, answer);
    drey_reader_deinit(&reader);
    return rc;
}

static DREY_ASYNC int ask(const server *s, drey_tls_client *client, const char *host, const char *line)
{
    drey_tls *tls;
    int fd = drey_connect_to(&s->at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    int rc = drey_tls_client_open(client, drey_stream_of(fd), host, &tls);
    if (rc < 0) {
        drey_close(fd);
        return rc;
    }
    rc = drey_tls_handshake(tls);
    if (rc < 0)
        puts(drey_tls_failure(tls));
    else
        rc = exchange(drey_tls_stream(tls), line);
    drey_stream_close(drey_tls_stream(tls));          /* closes the descriptor, too */
    return rc;
}

static DREY_ASYNC int ask_and_renew(server *s, const drey_tls_identity *identity)
{
    drey_tls_client *client;
    const drey_tls_identity broken = {.chain = {.file = "broken.pem"}};
    int rc = drey_tls_client_new((drey_tls_client_options){.trust = identity->chain}, &client, NULL);
    if (rc < 0)
        return rc;
    rc = ask(s, client, "localhost", "hello");
    if (rc >= 0)
        rc = renew(s, &broken) == -EBADMSG ? 0 : -EPROTO;
    if (rc >= 0)
        rc = renew(s, identity);
    if (rc >= 0)
        rc = ask(s, client, "localhost", "hello again");
    if (rc >= 0)
        rc = ask(s, client, "elsewhere.example", "hello") == -EKEYREJECTED ? 0 : -EPROTO;
    drey_tls_client_unref(client);
    return rc;
}

static DREY_ASYNC int make_certificate(void)
{
    const char *argv[] = {"openssl",  "req",           "-x509",    "-newkey",  "ec",
                          "-pkeyopt", "ec_paramgen_curve:P-256",   "-nodes",   "-subj",
                          "/CN=localhost", "-addext",  "subjectAltName=DNS:localhost", "-keyout",
                          "key.pem",  "-out",          "chain.pem", NULL};
    drey_process_result result;
    int rc = drey_process_run((drey_process_options){.argv = argv}, (drey_process_talk){0}, &result);
    if (rc == 0 && result.status.code != 0)
        rc = -EIO;
    return rc < 0 ? rc : drey_file_store("broken.pem", "not yet written", 15, 0600);
}

static DREY_ASYNC int run_server(server *s, const drey_tls_identity *identity)
{
    int rc = drey_addr_parse("127.0.0.1:0", &s->at);
    s->listener = rc < 0 ? rc : drey_listen(&s->at, (drey_listen_options){0});
    if (s->listener < 0)
        return s->listener;
    DREY_SCOPE(scope);
    rc = drey_addr_of(s->listener, &s->at);
    if (rc == 0)
        rc = drey_go(&scope, serve, s);
    if (rc == 0)
        rc = ask_and_renew(s, identity);
    drey_token_cancel(s->stop, "enough");
    rc = drey_scope_close(&scope, rc);
    drey_close(s->listener);
    return rc;
}

static DREY_ASYNC int program(void *arg)
{
    server *s = arg;
    char why[DREY_TLS_TEXT];
    const drey_tls_identity identity = {.chain = {.file = "chain.pem"}, .key = {.file = "key.pem"}};
    int rc = make_certificate();
    if (rc < 0)
        return rc;
    rc = drey_tls_server_new(options_with(&identity), &s->tls, why);
    if (rc < 0) {
        puts(why);
        return rc;
    }
    rc = run_server(s, &identity);
    drey_tls_server_unref(s->tls);
    return rc;
}

int main(void)
{
    server s = {.listener = -1};
    char dir[] = "/tmp/drey-tls-XXXXXX";
    if (mkdtemp(dir) == NULL || chdir(dir) < 0 || drey_token_new(NULL, &s.stop) < 0)
        return EXIT_FAILURE;
    int rc = drey_run(NULL, program, &s);
    drey_token_unref(s.stop);
    unlink("chain.pem");
    unlink("key.pem");
    unlink("broken.pem");
    rmdir(dir);
    if (rc < 0) {
        puts(strerror(-rc));
        return EXIT_FAILURE;
    }
    printf("%d lines answered\n", s.answered);
    return EXIT_SUCCESS;
}
