/* SPDX-License-Identifier: MIT */
/* Several certificates by name, what is wrong with files of certificates, and renewing them while serving. */
#include <sys/stat.h>

#include "on_both.h"
#include "tls_kit.h"

/* Whose certificate the server shows to a client that wants `host`. */
static DREY_ASYNC int shows(const struct world *w, const char *host, const char *subject)
{
    struct ends e;
    drey_tls_info info;
    DREY_CHECK_EQ(ends_open_to(&e, w, host), 0);
    DREY_CHECK_EQ(drey_tls_info_get(e.client, &info), 0);
    DREY_CHECK_STR(info.peer, subject);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    return 0;
}

/* By the name that the client wants, in the order of the list; the first one for the rest. */
DREY_TEST(names_choose_identities)
{
    struct world w = {0};
    struct ends e;
    w.authority = make_identity((struct wish){.subject = "authority", .authority = true});
    struct wish wishes[] = {{"first", "DNS:a.example", &w.authority, false, 0, 0},
                            {"second", "DNS:b.example,DNS:*.c.example", &w.authority, false, 0, 0},
                            {"third", "DNS:x.c.example,IP:127.0.0.1", &w.authority, false, 0, 0}};
    struct identity made[3];
    drey_tls_identity list[3];
    for (int i = 0; i < 3; i++) {
        made[i] = make_identity(wishes[i]);
        list[i] = identity_of(&made[i]);
    }
    drey_tls_client_options options = {.trust = pem_of(w.authority.chain_text)};
    DREY_CHECK_EQ(drey_tls_client_new(options, &w.client, NULL), 0);
    DREY_CHECK_EQ(
        drey_tls_server_new((drey_tls_server_options){.identities = list, .identity_count = 3}, &w.server, NULL), 0);
    DREY_CHECK_EQ(shows(&w, "a.example", "CN=first"), 0);
    DREY_CHECK_EQ(shows(&w, "b.example", "CN=second"), 0);
    DREY_CHECK_EQ(shows(&w, "x.c.example", "CN=second"), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "other.example"), 0);
    DREY_CHECK_EQ(ends_shake(&e), 0);
    DREY_CHECK_EQ(e.client_rc, -EKEYREJECTED);
    DREY_CHECK_STR(e.client_why,
                   "certificate refused: it is not for other.example (of CN=first, issued by CN=authority)");
    ends_close(&e);
    for (int i = 0; i < 3; i++)
        end_identity(&made[i]);
    drey_tls_client_unref(w.client);
    drey_tls_server_unref(w.server);
    end_identity(&w.authority);
    return 0;
}

/* New handshakes use the new certificate; what runs, or has begun, keeps the old one. */
TEST_ON_BOTH(renewed_while_serving)
{
    struct world w;
    struct ends running, begun;
    drey_tls_info info;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open(&running, &w), 0);
    DREY_CHECK_EQ(ends_open_only(&begun, &w, "a.example"), 0);
    struct identity renewed =
        make_identity((struct wish){.subject = "renewed", .names = "DNS:a.example", .issuer = &w.authority});
    drey_tls_identity identity = identity_of(&renewed);
    drey_tls_server_options options = {.identities = &identity, .identity_count = 1};
    DREY_CHECK_EQ(drey_tls_server_reload(w.server, options, NULL), 0);
    DREY_CHECK_EQ(ends_talk(&running), 0);
    DREY_CHECK_EQ(ends_shake(&begun), 0);
    DREY_CHECK_EQ(drey_tls_info_get(begun.client, &info), 0);
    DREY_CHECK_STR(info.peer, "CN=server");
    DREY_CHECK_EQ(shows(&w, "a.example", "CN=renewed"), 0);
    ends_close(&running);
    ends_close(&begun);
    end_identity(&renewed);
    world_close(&w);
    return 0;
}

/* A connection outlives the server and the client that it was made from. */
DREY_TEST(connections_keep_what_they_need)
{
    struct world w;
    struct ends e;
    DREY_CHECK_EQ(world_open(&w), 0);
    DREY_CHECK_EQ(ends_open_only(&e, &w, "a.example"), 0);
    DREY_CHECK(drey_tls_server_ref(w.server) == w.server);
    DREY_CHECK(drey_tls_client_ref(w.client) == w.client);
    drey_tls_server_unref(w.server);
    drey_tls_client_unref(w.client);
    world_close(&w);
    drey_tls_server_unref(NULL);
    drey_tls_client_unref(NULL);
    drey_tls_close(NULL);
    DREY_CHECK_EQ(ends_shake(&e), 0);
    DREY_CHECK_EQ(ends_talk(&e), 0);
    ends_close(&e);
    return 0;
}

/* Each is refused with its sentence, and the server stays as it was. */
static DREY_ASYNC int refused(struct world *w, drey_tls_server_options options, int rc, const char *why)
{
    char text[DREY_TLS_TEXT] = "";
    drey_tls_server *server;
    DREY_CHECK_EQ(drey_tls_server_reload(w->server, options, text), rc);
    DREY_CHECK_STR(text, why);
    DREY_CHECK_EQ(drey_tls_server_new(options, &server, NULL), rc);
    return shows(w, "a.example", "CN=server");
}

static DREY_ASYNC int refused_files(struct world *w, drey_tls_pem chain, drey_tls_pem key, int rc, const char *file,
                                    const char *why)
{
    char text[700];
    drey_tls_identity identity = {chain, key};
    snprintf(text, sizeof text, "%s: %s", file, why);
    return refused(w, (drey_tls_server_options){.identities = &identity, .identity_count = 1}, rc, text);
}

static char *encrypted(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
    return text_of(bio);
}

DREY_TEST(broken_files_leave_the_old_ones)
{
    struct world w;
    char dir[256], good[300], key[300], broken[300], none[300], other[300], locked[300];
    static const char MEMORY[] = "a text in memory";
    DREY_CHECK_EQ(world_open(&w), 0);
    char *secret = encrypted(w.identity.key);
    snprintf(dir, sizeof dir, "%s", drey_test_dir());
    snprintf(good, sizeof good, "%s/good.pem", dir);
    snprintf(key, sizeof key, "%s/key.pem", dir);
    snprintf(broken, sizeof broken, "%s/broken.pem", dir);
    snprintf(none, sizeof none, "%s/none.pem", dir);
    snprintf(other, sizeof other, "%s/other.pem", dir);
    snprintf(locked, sizeof locked, "%s/locked.pem", dir);
    store_text(good, w.identity.chain_text);
    store_text(key, w.identity.key_text);
    store_text(broken, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    store_text(other, w.authority.key_text);
    store_text(locked, secret);
    drey_tls_pem files[] = {{.file = good}, {.file = key}, {.file = broken}, {.file = none}, {.file = other},
                            {.file = locked}};
    DREY_CHECK_EQ(refused_files(&w, files[3], files[1], -ENOENT, none, "No such file or directory"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[0], files[3], -ENOENT, none, "No such file or directory"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[2], files[1], -EBADMSG, broken, "a broken certificate"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[1], files[1], -EBADMSG, key, "no certificate in it"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[0], files[4], -EBADMSG, other, "the key is not the certificate's"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[0], files[5], -EBADMSG, locked, "the key is encrypted"), 0);
    DREY_CHECK_EQ(refused_files(&w, files[0], (drey_tls_pem){0}, -EBADMSG, good, "no key in it that can be read"), 0);
    DREY_CHECK_EQ(refused_files(&w, pem_of(""), files[1], -EBADMSG, MEMORY, "no certificate in it"), 0);
    free(secret);
    world_close(&w);
    return 0;
}

/* What is too weak to protect anybody is not shown. */
DREY_TEST(a_weak_key)
{
    struct world w;
    struct identity weak = {.key = EVP_RSA_gen(1024)};
    DREY_CHECK_EQ(world_open(&w), 0);
    weak.certificate = make_certificate(weak.key, (struct wish){.subject = "weak", .names = "DNS:a.example"});
    write_texts(&weak);
    drey_tls_identity i = identity_of(&weak);
    DREY_CHECK_EQ(refused_files(&w, i.chain, i.key, -EBADMSG, "a text in memory",
                                "a certificate of no use (its key is too weak?)"),
                  0);
    end_identity(&weak);
    world_close(&w);
    return 0;
}

DREY_TEST(options_that_make_no_sense)
{
    struct world w;
    char text[DREY_TLS_TEXT] = "";
    drey_tls_client *client;
    static const char *const empty[] = {"", NULL};
    DREY_CHECK_EQ(world_open(&w), 0);
    drey_tls_identity identity = identity_of(&w.identity), nobody = {{0}, {0}};
    drey_tls_server_options o = {.identities = &identity};
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "a server needs an identity"), 0);
    o = (drey_tls_server_options){.identities = &nobody, .identity_count = 1};
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "an identity has no certificate"), 0);
    o.identities = &identity;
    o.clients = DREY_TLS_MAY_SHOW;
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "whose certificates clients may show is not said"), 0);
    o.clients = 7;
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "there is no such demand on clients"), 0);
    o.clients = DREY_TLS_ANYBODY;
    o.protocols = empty;
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "the names of protocols are of 1 to 255 bytes each"), 0);
    o.protocols = NULL;
    o.min_version = 0x0301;
    DREY_CHECK_EQ(refused(&w, o, -EINVAL, "there are no such versions of TLS"), 0);
    drey_tls_client_options c = {.min_version = DREY_TLS_1_3, .max_version = DREY_TLS_1_2};
    DREY_CHECK_EQ(drey_tls_client_new(c, &client, text), -EINVAL);
    c = (drey_tls_client_options){.trust = pem_of("nothing")};
    DREY_CHECK_EQ(drey_tls_client_new(c, &client, text), -EBADMSG);
    DREY_CHECK_STR(text, "a text in memory: no certificate in it");
    c = (drey_tls_client_options){.protocols = empty};
    DREY_CHECK_EQ(drey_tls_client_new(c, &client, text), -EINVAL);
    world_close(&w);
    return 0;
}

/* Chain and key from one file, as some tools write them. */
DREY_TEST(one_file_for_both)
{
    struct world w;
    char path[300];
    DREY_CHECK_EQ(world_open(&w), 0);
    snprintf(path, sizeof path, "%s/both.pem", drey_test_dir());
    add_to_chain(&w.identity, &(struct identity){.chain_text = w.identity.key_text});
    store_text(path, w.identity.chain_text);
    drey_tls_identity identity = {.chain = {.file = path}};
    drey_tls_server_options options = {.identities = &identity, .identity_count = 1};
    DREY_CHECK_EQ(drey_tls_server_reload(w.server, options, NULL), 0);
    DREY_CHECK_EQ(shows(&w, "a.example", "CN=server"), 0);
    world_close(&w);
    return 0;
}

/* Many handshakes on several workers while the server is renewed over and over. */
struct busy {
    struct world *w;
    _Atomic bool enough;
    int renewed;
};

static DREY_ASYNC int renew(void *arg)
{
    struct busy *b = arg;
    drey_tls_identity identity = identity_of(&b->w->identity);
    int rc = 0;
    for (; rc == 0 && !b->enough; b->renewed++)
        rc = drey_tls_server_reload(
            b->w->server, (drey_tls_server_options){.identities = &identity, .identity_count = 1}, NULL);
    return rc;
}

static DREY_ASYNC int shake_often(void *arg)
{
    struct busy *b = arg;
    for (int i = 0; i < 10; i++)
        DREY_CHECK_EQ(shows(b->w, "a.example", "CN=server"), 0);
    return 0;
}

TEST_ON_BOTH(renewed_over_and_over, .workers = 3, .real_clock = true)
{
    struct world w;
    DREY_CHECK_EQ(world_open(&w), 0);
    struct busy b = {.w = &w};
    DREY_SCOPE(scope, .spread = true);
    DREY_CHECK_EQ(drey_go(&scope, renew, &b), 0);
    {
        DREY_SCOPE(busy, .spread = true);
        for (int i = 0; i < 4; i++)
            DREY_CHECK_EQ(drey_go(&busy, shake_often, &b), 0);
        int rc = drey_scope_close(&busy, 0);
        b.enough = true;
        DREY_CHECK_EQ(rc, 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(b.renewed > 1);
    world_close(&w);
    return 0;
}

DREY_TEST_MAIN()
