/* SPDX-License-Identifier: MIT */
/* Who is trusted, at both ends, and what is said when somebody is not. */
#include <openssl/sha.h>
#include <unistd.h>

#include "on_both.h"
#include "tls_kit.h"

/* A server with this certificate, and a client of `trust` that wants `host`: the client's result, its text in e. */
static DREY_ASYNC int meet(struct ends *e, const struct identity *shown, drey_tls_client_options client,
                           const char *host)
{
    struct world w = {0};
    drey_tls_identity identity = identity_of(shown);
    DREY_CHECK_EQ(drey_tls_client_new(client, &w.client, NULL), 0);
    drey_tls_server_options server = {.identities = &identity, .identity_count = 1};
    DREY_CHECK_EQ(drey_tls_server_new(server, &w.server, NULL), 0);
    DREY_CHECK_EQ(ends_open_only(e, &w, host), 0);
    DREY_CHECK_EQ(ends_shake(e), 0);
    ends_close(e);
    drey_tls_client_unref(w.client);
    drey_tls_server_unref(w.server);
    return e->client_rc;
}

static DREY_ASYNC int refused(struct wish wish, const struct identity *trusted, const char *host, const char *why,
                              const char *told)
{
    struct ends e;
    struct identity i = make_identity(wish);
    int rc = meet(&e, &i, (drey_tls_client_options){.trust = pem_of(trusted->chain_text)}, host);
    DREY_CHECK_STR(e.client_why, why);
    DREY_CHECK_EQ(rc, -EKEYREJECTED);
    DREY_CHECK_STR(e.server_why, told);
    DREY_CHECK_EQ(e.server_rc, -EPROTO);
    end_identity(&i);
    return 0;
}

TEST_ON_BOTH(certificates_that_are_refused)
{
    struct identity good = make_identity((struct wish){.subject = "good", .authority = true});
    struct identity bad = make_identity((struct wish){.subject = "bad", .authority = true});
    struct wish wish = {.subject = "x", .names = "DNS:a.example", .issuer = &good};
    DREY_CHECK_EQ(refused(wish, &good, "b.example",
                          "certificate refused: it is not for b.example (of CN=x, issued by CN=good)",
                          "the peer broke off: bad certificate"),
                  0);
    DREY_CHECK_EQ(refused(wish, &good, "127.0.0.1",
                          "certificate refused: it is not for 127.0.0.1 (of CN=x, issued by CN=good)",
                          "the peer broke off: bad certificate"),
                  0);
    DREY_CHECK_EQ(refused(wish, &bad, "a.example",
                          "certificate refused: unable to get local issuer certificate (of CN=x, issued by CN=good)",
                          "the peer broke off: unknown CA"),
                  0);
    wish.issuer = NULL;
    DREY_CHECK_EQ(refused(wish, &good, "a.example",
                          "certificate refused: self-signed certificate (of CN=x, issued by CN=x)",
                          "the peer broke off: unknown CA"),
                  0);
    wish = (struct wish){.subject = "x", .names = "DNS:a.example", .issuer = &good, .from_days = -3, .to_days = -2};
    DREY_CHECK_EQ(refused(wish, &good, "a.example",
                          "certificate refused: certificate has expired (of CN=x, issued by CN=good)",
                          "the peer broke off: certificate expired"),
                  0);
    wish = (struct wish){.subject = "x", .names = "DNS:a.example", .issuer = &good, .from_days = 2, .to_days = 3};
    DREY_CHECK_EQ(refused(wish, &good, "a.example",
                          "certificate refused: certificate is not yet valid (of CN=x, issued by CN=good)",
                          "the peer broke off: bad certificate"),
                  0);
    end_identity(&good);
    end_identity(&bad);
    return 0;
}

/* What a peer calls itself cannot steer a terminal. */
DREY_TEST(names_are_escaped)
{
    struct identity good = make_identity((struct wish){.subject = "good", .authority = true});
    DREY_CHECK_EQ(refused((struct wish){.subject = "\033[2J\xc3\xa9", .names = "DNS:a.example"}, &good, "a.example",
                          "certificate refused: self-signed certificate (of CN=\\1B[2J\\C3\\A9, issued by "
                          "CN=\\1B[2J\\C3\\A9)",
                          "the peer broke off: unknown CA"),
                  0);
    end_identity(&good);
    return 0;
}

static DREY_ASYNC int accepted(const char *names, const char *host)
{
    struct ends e;
    struct identity good = make_identity((struct wish){.subject = "good", .authority = true});
    struct identity i = make_identity((struct wish){.subject = "x", .names = names, .issuer = &good});
    int rc = meet(&e, &i, (drey_tls_client_options){.trust = pem_of(good.chain_text)}, host);
    end_identity(&good);
    end_identity(&i);
    return rc;
}

DREY_TEST(names_and_addresses)
{
    DREY_CHECK_EQ(accepted("DNS:a.example,DNS:b.example", "b.example"), 0);
    DREY_CHECK_EQ(accepted("DNS:a.example", "A.Example"), 0);
    DREY_CHECK_EQ(accepted("DNS:a.example", "a.example."), 0);
    DREY_CHECK_EQ(accepted("DNS:*.example.org", "a.example.org"), 0);
    DREY_CHECK_EQ(accepted("DNS:*.example.org", "a.b.example.org"), -EKEYREJECTED);
    DREY_CHECK_EQ(accepted("DNS:a*.example.org", "ab.example.org"), -EKEYREJECTED);
    DREY_CHECK_EQ(accepted("IP:127.0.0.1", "127.0.0.1"), 0);
    DREY_CHECK_EQ(accepted("IP:::1", "::1"), 0);
    DREY_CHECK_EQ(accepted("IP:127.0.0.1", "127.0.0.2"), -EKEYREJECTED);
    DREY_CHECK_EQ(accepted("DNS:127.0.0.1", "127.0.0.1"), -EKEYREJECTED);
    return 0;
}

/* A chain by way of an authority in between, which the server has to send. */
DREY_TEST(chains)
{
    struct ends e;
    struct identity root = make_identity((struct wish){.subject = "root", .authority = true});
    struct identity between = make_identity((struct wish){.subject = "between", .issuer = &root, .authority = true});
    struct identity i = make_identity((struct wish){.subject = "x", .names = "DNS:a.example", .issuer = &between});
    drey_tls_client_options client = {.trust = pem_of(root.chain_text)};
    DREY_CHECK_EQ(meet(&e, &i, client, "a.example"), -EKEYREJECTED);
    add_to_chain(&i, &between);
    DREY_CHECK_EQ(meet(&e, &i, client, "a.example"), 0);
    end_identity(&root);
    end_identity(&between);
    end_identity(&i);
    return 0;
}

/* By default the system's store counts, which is somewhere else for this test. */
DREY_TEST(the_systems_store)
{
    struct ends e;
    char path[512];
    struct identity root = make_identity((struct wish){.subject = "root", .authority = true});
    struct identity i = make_identity((struct wish){.subject = "x", .names = "DNS:a.example", .issuer = &root});
    snprintf(path, sizeof path, "%s/roots.pem", drey_test_dir());
    DREY_CHECK_EQ(meet(&e, &i, (drey_tls_client_options){0}, "a.example"), -EKEYREJECTED);
    store_text(path, root.chain_text);
    DREY_CHECK_EQ(setenv("SSL_CERT_FILE", path, 1), 0);
    DREY_CHECK_EQ(meet(&e, &i, (drey_tls_client_options){0}, "a.example"), 0);
    DREY_CHECK_EQ(meet(&e, &i, (drey_tls_client_options){.trust = {.file = path}}, "a.example"), 0);
    end_identity(&root);
    end_identity(&i);
    return 0;
}

/* Only who says so in so many words is not protected. */
DREY_TEST(trusting_anybody)
{
    struct ends e;
    struct world w = {0};
    struct identity i = make_identity((struct wish){.subject = "x"});
    drey_tls_client_options careless = {.dangerously_trust_anybody = true};
    DREY_CHECK_EQ(meet(&e, &i, careless, "a.example"), 0);
    DREY_CHECK_EQ(meet(&e, &i, careless, NULL), 0);
    DREY_CHECK_EQ(drey_tls_client_new((drey_tls_client_options){0}, &w.client, NULL), 0);
    drey_stream nowhere = drey_stream_of(-1);
    char much[300];
    memset(much, 'a', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    DREY_CHECK_EQ(drey_tls_client_open(w.client, nowhere, NULL, &e.client), -EINVAL);
    DREY_CHECK_EQ(drey_tls_client_open(w.client, nowhere, "", &e.client), -EINVAL);
    DREY_CHECK_EQ(drey_tls_client_open(w.client, nowhere, much, &e.client), -EINVAL);
    drey_tls_client_unref(w.client);
    end_identity(&i);
    return 0;
}

/* Clients' certificates. `told` is what the client's first read gives: with TLS 1.3 it is done before the server is. */
static DREY_ASYNC int ask(int demand, const struct identity *shown, int version, int server_rc, const char *server_why,
                          int told)
{
    struct world w;
    struct ends e;
    char byte;
    drey_tls_client_options client = {.max_version = version};
    if (shown != NULL)
        client.identity = identity_of(shown);
    DREY_CHECK_EQ(world_open_with(&w, client, (drey_tls_server_options){.clients = demand}), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    DREY_CHECK_EQ(ends_shake(&e), 0);
    DREY_CHECK_STR(e.server_why, server_why);
    DREY_CHECK_EQ(e.server_rc, server_rc);
    if (server_rc == 0)
        DREY_CHECK_EQ(ends_talk(&e), 0);
    else if (version == DREY_TLS_1_3)
        DREY_CHECK_EQ(drey_stream_read(drey_tls_stream(e.client), &byte, 1), told);
    else
        DREY_CHECK_EQ(e.client_rc, told);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST(clients_that_show_nothing)
{
    static const char NONE[] = "TLS failed: peer did not return a certificate";
    for (int version = DREY_TLS_1_2; version <= DREY_TLS_1_3; version++) {
        DREY_CHECK_EQ(ask(DREY_TLS_ANYBODY, NULL, version, 0, "", 0), 0);
        DREY_CHECK_EQ(ask(DREY_TLS_MAY_SHOW, NULL, version, 0, "", 0), 0);
        DREY_CHECK_EQ(ask(DREY_TLS_MUST_SHOW, NULL, version, -EKEYREJECTED, NONE, -EPROTO), 0);
    }
    return 0;
}

DREY_TEST(clients_that_show_a_strangers_certificate)
{
    static const char REFUSED[] =
        "certificate refused: self-signed certificate (of CN=stranger, issued by CN=stranger)";
    struct identity stranger = make_identity((struct wish){.subject = "stranger"});
    for (int version = DREY_TLS_1_2; version <= DREY_TLS_1_3; version++) {
        DREY_CHECK_EQ(ask(DREY_TLS_ANYBODY, &stranger, version, 0, "", 0), 0);
        DREY_CHECK_EQ(ask(DREY_TLS_MAY_SHOW, &stranger, version, -EKEYREJECTED, REFUSED, -EPROTO), 0);
        DREY_CHECK_EQ(ask(DREY_TLS_MUST_SHOW, &stranger, version, -EKEYREJECTED, REFUSED, -EPROTO), 0);
    }
    end_identity(&stranger);
    return 0;
}

/* The server learns who it is, by subject, by fingerprint and by the certificate itself. */
DREY_TEST(clients_that_are_known)
{
    struct world w;
    struct ends e;
    drey_tls_info info;
    unsigned char der[2048], digest[32];
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){0},
                                  (drey_tls_server_options){.clients = DREY_TLS_MUST_SHOW}),
                  0);
    struct identity i = make_identity((struct wish){.subject = "me, myself", .issuer = &w.authority});
    drey_tls_client_unref(w.client);
    drey_tls_client_options options = {.trust = pem_of(w.authority.chain_text), .identity = identity_of(&i)};
    DREY_CHECK_EQ(drey_tls_client_new(options, &w.client, NULL), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.server, &info), 0);
    DREY_CHECK_STR(info.peer, "CN=me\\, myself");
    ssize_t bytes = drey_tls_peer_der(e.server, der, sizeof der);
    DREY_CHECK_EQ(bytes, i2d_X509(i.certificate, NULL));
    SHA256(der, (size_t)bytes, digest);
    DREY_CHECK_EQ(memcmp(digest, info.peer_sha256, sizeof digest), 0);
    DREY_CHECK_EQ(drey_tls_peer_der(e.server, der, 10), -EMSGSIZE);
    ends_close(&e);
    end_identity(&i);
    world_close(&w);
    return 0;
}

DREY_TEST(nobody_was_asked)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&e, &w), 0);
    DREY_CHECK_EQ(drey_tls_peer_der(e.server, &e, 1), -ENOENT);
    ends_close(&e);
    world_close(&w);
    return 0;
}

DREY_TEST_MAIN()
