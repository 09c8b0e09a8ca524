/* SPDX-License-Identifier: MIT */
/* A name server on loopback that answers as a test tells it to, by UDP and TCP, as tasks of the test's scope. */
#pragma once

#include <arpa/inet.h>
#include <drey.h>
#include <drey/resolve.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { DNS_A = 1, DNS_AAAA = 28 };
enum { DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };
enum { DNS_HEAD = 12, DNS_UDP_BYTES = 1232, DNS_BYTES = 65535 };

/* What is said to one question; to one that is in no reply: NXDOMAIN. */
struct dns_reply {
    const char *name;
    int type;
    const char *addrs[5];
    int more; /* further addresses of IPv4: 127.1.0.0, 127.1.0.1, ... */
    int rcode;
    drey_duration after; /* before it is said */
    bool silent;         /* it never is */
    bool forged;         /* first come answers to other questions, with an address of their own */
    bool nonsense;       /* a record that says it is longer than it is */
    bool hangs_up;       /* by TCP: closed without a word */
    _Atomic int asked;   /* how often */
    _Atomic int asked_by_tcp;
};

/* The head of a reply: {TO("host.test", DNS_A), .addrs = {"127.0.0.1"}}. Without addresses: there are none. */
#define TO(question_name, question_type) .name = (question_name), .type = (question_type)

struct dns {
    int udp, tcp;
    char where[DREY_ADDR_TEXT]; /* for .servers */
    struct dns_reply *replies;
    size_t count;
};

/* The name in a message, in dots, and where it ends; 0 if it does not. */
static inline size_t dns_name(const unsigned char *message, size_t bytes, char *out, size_t room)
{
    size_t at = DNS_HEAD, used = 0;
    while (at < bytes && message[at] != 0) {
        size_t label = message[at++];
        if (at + label > bytes || used + label + 2 > room)
            return 0;
        memcpy(out + used, message + at, label);
        used += label;
        out[used++] = '.';
        at += label;
    }
    out[used > 0 ? used - 1 : 0] = '\0';
    return at + 1 + 4 <= bytes ? at + 1 : 0;
}

static inline size_t dns_put(unsigned char *to, unsigned value)
{
    to[0] = (unsigned char)(value >> 8);
    to[1] = (unsigned char)value;
    return 2;
}

static inline size_t dns_put_address(unsigned char *to, int type, const char *text)
{
    static const unsigned char head[] = {0xC0, DNS_HEAD, 0, 0, 0, 1, 0, 0, 0, 60};
    size_t bytes = type == DNS_A ? 4 : 16;
    memcpy(to, head, sizeof head);
    dns_put(to + 2, (unsigned)type);
    dns_put(to + sizeof head, (unsigned)bytes);
    if (inet_pton(type == DNS_A ? AF_INET : AF_INET6, text, to + sizeof head + 2) != 1)
        abort();
    return sizeof head + 2 + bytes;
}

/* Make the answer in the question's place; its length. `end`: of the question. */
static inline size_t dns_answer(unsigned char *message, size_t end, const struct dns_reply *r, bool tcp)
{
    unsigned count = 0;
    size_t at = end;
    char text[32];
    for (int i = 0; r != NULL && i < 5 && r->addrs[i] != NULL; i++, count++)
        at += dns_put_address(message + at, r->type, r->addrs[i]);
    for (int i = 0; r != NULL && i < r->more; i++, count++) {
        snprintf(text, sizeof text, "127.1.%d.%d", i / 256, i % 256);
        at += dns_put_address(message + at, DNS_A, text);
    }
    if (r != NULL && r->nonsense)
        dns_put(message + at - 6, 400);
    bool truncated = !tcp && at > DNS_UDP_BYTES;
    dns_put(message + 2, 0x8180u | (truncated ? 0x0200u : 0) | (unsigned)(r != NULL ? r->rcode : DNS_NXDOMAIN));
    dns_put(message + 4, 1);
    dns_put(message + 6, truncated ? 0 : count);
    dns_put(message + 8, 0);
    dns_put(message + 10, 0);
    return truncated ? end : at;
}

static inline struct dns_reply *dns_find(const struct dns *d, const unsigned char *message, size_t bytes,
                                         size_t *out_end)
{
    char name[256];
    size_t end = bytes > DNS_HEAD ? dns_name(message, bytes, name, sizeof name) : 0;
    *out_end = end > 0 ? end + 4 : 0;
    for (size_t i = 0; end > 0 && i < d->count; i++)
        if (strcasecmp(d->replies[i].name, name) == 0 && d->replies[i].type == (message[end] << 8 | message[end + 1]))
            return &d->replies[i];
    return NULL;
}

/* Wait as the reply says: false if nothing is to be said. */
static inline DREY_ASYNC bool dns_ponder(struct dns_reply *r, bool tcp)
{
    if (r == NULL)
        return true;
    atomic_fetch_add(&r->asked, 1);
    if (tcp)
        atomic_fetch_add(&r->asked_by_tcp, 1);
    return !r->silent && !(tcp && r->hangs_up) && (r->after == 0 || drey_sleep(r->after) == 0);
}

struct dns_datagram {
    const struct dns *dns;
    drey_addr from;
    size_t bytes;
    unsigned char message[DNS_BYTES];
};

/* What somebody who does not see the question would guess: another number, and another name. */
static inline DREY_ASYNC int dns_forge(const struct dns_datagram *q, size_t end)
{
    static const struct dns_reply forged = {TO("", DNS_A), .addrs = {"192.0.2.66"}};
    struct dns_datagram *f = malloc(sizeof *f);
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++) {
        memcpy(f, q, sizeof *f);
        f->message[i == 0 ? 1 : DNS_HEAD + 1] ^= 1;
        rc = drey_send_to(q->dns->udp, f->message, dns_answer(f->message, end, &forged, false), &q->from);
    }
    free(f);
    return rc;
}

static inline DREY_ASYNC int dns_answer_one(void *arg)
{
    struct dns_datagram *q = arg;
    size_t end;
    struct dns_reply *r = dns_find(q->dns, q->message, q->bytes, &end);
    int rc = 0;
    if (r != NULL && r->forged)
        rc = dns_forge(q, end);
    if (rc == 0 && end > 0 && dns_ponder(r, false))
        rc = drey_send_to(q->dns->udp, q->message, dns_answer(q->message, end, r, false), &q->from);
    free(q);
    return rc < 0 ? 0 : rc; /* whoever asked may have gone */
}

static inline DREY_ASYNC int dns_serve_udp(void *arg)
{
    const struct dns *d = arg;
    DREY_SCOPE(scope, .name = "questions");
    int rc = 0;
    while (rc == 0) {
        struct dns_datagram *q = malloc(sizeof *q);
        q->dns = d;
        ssize_t n = drey_recv_from(d->udp, q->message, sizeof q->message, &q->from);
        q->bytes = n > 0 ? (size_t)n : 0;
        rc = n < 0 ? (int)n : drey_go(&scope, dns_answer_one, q);
        if (rc < 0)
            free(q);
    }
    return drey_scope_close(&scope, rc);
}

static inline DREY_ASYNC int dns_talk(void *arg, int fd)
{
    const struct dns *d = arg;
    unsigned char *message = malloc(DNS_BYTES + 2);
    int rc = drey_read_exact(fd, message, 2, NULL);
    size_t bytes = rc == 0 ? (size_t)(message[0] << 8 | message[1]) : 0, end;
    if (rc == 0)
        rc = drey_read_exact(fd, message + 2, bytes, NULL);
    struct dns_reply *r = rc == 0 ? dns_find(d, message + 2, bytes, &end) : NULL;
    if (rc == 0 && dns_ponder(r, true)) {
        bytes = dns_answer(message + 2, end, r, true);
        dns_put(message, (unsigned)bytes);
        rc = drey_write_all(fd, message, bytes + 2, NULL);
    }
    free(message);
    return rc;
}

static inline DREY_ASYNC int dns_serve_tcp(void *arg)
{
    struct dns *d = arg;
    return drey_serve(d->tcp, dns_talk, d, (drey_serve_options){0});
}

/* One port for TCP and for UDP. */
static inline DREY_ASYNC int dns_bind(struct dns *d, const char *where)
{
    drey_addr at;
    int rc = drey_addr_parse(where, &at);
    d->tcp = rc < 0 ? rc : drey_listen(&at, (drey_listen_options){0});
    rc = d->tcp < 0 ? d->tcp : drey_addr_of(d->tcp, &at);
    d->udp = rc < 0 ? rc : drey_datagram_open(&at, (drey_datagram_options){0});
    if (d->tcp >= 0 && d->udp < 0) {
        drey_close(d->tcp);
        d->tcp = -1;
    }
    drey_addr_format(&at, d->where);
    return d->udp < 0 ? d->udp : 0;
}

/* Begin to serve at an address, in a scope; end with dns_close. */
static inline DREY_ASYNC int dns_open_at(struct dns *d, const char *where, drey_scope *scope, struct dns_reply *replies,
                                         size_t count)
{
    *d = (struct dns){.udp = -1, .tcp = -1, .replies = replies, .count = count};
    int rc = dns_bind(d, where);
    for (int tries = 1; rc == -EADDRINUSE && tries < 20; tries++) /* a port that is free for one only */
        rc = dns_bind(d, where);
    if (rc == 0)
        rc = drey_go_daemon(scope, dns_serve_udp, d);
    return rc < 0 ? rc : drey_go_daemon(scope, dns_serve_tcp, d);
}

static inline DREY_ASYNC int dns_open(struct dns *d, drey_scope *scope, struct dns_reply *replies, size_t count)
{
    return dns_open_at(d, "127.0.0.1:0", scope, replies, count);
}

static inline DREY_ASYNC int dns_close(struct dns *d, drey_scope *scope, int rc)
{
    rc = drey_scope_close(scope, rc);
    if (d->udp >= 0)
        drey_close(d->udp);
    if (d->tcp >= 0)
        drey_close(d->tcp);
    return rc;
}

static inline drey_resolve_options ask_it(const struct dns *d)
{
    return (drey_resolve_options){.servers = d->where};
}

enum { DNS_ROOM = 8 };

/* The addresses in one line. */
static inline const char *dns_written(const drey_addr *addrs, int count, char *out, size_t room)
{
    char text[DREY_ADDR_TEXT];
    out[0] = '\0';
    for (int i = 0; i < count && i < DNS_ROOM; i++) {
        size_t used = strlen(out);
        snprintf(out + used, room - used, "%s%s", i > 0 ? " " : "", drey_addr_format(&addrs[i], text));
    }
    return out;
}

static inline DREY_ASYNC int dns_expect(const char *host, const char *service, drey_resolve_options options,
                                        const char *wanted)
{
    drey_addr addrs[DNS_ROOM];
    char line[600];
    int count = drey_resolve(host, service, addrs, DNS_ROOM, options);
    DREY_CHECK_STR(count < 0 ? drey_resolve_text(count) : dns_written(addrs, count, line, sizeof line), wanted);
    return 0;
}

/* Look a name up at a server with these replies. */
static inline DREY_ASYNC int dns_expect_of(struct dns_reply *replies, size_t count, const char *wanted)
{
    struct dns dns;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(dns_open(&dns, &scope, replies, count), 0);
    int rc = dns_expect("host.test", "80", ask_it(&dns), wanted);
    return dns_close(&dns, &scope, rc);
}
