/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include <drey/offload.h>

#include "tls/tls.h"

enum { HOST_BYTES_MAX = 255 };

struct drey_tls_client {
    _Atomic unsigned refs; /* relaxed up, acq_rel down */
    bool trusts_anybody;
    struct drey__tls_setup *setup;
};

static int choose_trust(SSL_CTX *context, const drey_tls_client_options *o)
{
    if (o->dangerously_trust_anybody) {
        SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
        return 0;
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, drey__tls_judge);
    return drey__tls_pem_given(&o->trust) || SSL_CTX_set_default_verify_paths(context) == 1 ? 0 : -ENOMEM;
}

static int offer_protocols(SSL_CTX *context, const char *const *names)
{
    unsigned char *list;
    unsigned bytes;
    int rc = drey__tls_protocols(names, &list, &bytes);
    if (rc < 0 || list == NULL)
        return rc;
    rc = SSL_CTX_set_alpn_protos(context, list, bytes) == 0 ? 0 : -ENOMEM;
    OPENSSL_free(list);
    return rc;
}

static int set_up(struct drey__tls_setup *setup, const drey_tls_client_options *o, char *why)
{
    struct drey__tls_terms terms = {
        .min_version = o->min_version,
        .max_version = o->max_version,
        .identity = drey__tls_pem_given(&o->identity.chain) ? &o->identity : NULL,
    };
    int rc = drey__tls_pem_given(&o->trust) ? drey__tls_trust_load(&o->trust, &terms.trust, why) : 0;
    if (rc == 0)
        rc = drey__tls_context_new(TLS_client_method(), &terms, &setup->contexts[0], why);
    X509_STORE_free(terms.trust);
    if (rc == 0)
        rc = choose_trust(setup->contexts[0], o);
    if (rc < 0)
        return rc;
    rc = offer_protocols(setup->contexts[0], o->protocols);
    if (rc == -EINVAL)
        snprintf(why, DREY_TLS_TEXT, "the names of protocols are of 1 to 255 bytes each");
    return rc;
}

struct making {
    const drey_tls_client_options *options;
    drey_tls_client *made;
    char why[DREY_TLS_TEXT];
};

/* On a thread of the pool. */
static int make(void *arg)
{
    struct making *m = arg;
    drey_tls_client *client = OPENSSL_zalloc(sizeof *client);
    struct drey__tls_setup *setup = client != NULL ? drey__tls_setup_new(1) : NULL;
    int rc = setup != NULL ? set_up(setup, m->options, m->why) : -ENOMEM;
    ERR_clear_error();
    if (rc < 0) {
        drey__tls_setup_unref(setup);
        OPENSSL_free(client);
        return rc;
    }
    client->setup = setup;
    client->trusts_anybody = m->options->dangerously_trust_anybody;
    atomic_init(&client->refs, 1);
    m->made = client;
    return 0;
}

int drey_tls_client_new(drey_tls_client_options options, drey_tls_client **out_client, char *out_why)
{
    struct making m = {.options = &options};
    int rc = drey_offload(make, &m);
    if (rc == 0)
        *out_client = m.made;
    else if (out_why != NULL)
        snprintf(out_why, DREY_TLS_TEXT, "%s", m.why[0] != '\0' ? m.why : strerror(-rc));
    return rc;
}

drey_tls_client *drey_tls_client_ref(drey_tls_client *client)
{
    atomic_fetch_add_explicit(&client->refs, 1, memory_order_relaxed);
    return client;
}

void drey_tls_client_unref(drey_tls_client *client)
{
    if (client == NULL || atomic_fetch_sub_explicit(&client->refs, 1, memory_order_acq_rel) > 1)
        return;
    drey__tls_setup_unref(client->setup);
    OPENSSL_free(client);
}

static bool is_address(const char *host)
{
    unsigned char room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

/* What the certificate must be for, and, unless it is a number, what to ask the server for. */
static int name_server(drey_tls *c)
{
    X509_VERIFY_PARAM *verify = SSL_get0_param(c->ssl);
    if (is_address(c->host))
        return X509_VERIFY_PARAM_set1_ip_asc(verify, c->host) == 1 ? 0 : -ENOMEM;
    X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(verify, c->host, 0) == 1 && SSL_set_tlsext_host_name(c->ssl, c->host) == 1
               ? 0
               : -ENOMEM;
}

int drey_tls_client_open(drey_tls_client *client, drey_stream below, const char *host, drey_tls **out_tls)
{
    drey_tls *c;
    size_t bytes = host != NULL ? strlen(host) : 0;
    if (bytes > HOST_BYTES_MAX || (bytes == 0 && (host != NULL || !client->trusts_anybody)))
        return -EINVAL;
    int rc = drey__tls_new(client->setup, below, true, &c);
    if (rc < 0)
        return rc;
    if (host != NULL) {
        bytes -= bytes > 1 && host[bytes - 1] == '.'; /* a name from the root, and certificates have no such dot */
        c->host = OPENSSL_strndup(host, bytes);
        rc = c->host != NULL ? name_server(c) : -ENOMEM;
    }
    ERR_clear_error();
    if (rc == 0)
        *out_tls = c;
    else
        drey__tls_drop(c);
    return rc;
}
