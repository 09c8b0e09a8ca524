/* SPDX-License-Identifier: MIT */
/* The life of a connection, and what can be asked about it. */
#include <errno.h>
#include <openssl/err.h>

#include "tls/tls.h"

int drey__tls_new(struct drey__tls_setup *setup, drey_stream below, bool client, drey_tls **out)
{
    drey_tls *c = OPENSSL_zalloc(sizeof *c);
    SSL *ssl = c != NULL ? SSL_new(setup->contexts[0]) : NULL;
    BIO *bio = ssl != NULL ? BIO_new(setup->method) : NULL;
    if (bio == NULL) {
        SSL_free(ssl);
        OPENSSL_free(c);
        ERR_clear_error();
        return -ENOMEM;
    }
    BIO_set_data(bio, c);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, c);
    if (client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    c->ssl = ssl;
    c->below = below;
    c->setup = setup;
    drey__tls_setup_ref(setup);
    drey_sem_init(&c->reading, 1, 1);
    drey_sem_init(&c->writing, 1, 1);
    drey_sem_init(&c->shaking, 1, 1);
    atomic_init(&c->refs, 1);
    *out = c;
    return 0;
}

void drey__tls_hold(drey_tls *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

void drey__tls_drop(drey_tls *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    SSL_free(c->ssl);
    X509_free(c->peer);
    OPENSSL_free(c->in.large);
    OPENSSL_free(c->sending.data);
    OPENSSL_free(c->out.data);
    OPENSSL_free(c->host);
    OPENSSL_free(c->peer_subject);
    OPENSSL_free(c->protocol);
    OPENSSL_free(c->name);
    drey__tls_setup_unref(c->setup);
    drey_sem_deinit(&c->reading);
    drey_sem_deinit(&c->writing);
    drey_sem_deinit(&c->shaking);
    drey_mutex_deinit(&c->lock);
    OPENSSL_free(c);
}

drey_stream drey_tls_stream(drey_tls *tls)
{
    return (drey_stream){&drey__tls_ops, tls};
}

void drey_tls_close(drey_tls *tls)
{
    if (tls != NULL)
        drey__tls_end(tls, false);
}

int drey_tls_info_get(const drey_tls *tls, drey_tls_info *out_info)
{
    if (!atomic_load_explicit(&tls->shaken, memory_order_acquire))
        return -ENOTCONN;
    *out_info = (drey_tls_info){
        .version = tls->version,
        .resumed = tls->resumed,
        .cipher = tls->cipher,
        .protocol = tls->protocol,
        .host = tls->name,
        .peer = tls->peer_subject,
    };
    for (size_t i = 0; i < sizeof tls->peer_sha256; i++)
        out_info->peer_sha256[i] = tls->peer_sha256[i];
    return 0;
}

ssize_t drey_tls_peer_der(const drey_tls *tls, void *out_der, size_t room)
{
    if (!atomic_load_explicit(&tls->shaken, memory_order_acquire))
        return -ENOTCONN;
    if (tls->peer == NULL)
        return -ENOENT;
    int bytes = i2d_X509(tls->peer, NULL);
    if (bytes < 0 || (size_t)bytes > room)
        return bytes < 0 ? -ENOMEM : -EMSGSIZE;
    unsigned char *to = out_der;
    return i2d_X509(tls->peer, &to);
}
