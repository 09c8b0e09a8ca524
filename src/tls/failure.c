/* SPDX-License-Identifier: MIT */
/* What OpenSSL says, as one code and one sentence. In steps: its queue of errors is emptied here (R16). */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tls/tls.h"

enum { NAME_TEXT = 100 };

void drey__tls_say(drey_tls *c, const char *format, ...)
{
    if (atomic_load_explicit(&c->failed, memory_order_relaxed))
        return;
    va_list values;
    va_start(values, format);
    vsnprintf(c->text, sizeof c->text, format, values);
    va_end(values);
    atomic_store_explicit(&c->failed, true, memory_order_release);
}

const char *drey_tls_failure(const drey_tls *tls)
{
    return tls != NULL && atomic_load_explicit(&tls->failed, memory_order_acquire) ? tls->text : "";
}

/* Control characters and what is not ASCII are escaped: a peer's name is safe to print. */
void drey__tls_name_text(const X509_NAME *name, char *out, size_t room)
{
    BIO *text = BIO_new(BIO_s_mem());
    int n = 0;
    if (text != NULL && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(text, out, (int)room - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(text);
}

int drey__tls_judge(int good, X509_STORE_CTX *store)
{
    char subject[NAME_TEXT] = "", issuer[NAME_TEXT] = "";
    if (good == 1)
        return 1;
    drey_tls *c = SSL_get_app_data(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    int error = X509_STORE_CTX_get_error(store);
    if (error == X509_V_ERR_OUT_OF_MEM)
        c->no_memory = true;
    if (certificate != NULL) {
        drey__tls_name_text(X509_get_subject_name(certificate), subject, sizeof subject);
        drey__tls_name_text(X509_get_issuer_name(certificate), issuer, sizeof issuer);
    }
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        drey__tls_say(c, "certificate refused: it is not for %.*s (of %s, issued by %s)", NAME_TEXT, c->host, subject,
                      issuer);
    else
        drey__tls_say(c, "certificate refused: %s (of %s, issued by %s)", X509_verify_cert_error_string(error), subject,
                      issuer);
    return 0;
}

/* The reason that OpenSSL's TLS gives last is what happened; others say what it was doing. 0: there is none. */
static unsigned long take_error(bool *out_no_memory)
{
    unsigned long best = 0, error;
    while ((error = ERR_get_error()) != 0) {
        if (ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE)
            *out_no_memory = true;
        if (best == 0 || ERR_GET_LIB(error) == ERR_LIB_SSL)
            best = error;
    }
    return best;
}

static int give_up(drey_tls *c)
{
    bool no_memory = c->no_memory;
    unsigned long error = take_error(&no_memory);
    int reason = ERR_GET_REASON(error);
    if (no_memory || error == 0) { /* no queue without memory for it */
        drey__tls_say(c, "out of memory");
        return -ENOMEM;
    }
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET) {
        drey__tls_say(c, "the peer broke off: %s", SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
        return -EPROTO;
    }
    const char *text = ERR_reason_error_string(error);
    drey__tls_say(c, "TLS failed: %s", text != NULL ? text : "for an unknown reason");
    bool refused = reason == SSL_R_CERTIFICATE_VERIFY_FAILED || reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    return ERR_GET_LIB(error) == ERR_LIB_SSL && refused ? -EKEYREJECTED : -EPROTO;
}

int drey__tls_failed(drey_tls *c, int ret)
{
    switch (SSL_get_error(c->ssl, ret)) {
    case SSL_ERROR_WANT_READ:
        return -EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        c->broken = give_up(c);
        return c->broken;
    }
}
