/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <drey/offload.h>

#include "tls/tls.h"

struct drey_tls_server {
    _Atomic unsigned refs;         /* relaxed up, acq_rel down */
    pthread_mutex_t lock;          /* for the pointer; held for a few instructions */
    struct drey__tls_setup *setup; /* what new connections get */
};

/* The first identity whose certificate is for the name; the connection begins with the first of all. */
static int choose_identity(SSL *ssl, int *alert, void *arg)
{
    const struct drey__tls_setup *setup = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    (void)alert;
    for (size_t i = 0; name != NULL && i < setup->count; i++) {
        X509 *certificate = SSL_CTX_get0_certificate(setup->contexts[i]);
        if (X509_check_host(certificate, name, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) != 1)
            continue;
        return SSL_set_SSL_CTX(ssl, setup->contexts[i]) != NULL ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_NOACK;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_bytes, const unsigned char *offered,
                           unsigned bytes, void *arg)
{
    const struct drey__tls_setup *setup = arg;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_bytes, setup->protocols, setup->protocol_bytes, offered, bytes) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Tickets are good for sessions of the same kind of server alone. */
static const unsigned char SESSION_CONTEXT[] = "drey";

static int ask_clients(SSL_CTX *context, const drey_tls_server_options *o)
{
    STACK_OF(X509_NAME) *names = NULL;
    if (o->clients == DREY_TLS_ANYBODY)
        return 0;
    SSL_CTX_set_verify(context,
                       SSL_VERIFY_PEER | (o->clients == DREY_TLS_MUST_SHOW ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       drey__tls_judge);
    names = sk_X509_NAME_new_null();
    STACK_OF(X509_OBJECT) *trusted = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    int good = names != NULL;
    for (int i = 0; good && i < sk_X509_OBJECT_num(trusted); i++) {
        X509_NAME *name = X509_NAME_dup(X509_get_subject_name(X509_OBJECT_get0_X509(sk_X509_OBJECT_value(trusted, i))));
        good = name != NULL && sk_X509_NAME_push(names, name) > 0;
        if (!good)
            X509_NAME_free(name);
    }
    if (good)
        SSL_CTX_set_client_CA_list(context, names); /* owned by the context now */
    else
        sk_X509_NAME_pop_free(names, X509_NAME_free);
    return good ? 0 : -ENOMEM;
}

static int set_up_one(struct drey__tls_setup *setup, size_t i, const drey_tls_server_options *o, X509_STORE *trust,
                      char *why)
{
    struct drey__tls_terms terms = {
        .min_version = o->min_version,
        .max_version = o->max_version,
        .identity = &o->identities[i],
        .trust = trust,
    };
    int rc = drey__tls_context_new(TLS_server_method(), &terms, &setup->contexts[i], why);
    if (rc < 0)
        return rc;
    SSL_CTX *context = setup->contexts[i];
    SSL_CTX_set_tlsext_servername_callback(context, choose_identity);
    SSL_CTX_set_tlsext_servername_arg(context, setup);
    if (setup->protocols != NULL)
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, setup);
    if (SSL_CTX_set_session_id_context(context, SESSION_CONTEXT, sizeof SESSION_CONTEXT - 1) != 1)
        return -ENOMEM;
    return ask_clients(context, o);
}

static int refuse(const drey_tls_server_options *o, char *why)
{
    const char *text = NULL;
    if (o->identity_count == 0 || o->identities == NULL)
        text = "a server needs an identity";
    else if (o->clients < DREY_TLS_ANYBODY || o->clients > DREY_TLS_MUST_SHOW)
        text = "there is no such demand on clients";
    else if (o->clients != DREY_TLS_ANYBODY && !drey__tls_pem_given(&o->trust))
        text = "whose certificates clients may show is not said";
    for (size_t i = 0; text == NULL && i < o->identity_count; i++)
        if (!drey__tls_pem_given(&o->identities[i].chain))
            text = "an identity has no certificate";
    if (text != NULL)
        snprintf(why, DREY_TLS_TEXT, "%s", text);
    return text != NULL ? -EINVAL : 0;
}

static int set_up(struct drey__tls_setup *setup, const drey_tls_server_options *o, char *why)
{
    X509_STORE *trust = NULL;
    int rc = drey__tls_protocols(o->protocols, &setup->protocols, &setup->protocol_bytes);
    if (rc == -EINVAL)
        snprintf(why, DREY_TLS_TEXT, "the names of protocols are of 1 to 255 bytes each");
    if (rc == 0 && o->clients != DREY_TLS_ANYBODY)
        rc = drey__tls_trust_load(&o->trust, &trust, why);
    for (size_t i = 0; rc == 0 && i < o->identity_count; i++)
        rc = set_up_one(setup, i, o, trust, why);
    X509_STORE_free(trust);
    return rc;
}

struct making {
    const drey_tls_server_options *options;
    struct drey__tls_setup *made;
    char why[DREY_TLS_TEXT];
};

/* On a thread of the pool. */
static int make(void *arg)
{
    struct making *m = arg;
    int rc = refuse(m->options, m->why);
    if (rc < 0)
        return rc;
    struct drey__tls_setup *setup = drey__tls_setup_new(m->options->identity_count);
    rc = setup != NULL ? set_up(setup, m->options, m->why) : -ENOMEM;
    ERR_clear_error();
    if (rc < 0)
        drey__tls_setup_unref(setup);
    else
        m->made = setup;
    return rc;
}

static DREY_ASYNC int make_setup(const drey_tls_server_options *options, struct drey__tls_setup **out, char *out_why)
{
    struct making m = {.options = options};
    int rc = drey_offload(make, &m);
    if (rc == 0)
        *out = m.made;
    else if (out_why != NULL)
        snprintf(out_why, DREY_TLS_TEXT, "%s", m.why[0] != '\0' ? m.why : strerror(-rc));
    return rc;
}

int drey_tls_server_new(drey_tls_server_options options, drey_tls_server **out_server, char *out_why)
{
    struct drey__tls_setup *setup;
    int rc = make_setup(&options, &setup, out_why);
    if (rc < 0)
        return rc;
    drey_tls_server *server = OPENSSL_zalloc(sizeof *server);
    if (server == NULL) {
        drey__tls_setup_unref(setup);
        if (out_why != NULL)
            snprintf(out_why, DREY_TLS_TEXT, "%s", strerror(ENOMEM));
        return -ENOMEM;
    }
    atomic_init(&server->refs, 1);
    pthread_mutex_init(&server->lock, NULL);
    server->setup = setup;
    *out_server = server;
    return 0;
}

int drey_tls_server_reload(drey_tls_server *server, drey_tls_server_options options, char *out_why)
{
    struct drey__tls_setup *setup;
    int rc = make_setup(&options, &setup, out_why);
    if (rc < 0)
        return rc;
    pthread_mutex_lock(&server->lock);
    struct drey__tls_setup *old = server->setup;
    server->setup = setup;
    pthread_mutex_unlock(&server->lock);
    drey__tls_setup_unref(old);
    return 0;
}

drey_tls_server *drey_tls_server_ref(drey_tls_server *server)
{
    atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
    return server;
}

void drey_tls_server_unref(drey_tls_server *server)
{
    if (server == NULL || atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel) > 1)
        return;
    drey__tls_setup_unref(server->setup);
    pthread_mutex_destroy(&server->lock);
    OPENSSL_free(server);
}

int drey_tls_server_open(drey_tls_server *server, drey_stream below, drey_tls **out_tls)
{
    pthread_mutex_lock(&server->lock);
    struct drey__tls_setup *setup = server->setup;
    drey__tls_setup_ref(setup);
    pthread_mutex_unlock(&server->lock);
    int rc = drey__tls_new(setup, below, false, out_tls);
    drey__tls_setup_unref(setup);
    return rc;
}
