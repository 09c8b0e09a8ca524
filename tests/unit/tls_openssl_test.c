/* SPDX-License-Identifier: MIT */
/* With OpenSSL's own programs at the other end, as processes. */
#include <unistd.h>

#include "on_both.h"
#include "tls_kit.h"

struct files {
    char authority[300], chain[300], key[300], session[300], socket[300];
};

static int store_files(struct files *f, const struct world *w)
{
    const char *dir = drey_test_dir();
    snprintf(f->authority, sizeof f->authority, "%s/authority.pem", dir);
    snprintf(f->chain, sizeof f->chain, "%s/chain.pem", dir);
    snprintf(f->key, sizeof f->key, "%s/key.pem", dir);
    snprintf(f->session, sizeof f->session, "%s/session.pem", dir);
    snprintf(f->socket, sizeof f->socket, "%s/socket", dir);
    store_text(f->authority, w->authority.chain_text);
    store_text(f->chain, w->identity.chain_text);
    store_text(f->key, w->identity.key_text);
    return 0;
}

/* Our server: one connection, which is answered line by line until its end. */
struct serving {
    const struct world *w;
    int listener, rc;
    drey_tls_info info;
    char protocol[16], peer[64], why[DREY_TLS_TEXT];
};

static DREY_ASYNC int answer(struct serving *s, drey_tls *tls)
{
    drey_reader reader;
    char *line;
    size_t bytes;
    int rc = drey_tls_handshake(tls);
    if (rc < 0)
        return rc;
    rc = drey_tls_info_get(tls, &s->info);
    snprintf(s->protocol, sizeof s->protocol, "%s", s->info.protocol != NULL ? s->info.protocol : "");
    snprintf(s->peer, sizeof s->peer, "%s", s->info.peer != NULL ? s->info.peer : "");
    drey_reader_init(&reader, drey_tls_stream(tls), 0);
    if (rc == 0)
        rc = drey_reader_line(&reader, &line, &bytes);
    if (rc > 0) {
        struct iovec parts[] = {{(char[]){"you said "}, 9}, {line, bytes}, {(char[]){"\n"}, 1}};
        rc = drey_stream_writev_all(drey_tls_stream(tls), parts, 3, NULL);
    }
    drey_reader_deinit(&reader);
    return rc;
}

static DREY_ASYNC int serve_one(void *arg)
{
    struct serving *s = arg;
    drey_tls *tls = NULL;
    int fd = drey_accept(s->listener, NULL);
    s->rc = fd < 0 ? fd : drey_tls_server_open(s->w->server, drey_stream_of(fd), &tls);
    if (s->rc == 0)
        s->rc = answer(s, tls);
    strcpy(s->why, drey_tls_failure(tls));
    drey_tls_close(tls);
    drey_close(fd);
    return 0;
}

static DREY_ASYNC int listen_at(const char *path)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    snprintf(text, sizeof text, "unix:%.100s", path);
    int rc = drey_addr_parse(text, &at);
    return rc < 0 ? rc : drey_listen(&at, (drey_listen_options){.replace = true});
}

static bool has_openssl(void)
{
    return access("/usr/bin/openssl", X_OK) == 0;
}

/* s_client says a line to our server; its output must have `part`, its exit status be `code`. */
static DREY_ASYNC int s_client(struct serving *s, const struct files *f, const char *const *more, const char *part,
                               int code)
{
    const char *argv[32] = {"openssl", "s_client", "-unix", f->socket, "-CAfile", f->authority, "-servername",
                            "a.example", "-verify_hostname", "a.example", "-verify_return_error", "-quiet"};
    int n = 12;
    while (*more != NULL && n < 31)
        argv[n++] = *more++;
    drey_process_talk talk = {.input = "hello\n", .input_bytes = 6, .out_max = 1 << 16, .err_max = 1 << 16};
    drey_process_result result;
    s->listener = listen_at(f->socket);
    DREY_CHECK(s->listener >= 0);
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    DREY_CHECK_EQ(drey_go(&scope, serve_one, s), 0);
    DREY_CHECK_EQ(drey_process_run((drey_process_options){.argv = argv, .inherit_environment = true}, talk, &result),
                  0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    drey_close(s->listener);
    if (strstr(result.out, part) == NULL)
        fprintf(stderr, "%s%s", result.out, result.err);
    DREY_CHECK(strstr(result.out, part) != NULL);
    DREY_CHECK_EQ(result.status.code, code);
    free(result.out);
    free(result.err);
    return 0;
}

TEST_ON_BOTH(s_client_of_both_versions, .real_clock = true)
{
    struct world w;
    struct files f;
    static const char *const versions[] = {"-tls1_2", "-tls1_3"}, *const protocols[] = {"h2", "http/1.1", NULL};
    if (!has_openssl())
        DREY_SKIP("there is no /usr/bin/openssl");
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){0}, (drey_tls_server_options){.protocols = protocols}),
                  0);
    store_files(&f, &w);
    for (int i = 0; i < 2; i++) {
        struct serving s = {.w = &w};
        const char *more[] = {versions[i], "-alpn", "http/1.1,h2", NULL};
        DREY_CHECK_EQ(s_client(&s, &f, more, "you said hello\n", 0), 0);
        DREY_CHECK(s.rc >= 0);
        DREY_CHECK_EQ(s.info.version, i == 0 ? DREY_TLS_1_2 : DREY_TLS_1_3);
        DREY_CHECK_STR(s.protocol, "h2");
    }
    world_close(&w);
    return 0;
}

/* Without a certificate it is refused; with one it is known, and known still when it resumes its session. */
DREY_TEST(s_client_with_a_certificate, .real_clock = true)
{
    struct world w;
    struct files f;
    static const char *const versions[] = {"-tls1_2", "-tls1_3"};
    if (!has_openssl())
        DREY_SKIP("there is no /usr/bin/openssl");
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){0},
                                  (drey_tls_server_options){.clients = DREY_TLS_MUST_SHOW}),
                  0);
    store_files(&f, &w);
    for (int i = 0; i < 2; i++) {
        struct serving s = {.w = &w};
        const char *none[] = {versions[i], NULL};
        const char *shown[] = {versions[i], "-cert", f.chain, "-key", f.key, "-sess_out", f.session, NULL};
        const char *again[] = {versions[i], "-cert", f.chain, "-key", f.key, "-sess_in", f.session, NULL};
        DREY_CHECK_EQ(s_client(&s, &f, none, "", 1), 0);
        DREY_CHECK_EQ(s.rc, -EKEYREJECTED);
        DREY_CHECK_STR(s.why, "TLS failed: peer did not return a certificate");
        DREY_CHECK_EQ(s_client(&s, &f, shown, "you said hello\n", 0), 0);
        DREY_CHECK_STR(s.peer, "CN=server");
        DREY_CHECK(!s.info.resumed);
        DREY_CHECK_EQ(s_client(&s, &f, again, "you said hello\n", 0), 0);
        DREY_CHECK_STR(s.peer, "CN=server");
        DREY_CHECK(s.info.resumed);
    }
    world_close(&w);
    return 0;
}

/* Our client at their server, which turns lines round. */
static DREY_ASYNC int connect_patiently(const char *path)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    snprintf(text, sizeof text, "unix:%.100s", path);
    DREY_CHECK_EQ(drey_addr_parse(text, &at), 0);
    for (;;) {
        int fd = drey_connect_to(&at, (drey_connect_options){0});
        if (fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED))
            return fd;
        DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0);
    }
}

static DREY_ASYNC int talk_to_s_server(const struct world *w, const struct files *f, const char *host, int version)
{
    drey_tls *tls;
    drey_tls_info info;
    char got[8] = "";
    int fd = connect_patiently(f->socket);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_tls_client_open(w->client, drey_stream_of(fd), host, &tls), 0);
    int rc = drey_tls_handshake(tls);
    if (rc == 0) {
        DREY_CHECK_EQ(drey_tls_info_get(tls, &info), 0);
        DREY_CHECK_EQ(info.version, version);
        DREY_CHECK_STR(info.protocol, "h2");
        DREY_CHECK_EQ(drey_stream_write_all(drey_tls_stream(tls), "abcdef\n", 7, NULL), 0);
        DREY_CHECK_EQ(drey_stream_read_exact(drey_tls_stream(tls), got, 7, NULL), 0);
        DREY_CHECK_STR(got, "fedcba\n");
    }
    DREY_CHECK_EQ(drey_stream_close(drey_tls_stream(tls)), 0);
    return rc;
}

static DREY_ASYNC int s_server(const char *option, int version)
{
    struct world w;
    struct files f;
    drey_process process;
    static const char *const protocols[] = {"h2", NULL};
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.protocols = protocols}, (drey_tls_server_options){0}),
                  0);
    store_files(&f, &w);
    unlink(f.socket);
    const char *argv[] = {"openssl", "s_server", "-unix", f.socket, "-cert", f.chain, "-key", f.key,
                          option,    "-rev",     "-alpn", "h2",     NULL};
    DREY_SCOPE(scope, .timeout = DREY_SEC(20));
    DREY_CHECK_EQ(drey_process_start(&scope, (drey_process_options){.argv = argv}, &process), 0);
    DREY_CHECK_EQ(talk_to_s_server(&w, &f, "a.example", version), 0);
    DREY_CHECK_EQ(talk_to_s_server(&w, &f, "b.example", version), -EKEYREJECTED);
    DREY_CHECK_EQ(talk_to_s_server(&w, &f, "127.0.0.1", version), 0);
    drey_scope_cancel(&scope, 0, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(s_server_1_2, .real_clock = true)
{
    if (!has_openssl())
        DREY_SKIP("there is no /usr/bin/openssl");
    return s_server("-tls1_2", DREY_TLS_1_2);
}

TEST_ON_BOTH(s_server_1_3, .real_clock = true)
{
    if (!has_openssl())
        DREY_SKIP("there is no /usr/bin/openssl");
    return s_server("-tls1_3", DREY_TLS_1_3);
}

DREY_TEST_MAIN()
