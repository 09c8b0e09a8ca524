/* SPDX-License-Identifier: MIT */
/* What tests of TLS share: an authority and certificates that are made on the spot, and two connected ends. */
#pragma once

#include <drey.h>
#include <drey/test.h>
#include <drey/tls.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A certificate with its key, and both as PEM. */
struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    char *chain_text, *key_text;
};

struct wish {
    const char *subject;           /* its common name */
    const char *names;             /* "DNS:a.example,IP:127.0.0.1"; NULL: none */
    const struct identity *issuer; /* NULL: itself */
    bool authority;
    int from_days, to_days; /* from now; both 0: -1 and 1 */
};

static inline char *text_of(BIO *bio)
{
    char *data, *text;
    long bytes = BIO_get_mem_data(bio, &data);
    text = calloc(1, (size_t)bytes + 1);
    memcpy(text, data, (size_t)bytes);
    BIO_free(bio);
    return text;
}

static inline void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(EVP_PKEY *key, struct wish wish)
{
    static long serial = 1;
    X509 *made = X509_new(), *issuer = wish.issuer != NULL ? wish.issuer->certificate : made;
    bool dated = wish.from_days != 0 || wish.to_days != 0;
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(made), 86400L * (dated ? wish.from_days : -1));
    X509_gmtime_adj(X509_getm_notAfter(made), 86400L * (dated ? wish.to_days : 1));
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8, (const unsigned char *)wish.subject,
                               -1, -1, 0);
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    X509_set_pubkey(made, key);
    add_extension(made, issuer, NID_basic_constraints, wish.authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (wish.names != NULL)
        add_extension(made, issuer, NID_subject_alt_name, wish.names);
    X509_sign(made, wish.issuer != NULL ? wish.issuer->key : key, EVP_sha256());
    return made;
}

static inline void write_texts(struct identity *i)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, i->certificate);
    i->chain_text = text_of(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, i->key, NULL, NULL, 0, NULL, NULL);
    i->key_text = text_of(bio);
}

static inline struct identity make_identity(struct wish wish)
{
    struct identity made = {.key = EVP_EC_gen("P-256")};
    made.certificate = make_certificate(made.key, wish);
    write_texts(&made);
    return made;
}

/* Its PEM with that of its issuer behind, for a chain. */
static inline void add_to_chain(struct identity *i, const struct identity *issuer)
{
    char *joined;
    if (asprintf(&joined, "%s%s", i->chain_text, issuer->chain_text) > 0) {
        free(i->chain_text);
        i->chain_text = joined;
    }
}

static inline void end_identity(struct identity *i)
{
    EVP_PKEY_free(i->key);
    X509_free(i->certificate);
    free(i->chain_text);
    free(i->key_text);
}

static inline drey_tls_pem pem_of(const char *text)
{
    return (drey_tls_pem){.text = text, .bytes = strlen(text)};
}

static inline drey_tls_identity identity_of(const struct identity *i)
{
    return (drey_tls_identity){.chain = pem_of(i->chain_text), .key = pem_of(i->key_text)};
}

static inline void store_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

/* An authority, a server of a.example and 127.0.0.1 by it, and a client that trusts it. */
struct world {
    struct identity authority, identity;
    drey_tls_client *client;
    drey_tls_server *server;
};

static inline DREY_ASYNC int world_open_with(struct world *w, drey_tls_client_options client,
                                             drey_tls_server_options server)
{
    char why[DREY_TLS_TEXT] = "";
    w->authority = make_identity((struct wish){.subject = "test authority", .authority = true});
    w->identity = make_identity(
        (struct wish){.subject = "server", .names = "DNS:a.example,IP:127.0.0.1", .issuer = &w->authority});
    drey_tls_identity identity = identity_of(&w->identity);
    client.trust = pem_of(w->authority.chain_text);
    if (server.identities == NULL) {
        server.identities = &identity;
        server.identity_count = 1;
    }
    server.trust = client.trust;
    DREY_CHECK_EQ(drey_tls_client_new(client, &w->client, why), 0);
    DREY_CHECK_EQ(drey_tls_server_new(server, &w->server, why), 0);
    DREY_CHECK_STR(why, "");
    return 0;
}

static inline DREY_ASYNC int world_open(struct world *w)
{
    return world_open_with(w, (drey_tls_client_options){0}, (drey_tls_server_options){0});
}

static inline void world_close(struct world *w)
{
    drey_tls_client_unref(w->client);
    drey_tls_server_unref(w->server);
    end_identity(&w->authority);
    end_identity(&w->identity);
}

/* Two ends of a connection over a pair of sockets. */
struct ends {
    int fds[2];
    drey_tls *client, *server;
    int client_rc, server_rc; /* of the handshake */
    char client_why[DREY_TLS_TEXT], server_why[DREY_TLS_TEXT];
};

static inline DREY_ASYNC int shake_client(void *arg)
{
    struct ends *e = arg;
    e->client_rc = drey_tls_handshake(e->client);
    return 0;
}

static inline DREY_ASYNC int shake_server(void *arg)
{
    struct ends *e = arg;
    e->server_rc = drey_tls_handshake(e->server);
    return 0;
}

/* The same; an end that fails closes at once, so that the other one hears of it. The text stays in `why`. */
static inline DREY_ASYNC void give_up(drey_tls **tls, int fd, char *out_why)
{
    strcpy(out_why, drey_tls_failure(*tls));
    drey_tls_close(*tls);
    *tls = NULL;
    drey_shutdown(fd, DREY_SHUT_WRITE);
}

static inline DREY_ASYNC int shake_client_and_close(void *arg)
{
    struct ends *e = arg;
    e->client_rc = drey_tls_handshake(e->client);
    if (e->client_rc < 0)
        give_up(&e->client, e->fds[0], e->client_why);
    return 0;
}

static inline DREY_ASYNC int shake_server_and_close(void *arg)
{
    struct ends *e = arg;
    e->server_rc = drey_tls_handshake(e->server);
    if (e->server_rc < 0)
        give_up(&e->server, e->fds[1], e->server_why);
    return 0;
}

static inline DREY_ASYNC int ends_open_only(struct ends *e, const struct world *w, const char *host)
{
    DREY_CHECK_EQ(drey_socket_pair(e->fds), 0);
    DREY_CHECK_EQ(drey_tls_client_open(w->client, drey_stream_of(e->fds[0]), host, &e->client), 0);
    DREY_CHECK_EQ(drey_tls_server_open(w->server, drey_stream_of(e->fds[1]), &e->server), 0);
    return 0;
}

/* Shake hands at both ends, and close those that fail; the codes and texts are in `e`. */
static inline DREY_ASYNC int ends_shake(struct ends *e)
{
    DREY_SCOPE(scope);
    strcpy(e->client_why, "");
    strcpy(e->server_why, "");
    DREY_CHECK_EQ(drey_go(&scope, shake_client_and_close, e), 0);
    DREY_CHECK_EQ(drey_go(&scope, shake_server_and_close, e), 0);
    return drey_scope_close(&scope, 0);
}

static inline DREY_ASYNC int ends_open_to(struct ends *e, const struct world *w, const char *host)
{
    DREY_CHECK_EQ(ends_open_only(e, w, host), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, shake_client, e), 0);
    DREY_CHECK_EQ(drey_go(&scope, shake_server, e), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_STR(drey_tls_failure(e->client), "");
    DREY_CHECK_STR(drey_tls_failure(e->server), "");
    DREY_CHECK_EQ(e->client_rc, 0);
    DREY_CHECK_EQ(e->server_rc, 0);
    return 0;
}

static inline DREY_ASYNC int ends_open(struct ends *e, const struct world *w)
{
    return ends_open_to(e, w, "a.example");
}

static inline DREY_ASYNC void ends_close(struct ends *e)
{
    if (e->client != NULL)
        drey_tls_close(e->client);
    if (e->server != NULL)
        drey_tls_close(e->server);
    drey_close(e->fds[0]);
    drey_close(e->fds[1]);
}

/* A word each way. */
static inline DREY_ASYNC int ends_talk(const struct ends *e)
{
    char got[8] = "";
    DREY_CHECK_EQ(drey_stream_write_all(drey_tls_stream(e->client), "hello", 5, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e->server), got, sizeof got), 5);
    DREY_CHECK_STR(got, "hello");
    DREY_CHECK_EQ(drey_stream_write_all(drey_tls_stream(e->server), "there", 5, NULL), 0);
    DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e->client), got, sizeof got), 5);
    DREY_CHECK_STR(got, "there");
    return 0;
}
