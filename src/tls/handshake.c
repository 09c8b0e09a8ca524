/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/err.h>

#include "tls/tls.h"

/* Copies of what it led to, so that asking needs no lock. 0 or -ENOMEM, and then it can be tried again. */
static int note_facts(drey_tls *c)
{
    char subject[DREY_TLS_TEXT];
    const unsigned char *protocol;
    unsigned bytes;
    const char *name = SSL_get_servername(c->ssl, TLSEXT_NAMETYPE_host_name);
    SSL_get0_alpn_selected(c->ssl, &protocol, &bytes);
    c->cipher = SSL_get_cipher_name(c->ssl);
    c->version = SSL_version(c->ssl);
    c->resumed = SSL_session_reused(c->ssl) == 1;
    if (c->peer == NULL)
        c->peer = SSL_get1_peer_certificate(c->ssl);
    if (c->peer != NULL && c->peer_subject == NULL) {
        drey__tls_name_text(X509_get_subject_name(c->peer), subject, sizeof subject);
        c->peer_subject = OPENSSL_strdup(subject);
        if (c->peer_subject == NULL || X509_digest(c->peer, EVP_sha256(), c->peer_sha256, NULL) != 1)
            return -ENOMEM;
    }
    if (bytes > 0 && c->protocol == NULL && (c->protocol = OPENSSL_strndup((const char *)protocol, bytes)) == NULL)
        return -ENOMEM;
    if (name != NULL && c->name == NULL && (c->name = OPENSSL_strdup(name)) == NULL)
        return -ENOMEM;
    return 0;
}

static int go_on(void *arg)
{
    drey_tls *c = arg;
    int ret = SSL_do_handshake(c->ssl);
    if (ret == 1)
        return note_facts(c);
    int rc = drey__tls_failed(c, ret);
    return rc == 0 ? -EPROTO : rc;
}

/* By the holder of `shaking`. What cannot be sent may be because the peer has broken off: what it said comes first. */
static DREY_ASYNC int shake(drey_tls *c)
{
    for (;;) {
        int rc = drey__tls_step(c, go_on, c);
        if (rc < 0 && rc != -EAGAIN)
            return rc;
        int sent = drey__tls_flush(c);
        if (sent == -ECANCELED)
            return sent;
        if (rc == 0) /* what could not be sent fails the next writer; what the peer sent can be read */
            break;
        rc = drey__tls_fill(c);
        if (rc < 0)
            return rc;
    }
    atomic_store_explicit(&c->shaken, true, memory_order_release);
    return 0;
}

int drey__tls_shake(drey_tls *c)
{
    if (atomic_load_explicit(&c->closed, memory_order_relaxed))
        return -EBADF;
    if (atomic_load_explicit(&c->shaken, memory_order_acquire))
        return 0;
    int rc = drey_sem_acquire(&c->shaking, 1);
    if (rc < 0)
        return rc;
    if (!atomic_load_explicit(&c->shaken, memory_order_acquire))
        rc = shake(c);
    drey_sem_release(&c->shaking, 1);
    return rc;
}

int drey_tls_handshake(drey_tls *tls)
{
    drey__tls_hold(tls);
    int rc = drey_sem_acquire(&tls->shaking, 1); /* a point where cancellation counts, though it may be done */
    if (rc == 0) {
        drey_sem_release(&tls->shaking, 1);
        rc = drey__tls_shake(tls);
    }
    drey__tls_drop(tls);
    return rc;
}
