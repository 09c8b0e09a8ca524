/* SPDX-License-Identifier: MIT */
/* Certificates and keys from PEM texts, on a thread of a pool. Sentences name the file and what is wrong with it. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "tls/tls.h"

enum { NAME_SHOWN = 200 };

bool drey__tls_pem_given(const drey_tls_pem *pem)
{
    return pem->file != NULL || pem->text != NULL;
}

static const char *name_of(const drey_tls_pem *pem)
{
    return pem->file != NULL ? pem->file : "a text in memory";
}

/* Say what is wrong, unless it is that memory is out. */
static int wrong(const drey_tls_pem *pem, const char *what, char *why)
{
    unsigned long error;
    bool no_memory = false;
    while ((error = ERR_get_error()) != 0)
        no_memory = no_memory || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    snprintf(why, DREY_TLS_TEXT, "%.*s: %s", NAME_SHOWN, name_of(pem), no_memory ? "no memory for it" : what);
    return no_memory ? -ENOMEM : -EBADMSG;
}

static int open_pem(const drey_tls_pem *pem, BIO **out, char *why)
{
    int error = ENOMEM;
    FILE *file = NULL;
    if (pem->file == NULL) {
        *out = pem->bytes <= INT32_MAX ? BIO_new_mem_buf(pem->text, (int)pem->bytes) : NULL;
    } else {
        file = fopen(pem->file, "re");
        error = file == NULL && errno != 0 ? errno : ENOMEM;
        *out = file != NULL ? BIO_new_fp(file, BIO_CLOSE) : NULL;
        if (file != NULL && *out == NULL)
            fclose(file);
    }
    if (*out != NULL)
        return 0;
    snprintf(why, DREY_TLS_TEXT, "%.*s: %s", NAME_SHOWN, name_of(pem), strerror(error));
    return -error;
}

/* The next certificate: 1, 0 at the end, or -1 and OpenSSL says why. */
static int next_certificate(BIO *from, X509 **out)
{
    *out = PEM_read_bio_X509(from, NULL, NULL, NULL);
    if (*out != NULL)
        return 1;
    unsigned long error = ERR_peek_last_error();
    if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
        return -1;
    ERR_clear_error();
    return 0;
}

static int load_chain(SSL_CTX *context, const drey_tls_pem *pem, char *why)
{
    X509 *certificate = NULL;
    BIO *from;
    int count = 0, next, rc = open_pem(pem, &from, why);
    while (rc == 0 && (next = next_certificate(from, &certificate)) != 0) {
        int good = next < 0     ? 0
                   : count == 0 ? SSL_CTX_use_certificate(context, certificate)
                                : (int)SSL_CTX_add1_chain_cert(context, certificate);
        X509_free(certificate);
        if (good != 1)
            rc = wrong(pem, next < 0 ? "a broken certificate" : "a certificate of no use (its key is too weak?)", why);
        count++;
    }
    if (rc == 0 && count == 0)
        rc = wrong(pem, "no certificate in it", why);
    BIO_free(from);
    return rc;
}

/* OpenSSL would ask the terminal. */
static int no_password(char *buffer, int room, int writing, void *arg)
{
    (void)buffer, (void)room, (void)writing;
    *(bool *)arg = true;
    return -1;
}

static int load_key(SSL_CTX *context, const drey_tls_pem *pem, char *why)
{
    bool asked = false;
    BIO *from;
    int rc = open_pem(pem, &from, why);
    if (rc < 0)
        return rc;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(from, NULL, no_password, &asked);
    if (key == NULL)
        rc = wrong(pem, asked ? "the key is encrypted" : "no key in it that can be read", why);
    else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
        rc = wrong(pem, "the key is not the certificate's", why);
    EVP_PKEY_free(key);
    BIO_free(from);
    return rc;
}

int drey__tls_identity_load(SSL_CTX *context, const drey_tls_identity *identity, char *why)
{
    int rc = load_chain(context, &identity->chain, why);
    if (rc < 0)
        return rc;
    return load_key(context, drey__tls_pem_given(&identity->key) ? &identity->key : &identity->chain, why);
}

int drey__tls_trust_load(const drey_tls_pem *pem, X509_STORE **out, char *why)
{
    X509 *certificate = NULL;
    BIO *from = NULL;
    int count = 0, next, rc = open_pem(pem, &from, why);
    X509_STORE *store = rc == 0 ? X509_STORE_new() : NULL;
    if (rc == 0 && store == NULL)
        rc = wrong(pem, "no memory for it", why);
    while (rc == 0 && (next = next_certificate(from, &certificate)) != 0) {
        int good = next < 0 ? 0 : X509_STORE_add_cert(store, certificate);
        X509_free(certificate);
        if (good != 1)
            rc = wrong(pem, "a broken certificate", why);
        count++;
    }
    if (rc == 0 && count == 0)
        rc = wrong(pem, "no certificate in it", why);
    if (rc == 0)
        *out = store;
    else
        X509_STORE_free(store);
    BIO_free(from);
    return rc;
}
