/* SPDX-License-Identifier: MIT */
/*
 * A TLS connection: OpenSSL between two buffers, and tasks that carry bytes between those and the stream below.
 *
 *     stream below --fill--> in ---> +---------+ ---> the reader's buffer
 *                                    | OpenSSL |
 *     stream below <--flush-- out <- +---------+ <--- the writer's data
 *
 * I1  OpenSSL is called in steps (step.c): under `lock`, on the worker's large stack, where suspending stops the
 *     program. So its calls on a connection never overlap, its error queue is empty again before anybody else runs
 *     (R16), and a task needs no room for it (R15). It does no I/O: its BIO (bio.c) takes from `in` and adds to `out`.
 * I2  Only the holder of `reading` reads below, and writes to in's memory; only the holder of `writing` writes below.
 *     Until the handshake is done the holder of `shaking` does both: everybody passes there first (handshake.c).
 * I3  `in` is filled when it is empty. What OpenSSL has taken from it and not given out is in OpenSSL: so a reader
 *     that is cancelled while it fills has lost nothing (R5).
 * I4  Sealed bytes leave in order: first `sending`, which is the holder's of `writing`, then `out`. A record cannot be
 *     taken back, since its number is spent: one that did not leave completely stays in `sending` for whoever is next.
 * I5  `flushing` is true while somebody is bound to flush what there is. A reader that finds something to be sent (an
 *     answer to a change of keys, what a cancelled writer left) and nobody flushing sends it beside its waiting.
 *
 * Rejected: a BIO on the stream itself, since OpenSSL would then suspend inside, with its queue of errors half written,
 * its state on a small stack, and its lock held; OpenSSL's memory BIOs, which keep the size that they once had.
 *
 * This layer uses the public headers alone: it is a library of its own.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <drey/stream.h>
#include <drey/sync.h>
#include <drey/tls.h>

enum {
    DREY__TLS_SMALL = 512,        /* what an idle connection waits with */
    DREY__TLS_LARGE = 16 << 10,   /* while more comes than that */
    DREY__TLS_RECORD = 16 << 10,  /* of data, at most */
    DREY__TLS_WRITE = 64 << 10,   /* of data that one call seals */
    DREY__TLS_UNSENT = 128 << 10, /* above this a reader waits: a peer may ask for answers and not take them */
    DREY__TLS_LINGER_MS = 1000,   /* for the last words */
};

/* What connections are made from. Constant once it is made. */
struct drey__tls_setup {
    _Atomic unsigned refs; /* relaxed up, acq_rel down */
    BIO_METHOD *method;
    unsigned char *protocols; /* of a server, as ALPN has them; NULL: none */
    unsigned protocol_bytes;
    size_t count;
    SSL_CTX **contexts; /* one an identity; of a client, one */
};

struct drey__tls_in {
    unsigned char small[DREY__TLS_SMALL];
    unsigned char *large; /* NULL: none; of DREY__TLS_LARGE */
    size_t start, end;    /* of what is there; under lock */
    bool eager;           /* the last read was as long as could be: there is more */
    bool ended;           /* the stream below has */
};

struct drey__tls_out {
    unsigned char *data;
    size_t start, end, room;
};

struct drey_tls {
    SSL *ssl; /* I1 */
    drey_stream below;
    struct drey__tls_setup *setup;
    drey_mutex lock;
    drey_sem reading, writing, shaking; /* one permit each */
    struct drey__tls_in in;
    struct drey__tls_out sending; /* I4 */
    struct drey__tls_out out;     /* under lock, as the following */
    size_t unsent;                /* in both */
    bool flushing;                /* I5 */
    bool no_memory;               /* the BIO had none */
    int broken;                   /* negative errno: OpenSSL has given up */
    char *host;                   /* of a client: whom it wants; constant */
    _Atomic unsigned refs;        /* the owner, and calls that are inside; relaxed up, acq_rel down */
    _Atomic bool closed;          /* the owner is gone; relaxed: who sees it late fails below */
    _Atomic bool shaken;          /* release: the facts are written. They are constant from then on */
    _Atomic size_t ready;         /* bytes for reading that are in memory; by readers; relaxed */
    _Atomic bool failed;          /* release: the text is written, once */
    char text[DREY_TLS_TEXT];
    X509 *peer; /* the facts, from here on */
    char *peer_subject, *protocol, *name;
    const char *cipher;
    int version;
    bool resumed;
    unsigned char peer_sha256[32];
};

/* setup.c: contexts by the options that clients and servers share. They run on a pool's thread; `why` is never NULL. */
struct drey__tls_terms {
    int min_version, max_version;
    const drey_tls_identity *identity; /* NULL or empty: none */
    X509_STORE *trust;                 /* NULL: none is needed */
};
int drey__tls_context_new(const SSL_METHOD *method, const struct drey__tls_terms *terms, SSL_CTX **out, char *why);
struct drey__tls_setup *drey__tls_setup_new(size_t count);
void drey__tls_setup_ref(struct drey__tls_setup *setup);
void drey__tls_setup_unref(struct drey__tls_setup *setup); /* NULL is allowed */
/* Names as ALPN has them: 0; *out is OpenSSL's memory, or NULL for none. */
int drey__tls_protocols(const char *const *names, unsigned char **out, unsigned *out_bytes);

/* pem.c */
int drey__tls_identity_load(SSL_CTX *context, const drey_tls_identity *identity, char *why);
int drey__tls_trust_load(const drey_tls_pem *pem, X509_STORE **out, char *why);
bool drey__tls_pem_given(const drey_tls_pem *pem);

/* connection.c */
int drey__tls_new(struct drey__tls_setup *setup, drey_stream below, bool client, drey_tls **out);
void drey__tls_hold(drey_tls *c);
void drey__tls_drop(drey_tls *c);

/* bio.c */
BIO_METHOD *drey__tls_bio_method(void); /* NULL: no memory */
bool drey__tls_out_reserve(struct drey__tls_out *out, size_t more);

/* step.c: call fn(arg) as I1 says: its result, or -ENOMEM. */
DREY_ASYNC int drey__tls_step(drey_tls *c, drey_fn *fn, void *arg);

/* failure.c, in steps. A call of OpenSSL's returned `ret`: 0: the peer has ended it. -EAGAIN: it needs input. Else the
 * connection is broken, its text written, and this is why. */
int drey__tls_failed(drey_tls *c, int ret);
/* Write the text, unless there is one. Under lock. */
void drey__tls_say(drey_tls *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What OpenSSL's verification calls. */
int drey__tls_judge(int good, X509_STORE_CTX *store);
void drey__tls_name_text(const X509_NAME *name, char *out, size_t room);

/* carry.c, by the holder of the direction (I2) */
/* Read below: 0, or a negative errno; -ECONNABORTED at the end. */
DREY_ASYNC int drey__tls_fill(drey_tls *c);
/* Send all that is sealed. */
DREY_ASYNC int drey__tls_flush(drey_tls *c);

/* handshake.c: 0 once it is done. */
DREY_ASYNC int drey__tls_shake(drey_tls *c);

/* stream.c */
extern const drey_stream_ops drey__tls_ops;
/* End the connection, and the stream below as well, if told so. */
DREY_ASYNC int drey__tls_end(drey_tls *c, bool below);
