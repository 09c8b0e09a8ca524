/* SPDX-License-Identifier: MIT */
/* What tests of sockets share. */
#pragma once

#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A connection within this machine. */
struct pair {
    int listener, client, server;
    drey_addr at, peer;
};

static inline DREY_ASYNC int pair_open(struct pair *p, const char *at)
{
    DREY_CHECK_EQ(drey_addr_parse(at, &p->at), 0);
    p->listener = drey_listen(&p->at, (drey_listen_options){0});
    DREY_CHECK(p->listener >= 0);
    DREY_CHECK_EQ(drey_addr_of(p->listener, &p->at), 0);
    p->client = drey_connect_to(&p->at, (drey_connect_options){0});
    DREY_CHECK(p->client >= 0);
    p->server = drey_accept(p->listener, &p->peer);
    DREY_CHECK(p->server >= 0);
    return 0;
}

static inline DREY_ASYNC void pair_close(const struct pair *p)
{
    drey_close(p->client);
    drey_close(p->server);
    drey_close(p->listener);
}

/* A client and a server that exchange a word over a listener at `at`. */
static inline DREY_ASYNC int exchange(const char *at)
{
    char got[8] = "";
    struct pair p;
    DREY_CHECK_EQ(pair_open(&p, at), 0);
    DREY_CHECK_EQ(drey_write(p.client, "hello", 5), 5);
    DREY_CHECK_EQ(drey_read(p.server, got, sizeof got), 5);
    DREY_CHECK_STR(got, "hello");
    DREY_CHECK_EQ(drey_write(p.server, "there", 5), 5);
    DREY_CHECK_EQ(drey_read_exact(p.client, got, 5, NULL), 0);
    DREY_CHECK_STR(got, "there");
    pair_close(&p);
    return 0;
}

struct accepting {
    int listener, fd;
};

static inline DREY_ASYNC int accept_one(void *arg)
{
    struct accepting *a = arg;
    a->fd = drey_accept(a->listener, NULL);
    return a->fd < 0 ? a->fd : 0;
}

enum { BIG = 3 << 20 }; /* more than any buffer holds */

static inline unsigned char pattern(size_t i)
{
    return (unsigned char)(i * 7 + i / 251);
}

struct transfer {
    int fd, rc;
    size_t bytes, done;
};

/* As write_all and read_exact, with bytes that tell their place. */
static inline DREY_ASYNC int send_pattern(void *arg)
{
    struct transfer *t = arg;
    unsigned char *data = malloc(t->bytes);
    for (size_t i = 0; i < t->bytes; i++)
        data[i] = pattern(i);
    t->rc = drey_write_all(t->fd, data, t->bytes, &t->done);
    free(data);
    return 0;
}

static inline DREY_ASYNC int receive_pattern(void *arg)
{
    struct transfer *t = arg;
    unsigned char *data = malloc(t->bytes);
    t->rc = drey_read_exact(t->fd, data, t->bytes, &t->done);
    for (size_t i = 0; i < t->done && t->rc != -EILSEQ; i++)
        if (data[i] != pattern(i))
            t->rc = -EILSEQ;
    free(data);
    return 0;
}
