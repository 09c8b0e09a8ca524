/* SPDX-License-Identifier: MIT */
/* What clients and servers share: contexts of OpenSSL with our defaults. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tls/tls.h"

/* Of TLS 1.2; those of 1.3 are all good. Forward secrecy, and encryption that authenticates. */
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL";

enum { SECURITY_LEVEL = 2 }; /* keys of 112 bits of strength: RSA from 2048 */

static int choose_versions(SSL_CTX *context, const struct drey__tls_terms *terms)
{
    int min = terms->min_version != 0 ? terms->min_version : DREY_TLS_1_2;
    int max = terms->max_version != 0 ? terms->max_version : DREY_TLS_1_3;
    if (min < DREY_TLS_1_2 || max > DREY_TLS_1_3 || min > max)
        return -EINVAL;
    return SSL_CTX_set_min_proto_version(context, min) == 1 && SSL_CTX_set_max_proto_version(context, max) == 1
               ? 0
               : -ENOMEM;
}

static int configure(SSL_CTX *context, const struct drey__tls_terms *terms, char *why)
{
    int rc = choose_versions(context, terms);
    if (rc < 0) {
        snprintf(why, DREY_TLS_TEXT, "there are no such versions of TLS");
        return rc;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY); /* what is not data comes back to us: others have a turn */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* resumption by tickets, which cost no memory */
    if (SSL_CTX_get_security_level(context) < SECURITY_LEVEL)
        SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    if (SSL_CTX_set_cipher_list(context, CIPHERS) != 1)
        return -ENOMEM;
    if (terms->trust != NULL)
        SSL_CTX_set1_cert_store(context, terms->trust);
    return terms->identity != NULL ? drey__tls_identity_load(context, terms->identity, why) : 0;
}

int drey__tls_context_new(const SSL_METHOD *method, const struct drey__tls_terms *terms, SSL_CTX **out, char *why)
{
    SSL_CTX *context = SSL_CTX_new(method);
    int rc = context != NULL ? configure(context, terms, why) : -ENOMEM;
    if (rc < 0)
        SSL_CTX_free(context);
    else
        *out = context;
    return rc;
}

struct drey__tls_setup *drey__tls_setup_new(size_t count)
{
    struct drey__tls_setup *setup = OPENSSL_zalloc(sizeof *setup);
    if (setup == NULL)
        return NULL;
    atomic_init(&setup->refs, 1);
    setup->count = count;
    setup->method = drey__tls_bio_method();
    setup->contexts = OPENSSL_zalloc(count * sizeof *setup->contexts);
    if (setup->method != NULL && setup->contexts != NULL)
        return setup;
    drey__tls_setup_unref(setup);
    return NULL;
}

void drey__tls_setup_ref(struct drey__tls_setup *setup)
{
    atomic_fetch_add_explicit(&setup->refs, 1, memory_order_relaxed);
}

void drey__tls_setup_unref(struct drey__tls_setup *setup)
{
    if (setup == NULL || atomic_fetch_sub_explicit(&setup->refs, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; setup->contexts != NULL && i < setup->count; i++)
        SSL_CTX_free(setup->contexts[i]);
    OPENSSL_free(setup->contexts);
    OPENSSL_free(setup->protocols);
    BIO_meth_free(setup->method);
    OPENSSL_free(setup);
}

int drey__tls_protocols(const char *const *names, unsigned char **out, unsigned *out_bytes)
{
    enum { NAME_MAX_BYTES = 255, MOST = 1 << 14 };
    size_t bytes = 0, at = 0;
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        size_t length = strlen(names[i]);
        if (length < 1 || length > NAME_MAX_BYTES || bytes > MOST)
            return -EINVAL;
        bytes += 1 + length;
    }
    *out = NULL;
    *out_bytes = (unsigned)bytes;
    if (bytes == 0)
        return 0;
    unsigned char *list = OPENSSL_malloc(bytes);
    if (list == NULL)
        return -ENOMEM;
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t length = strlen(names[i]);
        list[at++] = (unsigned char)length;
        memcpy(list + at, names[i], length);
        at += length;
    }
    *out = list;
    return 0;
}
