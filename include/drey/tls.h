/* SPDX-License-Identifier: MIT */
/**
 * TLS 1.2 and 1.3 over any stream, by OpenSSL 3. Not part of <drey.h>: include it on its own, and link drey-tls.
 *
 * When to use: for a connection that others must not read or change, with certificates that say who is at its end.
 * Order: several tasks may read or write one connection at a time; which of them gets what is not said. One that reads
 * and one that writes do not wait for each other.
 * Trust: a client verifies, the certificate and the name in it, and refuses by default. Revocation is not looked up.
 * Renegotiation, compression, early data and what is older than TLS 1.2 are off; the ciphers of TLS 1.2 are those with
 * forward secrecy and authenticated encryption.
 * Memory: some 18 KB a connection while it idles, the peer's certificates included; up to 34 KB more while it reads,
 * and 140 KB while it writes. A peer cannot make it more. OpenSSL runs on the worker's large stack, not on the task's.
 * Threads: clients and servers may be used from any; connections as said in the functions.
 * Errors: those of the stream below, and
 *         -EKEYREJECTED  the peer's certificate was refused, or it showed none and had to
 *         -EPROTO        the peer broke the protocol, or nothing is common to both, or it broke off with an alert
 *         -ECONNABORTED  the stream below ended without the end of TLS: what came may be cut short, by anybody
 *         -ENOMEM        no memory
 *         After these the connection is of no more use, but that -ECONNABORTED leaves the writing as it is. The
 *         sentence is in drey_tls_failure.
 * Suspends: while the stream below does.
 * Cancel:   a read or handshake had no effect that is lost: the next call goes on. What a write took is as good as
 *           written: see drey_tls_stream.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 *     drey_tls *tls = NULL;
 *     rc = drey_tls_client_open(client, drey_stream_of(fd), "example.com", &tls);
 *     if (rc == 0)
 *         rc = drey_tls_handshake(tls);
 *     if (rc == 0)
 *         rc = drey_stream_write_all(drey_tls_stream(tls), "hello\n", 6, NULL);
 *     if (rc < 0)
 *         fprintf(stderr, "%s %s\n", strerror(-rc), drey_tls_failure(tls));
 *     drey_tls_close(tls);
 *     drey_close(fd);
 */
#pragma once

#include <drey/base.h>
#include <drey/stream.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How to be a client: whom to trust, what to offer. Shared by any number of connections. */
typedef struct drey_tls_client drey_tls_client;

/** How to be a server: who one is, whom to let in. Shared by any number of connections; can be renewed. */
typedef struct drey_tls_server drey_tls_server;

/** A connection. */
typedef struct drey_tls drey_tls;

/** Versions of the protocol. */
enum { DREY_TLS_1_2 = 0x0303, DREY_TLS_1_3 = 0x0304 };

/** Room for a sentence that says what failed, with its NUL. */
enum { DREY_TLS_TEXT = 320 };

/** PEM text, in a file or in memory; {0} is none. Borrowed until the call returns. */
typedef struct drey_tls_pem {
    const char *file;
    const void *text; /* counts if file is NULL */
    size_t bytes;
} drey_tls_pem;

/** A certificate and its key. */
typedef struct drey_tls_identity {
    drey_tls_pem chain; /* the certificate first, then those between it and the root */
    drey_tls_pem key;   /* not encrypted; none: it is in `chain`, too */
} drey_tls_identity;

/** Zero in any field means its default. In C++ designators follow this order. Borrowed until the call returns. */
typedef struct drey_tls_client_options {
    drey_tls_pem trust;         /* certificates that may sign; default: the system's, or SSL_CERT_FILE, SSL_CERT_DIR */
    drey_tls_identity identity; /* shown to servers that ask; default none */
    const char *const *protocols;   /* offered by ALPN, the best first, ends with NULL; default none */
    int min_version;                /* default DREY_TLS_1_2 */
    int max_version;                /* default the newest */
    bool dangerously_trust_anybody; /* no verification: whoever is in between reads and changes everything */
} drey_tls_client_options;

/** What a server asks of clients. */
enum {
    DREY_TLS_ANYBODY = 0, /* no certificate */
    DREY_TLS_MAY_SHOW,    /* one that is shown must be valid; drey_tls_info_get says whose it is */
    DREY_TLS_MUST_SHOW,   /* without a valid one the handshake fails */
};

/** Zero in any field means its default. In C++ designators follow this order. Borrowed until the call returns. */
typedef struct drey_tls_server_options {
    const drey_tls_identity *identities; /* the first whose certificate is for the name that the client wants, else 0 */
    size_t identity_count;               /* at least 1 */
    const char *const *protocols; /* for ALPN, the best first, ends with NULL. A client that offers only others fails;
                                     default: what clients offer does not matter */
    int clients;                  /* DREY_TLS_ANYBODY ... */
    drey_tls_pem trust;           /* who may sign clients' certificates; needed if they are asked for */
    int min_version;              /* default DREY_TLS_1_2 */
    int max_version;              /* default the newest */
} drey_tls_server_options;

/**
 * Make a client. Files are read, and certificates parsed, by a thread of the default pool.
 *
 * @param out_client  owned by the caller, until drey_tls_client_unref
 * @param out_why     DREY_TLS_TEXT bytes of room for a sentence, if the call fails by one of these; or NULL
 * @return 0.
 *         -EBADMSG  a PEM text has not what it should, or a key is not the certificate's
 *         -EINVAL   a version or protocol there is not
 *         -ENOMEM   no memory
 *         or another negative errno of reading a file
 *
 * Suspends: while a thread does it.
 * Cancel:   -ECANCELED if it has not started; else it is waited for.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_tls_client_new(drey_tls_client_options options, drey_tls_client **out_client, char *out_why);

/** One more reference. Threads: any. @return client. */
DREY_API
drey_tls_client *drey_tls_client_ref(drey_tls_client *client);

/** One reference less; connections keep what they need. NULL is allowed. Threads: any. */
DREY_API
void drey_tls_client_unref(drey_tls_client *client);

/**
 * Make a server, as drey_tls_client_new makes a client.
 *
 * @param out_server  owned by the caller, until drey_tls_server_unref
 * @param out_why     as there
 * @return as there.
 *         -EINVAL  no identity; or clients are to be asked, and there is no trust
 *
 * Suspends: while a thread does it.
 * Cancel:   as there.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_tls_server_new(drey_tls_server_options options, drey_tls_server **out_server, char *out_why);

/**
 * Give a server new options, say because its certificate was renewed: connections that are opened from now on use them,
 * those that are open keep what they have. If it fails the server stays as it is.
 *
 * @param out_why  as drey_tls_client_new
 * @return as drey_tls_server_new.
 *
 * Suspends: while a thread does it.
 * Cancel:   as drey_tls_client_new.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_tls_server_reload(drey_tls_server *server, drey_tls_server_options options, char *out_why);

/** One more reference. Threads: any. @return server. */
DREY_API
drey_tls_server *drey_tls_server_ref(drey_tls_server *server);

/** One reference less; connections keep what they need. NULL is allowed. Threads: any. */
DREY_API
void drey_tls_server_unref(drey_tls_server *server);

/**
 * Be the client on a stream. Nothing is exchanged yet.
 *
 * @param below    borrowed until the connection is closed; nobody else uses it meanwhile
 * @param host     the server's name, or its address as a number; in its certificate, or it is refused
 * @param out_tls  owned by the caller, until drey_tls_close or drey_stream_close
 * @return 0.
 *         -EINVAL  host is NULL, empty or over 255 bytes (NULL is fine if anybody is trusted)
 *         -ENOMEM  no memory
 *
 * Threads: any.
 */
DREY_API DREY_MUST_USE
int drey_tls_client_open(drey_tls_client *client, drey_stream below, const char *host, drey_tls **out_tls);

/** Be the server on a stream, as drey_tls_client_open. @return 0, or -ENOMEM. Threads: any. */
DREY_API DREY_MUST_USE
int drey_tls_server_open(drey_tls_server *server, drey_stream below, drey_tls **out_tls);

/**
 * Shake hands, unless that is done. Reading and writing do it too; call this to know with whom one talks before.
 *
 * With TLS 1.3 a client has done its part before the server has judged its certificate: a refusal comes as -EPROTO of
 * the first read.
 *
 * @return 0: the peer is who it should be, and drey_tls_info_get tells more.
 *         or a negative errno as above
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_tls_handshake(drey_tls *tls);

/**
 * The connection as a stream; the first use of it shakes hands.
 *
 * Reading: 0 is the end that the peer declared; an end that it did not is -ECONNABORTED.
 * Writing: -EPIPE after drey_stream_shutdown. A call takes up to 64 KB and sends them in records of up to 16 KB. If it
 * is cancelled with them taken, it returns their count, since a record cannot be taken back; what has not left yet goes
 * with the next call that writes, reads, shuts down or closes. One that waits in a read already does not see to that.
 * Shutting down: tells the peer the end, in TLS; the stream below stays open both ways, and reading goes on.
 * Closing: tells the peer the end, closes the stream below and ends the connection. Uncut, and up to a second long if
 * the peer takes nothing. Other tasks that are inside the connection get -EBADF if those below do; none may come later.
 *
 * @return the stream, valid until it is closed.
 */
DREY_API DREY_MUST_USE
drey_stream drey_tls_stream(drey_tls *tls);

/**
 * As closing the stream, but the stream below stays open, and is the caller's again: in a function of drey_serve, say,
 * which closes the descriptor itself.
 *
 * @param tls  consumed; NULL is allowed
 *
 * Suspends: up to a second, if the peer takes nothing.
 * Cancel:   uncut.
 */
DREY_API DREY_ASYNC
void drey_tls_close(drey_tls *tls);

/** What failed first on this connection, in a sentence; "" if nothing did, or tls is NULL. Valid until it is closed.
 *  Threads: any. @return the sentence. */
DREY_API DREY_MUST_USE
const char *drey_tls_failure(const drey_tls *tls);

/** What a handshake led to. What is pointed to is valid until the connection is closed. */
typedef struct drey_tls_info {
    int version;                   /* DREY_TLS_1_2 or DREY_TLS_1_3 */
    bool resumed;                  /* it continues an earlier session: no certificates were shown anew */
    const char *cipher;            /* its name */
    const char *protocol;          /* what ALPN led to; NULL: nothing */
    const char *host;              /* the name that the client asked for; NULL: none */
    const char *peer;              /* the subject of the peer's certificate as in RFC 2253; NULL: it showed none */
    unsigned char peer_sha256[32]; /* of that certificate: who it is, exactly */
} drey_tls_info;

/** What the handshake led to. Threads: any. @return 0, or -ENOTCONN: it is not done. */
DREY_API DREY_MUST_USE
int drey_tls_info_get(const drey_tls *tls, drey_tls_info *out_info);

/**
 * The peer's certificate, in DER, for libraries that look further into it. Threads: any.
 *
 * @param out_der  `room` bytes of room
 * @return its length.
 *         -ENOTCONN  the handshake is not done
 *         -ENOENT    it showed none
 *         -EMSGSIZE  it is longer than `room`
 */
DREY_API DREY_MUST_USE
ssize_t drey_tls_peer_der(const drey_tls *tls, void *out_der, size_t room);

#ifdef __cplusplus
}
#endif
