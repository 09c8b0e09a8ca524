/* SPDX-License-Identifier: MIT */
/**
 * Sockets: TCP, UDP and Unix.
 *
 * When to use: to listen, to connect, to exchange datagrams. What is made here is a plain, non-blocking descriptor,
 * closed at exec: drey/stream.h reads, writes and closes it, and setsockopt(2) has whatever is not an option here.
 * Order: who accepts or receives first is not said. Threads: what never suspends, any; the rest task only.
 * Errors: the system call's own, negated, beside those that are named.
 * Memory: addresses are values, borrowed until the call returns.
 * Suspends: while the kernel has nothing for the call.
 * Cancel:   -ECANCELED: nothing was accepted, connected, received or sent.
 * "Suspends: as above" and "Cancel: as above" in the functions mean these two.
 *
 *     drey_addr at;
 *     int rc = drey_addr_parse("127.0.0.1:8080", &at);
 *     int listener = rc < 0 ? rc : drey_listen(&at, (drey_listen_options){.backlog = 1024});
 *     if (listener >= 0)
 *         rc = drey_serve(listener, serve_one, &server, (drey_serve_options){.limit = 1000});
 */
#pragma once

#include <drey/base.h>
#include <drey/reader.h>
#include <drey/stream.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr;

/** An address of IPv4 or IPv6 with its port, or of a Unix socket. Plain data, to be copied; {0} is no address. */
typedef struct drey_addr {
    DREY_INTERNAL(15);
} drey_addr;

/** Room for every address that drey_addr_format writes, with its NUL. */
enum { DREY_ADDR_TEXT = 120 };

/**
 * Read an address: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "unix:/run/me.sock", or "unix:@name", which is not
 * in the file system. Names are not looked up.
 *
 * @return 0.
 *         -EINVAL        it is none of these
 *         -ENAMETOOLONG  over 107 bytes of path
 *         -ENODEV        there is no such interface
 */
DREY_API DREY_MUST_USE
int drey_addr_parse(const char *text, drey_addr *out_addr);

/**
 * Write an address as drey_addr_parse reads it; "unknown" if it is of another family, "unix:" for a Unix socket without
 * a name.
 *
 * @param out_text  DREY_ADDR_TEXT bytes of room
 * @return out_text.
 */
DREY_API
const char *drey_addr_format(const drey_addr *addr, char *out_text);

/**
 * Take an address as system calls and other libraries have it.
 *
 * @return 0.
 *         -EAFNOSUPPORT  neither IPv4 nor IPv6 nor Unix
 *         -EINVAL        not as long as its family says
 */
DREY_API DREY_MUST_USE
int drey_addr_from(const struct sockaddr *any, size_t bytes, drey_addr *out_addr);

/** An address for system calls and other libraries, with its length. @return a part of addr. */
DREY_API DREY_MUST_USE
const struct sockaddr *drey_addr_sockaddr(const drey_addr *addr, unsigned *out_bytes);

/** Whether both are the same address. @return true or false. */
DREY_API DREY_MUST_USE
bool drey_addr_equal(const drey_addr *a, const drey_addr *b);

/** The port, or 0 if there is none. @return the port. */
DREY_API DREY_MUST_USE
uint16_t drey_addr_port(const drey_addr *addr);

/** What the descriptor is bound to, the port that the kernel chose included. @return 0 or a negative errno. */
DREY_API DREY_MUST_USE
int drey_addr_of(int fd, drey_addr *out_addr);

/** Whom the descriptor is connected to. @return 0 or a negative errno. */
DREY_API DREY_MUST_USE
int drey_addr_of_peer(int fd, drey_addr *out_addr);

/** Who is at the other end of a Unix socket: as it was when the connection was made. */
typedef struct drey_credentials {
    pid_t pid;
    uid_t uid;
    gid_t gid;
} drey_credentials;

/** Who is at the other end of a Unix socket. @return 0 or a negative errno. */
DREY_API DREY_MUST_USE
int drey_peer_credentials(int fd, drey_credentials *out_credentials);

/** Zero in any field means its default. In C++ designators follow this order. */
typedef struct drey_listen_options {
    int backlog;     /* connections that wait to be accepted; default 1024, cut to the system's net.core.somaxconn */
    bool reuse_port; /* TCP: several listeners at one address; the kernel spreads the connections */
    bool v6_only;    /* IPv6: no IPv4 by mapped addresses */
    bool delay;      /* TCP: accepted sockets delay small writes (Nagle); default is to send them at once */
    bool replace;    /* Unix: remove the file of a listener that is no more */
    mode_t mode;     /* Unix: permissions of the file, less the umask; default 0777 */
} drey_listen_options;

/**
 * Listen for connections, of TCP or Unix by the address. An address in use by connections that linger is no obstacle.
 *
 * @param at  port 0 lets the kernel choose: ask drey_addr_of
 * @return a listener, which the caller owns; the file of a Unix socket stays when it is closed.
 *         -EADDRINUSE  somebody listens there
 *         -EAFNOSUPPORT  no such family
 *         or another negative errno
 */
DREY_API DREY_MUST_USE
int drey_listen(const drey_addr *at, drey_listen_options options);

/**
 * Accept a connection. Connections that were broken off before are passed over.
 *
 * @param listener  one that is not drey's own is made non-blocking
 * @param out_peer  who connected; may be NULL
 * @return a descriptor, which the caller owns.
 *         -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM  nothing is left to make one with; the connection waits on
 *         -EINVAL  it does not listen, or was shut down
 *         or another negative errno
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_accept(int listener, drey_addr *out_peer);

/** Serves one connection. It owns fd, unless drey_serve says otherwise. */
typedef int drey_serve_fn(void *arg, int fd);

/** Zero in any field means its default. In C++ designators follow this order. */
typedef struct drey_serve_options {
    unsigned limit;           /* drey_serve: connections at once; default no limit but descriptors */
    drey_token *stop;         /* firing it ends the accepting; borrowed until the call returns; may be NULL */
    drey_duration pause;      /* between two attempts when descriptors or memory are short; default 100 ms */
    void (*report)(void *arg, int error); /* gets each such error before the pause; must not suspend; may be NULL */
    size_t stack_size;        /* drey_serve: of a connection's task, as in drey_scope_options */
    const char *name;         /* drey_serve: of the connections' scope */
} drey_serve_options;

/**
 * Accept connections and call fn for each, in this task, until told to stop. A lack of descriptors or memory does not
 * end it: it pauses, reports, and goes on. Use it to make dormant tasks of connections, or tasks of your own scope.
 *
 * @param fn   owns the descriptor; a negative result ends the accepting and is returned. While it waits, say for room
 *             under its scope's limit, nothing is accepted: connections queue up to the backlog
 * @param arg  borrowed by fn and options.report
 * @return 0: options.stop has fired.
 *         a negative result of fn's, or a negative errno of drey_accept's that is no lack
 *
 * Suspends: as above, over and over.
 * Cancel:   -ECANCELED between two connections.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_accept_each(int listener, drey_serve_fn *fn, void *arg, drey_serve_options options);

/**
 * Serve connections: as drey_accept_each, with a task for each of them, in a scope that ends with this call.
 *
 * @param fn   runs as a task; the descriptor is closed when it returns. What it returns concerns nobody else
 * @param arg  borrowed by fn and options.report
 * @return 0: options.stop has fired, and all connections have ended; give them the token as well, or a deadline.
 *         or a negative errno; all connections were cancelled and have ended
 *
 * Suspends: as above, over and over.
 * Cancel:   the connections are cancelled, too; -ECANCELED when all have ended.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_serve(int listener, drey_serve_fn *fn, void *arg, drey_serve_options options);

/** Zero in any field means its default. In C++ designators follow this order. */
typedef struct drey_connect_options {
    const drey_addr *from; /* what to bind to first; default: whatever the kernel chooses */
    bool delay;            /* TCP: delay small writes (Nagle); default is to send them at once */
} drey_connect_options;

/**
 * Connect to an address, by TCP or Unix.
 *
 * @return a descriptor, which the caller owns.
 *         -ECONNREFUSED  nobody listens there
 *         or another negative errno
 *
 * Suspends: as above; for a Unix listener whose backlog is full, until it has room.
 * Cancel:   as above; the attempt is broken off.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_connect_to(const drey_addr *to, drey_connect_options options);

/**
 * Two Unix stream sockets that are connected to each other.
 *
 * @param out_fds  both owned by the caller
 * @return 0 or a negative errno.
 */
DREY_API DREY_MUST_USE
int drey_socket_pair(int out_fds[2]);

/** What drey_shutdown ends; the values of shutdown(2). */
enum {
    DREY_SHUT_READ = 0,  /* reading ends here */
    DREY_SHUT_WRITE = 1, /* the peer reads the end, after what is under way */
    DREY_SHUT_BOTH = 2,
};

/**
 * End a connection in one direction or both. Never refused; whoever waits for that direction goes on.
 *
 * @param how  DREY_SHUT_...
 * @return 0, or a negative errno: -ENOTCONN if it is not connected (any more).
 */
DREY_API
int drey_shutdown(int fd, int how);

/**
 * Send a part of a file, without copying it through the program.
 *
 * @param fd        a socket; one that is not drey's own is made non-blocking
 * @param file      a regular file
 * @param out_done  how many bytes were sent, in any case; may be NULL
 * @return 0: all of them.
 *         -ENODATA  the file ends before
 *         or another negative errno
 *
 * Suspends: while there is no room, or the file has to be read from its disk.
 * Cancel:   -ECANCELED between two pieces; out_done bytes are on their way.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_sendfile(int fd, int file, off_t offset, size_t bytes, size_t *out_done);

/** Zero in any field means its default. In C++ designators follow this order. */
typedef struct drey_datagram_options {
    const drey_addr *to; /* whom to exchange with alone; default: with anybody */
    bool reuse_port;     /* UDP: several sockets at one address; the kernel spreads the datagrams */
    bool v6_only;        /* IPv6: no IPv4 by mapped addresses */
    bool broadcast;      /* UDP over IPv4: broadcasting is allowed */
} drey_datagram_options;

/**
 * Make a socket for datagrams, of UDP or Unix by the address.
 *
 * @param at  port 0 lets the kernel choose; NULL binds nothing, and takes the family of options.to
 * @return a descriptor, which the caller owns, or a negative errno.
 */
DREY_API DREY_MUST_USE
int drey_datagram_open(const drey_addr *at, drey_datagram_options options);

/**
 * Receive a datagram.
 *
 * @param out_from  who sent it; may be NULL
 * @return its length, which may be 0.
 *         -EMSGSIZE  it is longer than the buffer, which holds its beginning; the rest is gone
 *         -ECONNREFUSED  connected sockets: nobody received an earlier one
 *         or another negative errno
 *
 * Suspends: as above.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
ssize_t drey_recv_from(int fd, void *buffer, size_t bytes, drey_addr *out_from);

/**
 * Send a datagram, whole or not at all.
 *
 * @param to  NULL for a connected socket
 * @return 0.
 *         -EMSGSIZE  it is longer than the system sends
 *         -ECONNREFUSED  connected sockets: nobody received an earlier one
 *         or another negative errno
 *
 * Suspends: while there is no room.
 * Cancel:   as above.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_send_to(int fd, const void *data, size_t bytes, const drey_addr *to);

#ifdef __cplusplus
}
#endif
