/* SPDX-License-Identifier: MIT */
/*
 * R5 on TLS: both ends of a connection read and write at once, each of the four tasks is cut at random, a thousand
 * times in all and more, and goes on from where the calls say it was. The bytes tell their place, so one that is lost
 * or doubled shows. The keys change on the way.
 */
#include <sys/socket.h>

#include "tls/tls.h"

#include "../unit/on_both.h"
#include "../unit/tls_kit.h"

enum { CUTS = 250, PIECE = 40000, SOCKET = 8192, LONGEST_US = 100, KEYS_EVERY = 40 };

static unsigned char byte_at(uint64_t place)
{
    return (unsigned char)((place * 0x9E3779B97F4A7C15u) >> 56);
}

/* One direction of a connection, seen from one of its ends. */
struct end {
    drey_tls *tls;
    uint64_t rng, place; /* place: bytes so far */
    _Atomic int cuts;
    int wrong, pieces;
    struct end *other;
};

static uint32_t draw(struct end *e, uint32_t below)
{
    e->rng = e->rng * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(e->rng >> 33) % below;
}

struct piece {
    struct end *end;
    unsigned char *data;
    size_t bytes, done;
    int rc;
};

static DREY_ASYNC int write_piece(void *arg)
{
    struct piece *p = arg;
    p->rc = drey_stream_write_all(drey_tls_stream(p->end->tls), p->data, p->bytes, &p->done);
    return p->rc;
}

static DREY_ASYNC int read_piece(void *arg)
{
    struct piece *p = arg;
    p->rc = drey_stream_read_exact(drey_tls_stream(p->end->tls), p->data, p->bytes, &p->done);
    return p->rc;
}

static DREY_ASYNC int nap(void *arg)
{
    return drey_sleep(*(drey_duration *)arg);
}

/* Run fn, and cut it: by a deadline, or by another task that cancels the scope. */
static DREY_ASYNC void cut(struct end *e, drey_fn *fn, struct piece *p)
{
    drey_duration time = DREY_US(draw(e, LONGEST_US));
    const drey_call calls[] = {{fn, p}, {nap, &time}};
    int results[2];
    int rc = draw(e, 2) == 0 ? drey_timeout(time, fn, p) : drey_race(calls, 2, results);
    if (rc < 0 && p->rc == 0)
        e->wrong++;
}

/* The message goes now, and not with the next write: there may be none, and an end is not declared before it. */
static int new_keys(void *arg)
{
    drey_tls *c = arg;
    if (SSL_version(c->ssl) == TLS1_3_VERSION && SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
        SSL_do_handshake(c->ssl);
    return 0;
}

static DREY_ASYNC int write_stream(void *arg)
{
    struct end *e = arg;
    unsigned char *data = malloc(PIECE);
    int rc = 0;
    while (rc == 0 && (rc = drey_check()) == 0 && (e->cuts < CUTS || e->other->cuts < CUTS)) {
        struct piece p = {.end = e, .data = data, .bytes = 1 + draw(e, PIECE), .rc = -ECANCELED};
        for (size_t i = 0; i < p.bytes; i++)
            data[i] = byte_at(e->place + i);
        if (++e->pieces % KEYS_EVERY == 0)
            rc = drey__tls_step(e->tls, new_keys, e->tls);
        cut(e, write_piece, &p);
        e->place += p.done;
        if (p.rc == -ECANCELED)
            e->cuts++;
        else if (p.rc < 0)
            rc = p.rc;
    }
    free(data);
    return rc < 0 ? rc : drey_stream_shutdown(drey_tls_stream(e->tls));
}

static DREY_ASYNC int read_stream(void *arg)
{
    struct end *e = arg;
    unsigned char *data = malloc(PIECE);
    int rc = 0;
    while (rc == 0 && (rc = drey_check()) == 0) {
        struct piece p = {.end = e, .data = data, .bytes = 1 + draw(e, PIECE), .rc = -ECANCELED};
        cut(e, read_piece, &p);
        for (size_t i = 0; i < p.done; i++)
            e->wrong += data[i] != byte_at(e->place + i);
        e->place += p.done;
        if (p.rc == -ECANCELED)
            e->cuts++;
        else
            rc = p.rc;
    }
    free(data);
    return rc == -ENODATA ? 0 : rc;
}

static DREY_ASYNC int cut_connection(int version)
{
    struct world w;
    struct ends ends;
    DREY_CHECK_EQ(world_open_with(&w, (drey_tls_client_options){.max_version = version}, (drey_tls_server_options){0}),
                  0);
    DREY_CHECK_EQ(ends_open(&ends, &w), 0);
    for (int i = 0; i < 2; i++) /* small ones, so that a write has to wait */
        DREY_CHECK_EQ(setsockopt(ends.fds[i], SOL_SOCKET, SO_SNDBUF, &(int){SOCKET}, sizeof(int)), 0);
    struct end in[] = {{.tls = ends.client, .rng = 1}, {.tls = ends.server, .rng = 2}};
    struct end out[] = {{.tls = ends.client, .rng = 3, .other = &in[1]},
                        {.tls = ends.server, .rng = 4, .other = &in[0]}};
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK_EQ(drey_go(&scope, write_stream, &out[i]), 0);
        DREY_CHECK_EQ(drey_go(&scope, read_stream, &in[i]), 0);
    }
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_STR(drey_tls_failure(ends.client), "");
    DREY_CHECK_STR(drey_tls_failure(ends.server), "");
    DREY_CHECK_EQ(rc, 0);
    for (int i = 0; i < 2; i++) {
        DREY_CHECK_EQ(in[i].wrong + out[i].wrong, 0);
        DREY_CHECK_EQ(in[i].place, out[1 - i].place);
        DREY_CHECK(in[i].cuts >= CUTS && out[i].cuts >= CUTS);
    }
    ends_close(&ends);
    world_close(&w);
    return 0;
}

TEST_ON_BOTH(r5_tls_1_3, .real_clock = true, .timeout_seconds = 60)
{
    return cut_connection(DREY_TLS_1_3);
}

TEST_ON_BOTH(r5_tls_1_2, .real_clock = true, .timeout_seconds = 60)
{
    return cut_connection(DREY_TLS_1_2);
}

TEST_ON_BOTH(r5_tls_1_3_on_several_workers, .real_clock = true, .workers = 3, .timeout_seconds = 60)
{
    return cut_connection(DREY_TLS_1_3);
}

DREY_TEST_MAIN()
