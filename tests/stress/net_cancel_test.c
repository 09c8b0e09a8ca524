/* SPDX-License-Identifier: MIT */
/*
 * R5 on sockets: both ends of a stream are cut at random, a thousand times and more, and go on from where the calls say
 * they were. The bytes tell their place, so one that is lost or doubled shows. Where a build is slow the thousand is
 * shared by these tests.
 */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sanitized.h"
#include "../unit/net_kit.h"
#include "../unit/on_both.h"

enum { CUTS = SLOW ? 240 : 1000, FEWER = SLOW ? 96 : 240, PIECE = 8192, SPAN = 1 << 18, LONGEST_US = 60, MOST = 6 };

/* They repeat after SPAN bytes, so that a file can hold them. */
static unsigned char byte_at(uint64_t place)
{
    return (unsigned char)((place % SPAN * 0x9E3779B97F4A7C15u) >> 56);
}

enum way {
    PLAIN,
    PARTS, /* written from three places */
    FILED, /* sent from a file */
};

struct end {
    int fd;
    uint64_t rng, place; /* place: bytes so far */
    _Atomic int cuts;
    int wrong, wanted; /* wanted: cuts, before it is enough */
    enum way way;
    int file; /* FILED: SPAN + PIECE bytes, as byte_at says */
    struct end *other;
    drey_reader *reader; /* read through it, if there is one */
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
    size_t third = p->bytes / 3;
    struct iovec parts[] = {{p->data, third}, {p->data + third, third}, {p->data + 2 * third, p->bytes - 2 * third}};
    switch (p->end->way) {
    case PLAIN:
        p->rc = drey_write_all(p->end->fd, p->data, p->bytes, &p->done);
        break;
    case PARTS:
        p->rc = drey_writev_all(p->end->fd, parts, 3, &p->done);
        break;
    case FILED:
        p->rc = drey_sendfile(p->end->fd, p->end->file, (off_t)(p->end->place % SPAN), p->bytes, &p->done);
        break;
    }
    return p->rc;
}

static DREY_ASYNC int read_piece(void *arg)
{
    struct piece *p = arg;
    if (p->end->reader != NULL)
        p->rc = drey_reader_read_exact(p->end->reader, p->data, p->bytes, &p->done);
    else
        p->rc = drey_read_exact(p->end->fd, p->data, p->bytes, &p->done);
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

static DREY_ASYNC int write_stream(void *arg)
{
    struct end *e = arg;
    unsigned char data[PIECE];
    while (e->cuts < e->wanted || e->other->cuts < e->wanted) {
        struct piece p = {.end = e, .data = data, .bytes = 1 + draw(e, PIECE), .rc = -ECANCELED};
        for (size_t i = 0; i < p.bytes; i++)
            data[i] = byte_at(e->place + i);
        cut(e, write_piece, &p);
        e->place += p.done;
        if (p.rc == -ECANCELED)
            e->cuts++;
        else if (p.rc < 0)
            return p.rc;
    }
    return drey_shutdown(e->fd, DREY_SHUT_WRITE);
}

static DREY_ASYNC int read_stream(void *arg)
{
    struct end *e = arg;
    unsigned char data[PIECE];
    for (;;) {
        struct piece p = {.end = e, .data = data, .bytes = 1 + draw(e, PIECE), .rc = -ECANCELED};
        cut(e, read_piece, &p);
        for (size_t i = 0; i < p.done; i++)
            e->wrong += data[i] != byte_at(e->place + i);
        e->place += p.done;
        if (p.rc == -ECANCELED)
            e->cuts++;
        else if (p.rc == -ENODATA)
            return 0;
        else if (p.rc < 0)
            return p.rc;
    }
}

static DREY_ASYNC int make_file(void)
{
    char path[512];
    unsigned char *data = malloc(SPAN + PIECE);
    for (size_t i = 0; i < SPAN + PIECE; i++)
        data[i] = byte_at(i);
    snprintf(path, sizeof path, "%s/file", drey_test_dir());
    int rc = drey_file_store(path, data, SPAN + PIECE, 0600);
    free(data);
    return rc < 0 ? rc : drey_file_open(path, O_RDONLY, 0);
}

struct stream {
    struct pair pair;
    drey_reader reader;
    struct end in, out;
};

static DREY_ASYNC int open_stream(struct stream *s, const char *at, enum way way, bool buffered, int wanted)
{
    static uint64_t seed;
    DREY_CHECK_EQ(pair_open(&s->pair, at), 0);
    drey_reader_init(&s->reader, drey_stream_of(s->pair.server), 0);
    s->in = (struct end){.fd = s->pair.server, .rng = ++seed, .reader = buffered ? &s->reader : NULL};
    s->out =
        (struct end){.fd = s->pair.client, .rng = ++seed, .other = &s->in, .way = way, .wanted = wanted, .file = -1};
    if (way == FILED) {
        s->out.file = make_file();
        DREY_CHECK(s->out.file >= 0);
    }
    return 0;
}

static DREY_ASYNC int end_stream(struct stream *s)
{
    drey_reader_deinit(&s->reader);
    pair_close(&s->pair);
    if (s->out.file >= 0)
        drey_close(s->out.file);
    DREY_CHECK_EQ(s->in.wrong, 0);
    DREY_CHECK_EQ(s->in.place, s->out.place);
    DREY_CHECK(s->in.cuts >= s->out.wanted && s->out.cuts >= s->out.wanted);
    return 0;
}

/* So many streams at a time, which share the cuts. */
static DREY_ASYNC int cut_streams(const char *at, enum way way, bool buffered, int count, int cuts)
{
    struct stream s[MOST];
    for (int i = 0; i < count; i++)
        DREY_CHECK_EQ(open_stream(&s[i], at, way, buffered, cuts / count), 0);
    DREY_SCOPE(scope, .spread = true);
    for (int i = 0; i < count; i++) {
        DREY_CHECK_EQ(drey_go(&scope, write_stream, &s[i].out), 0);
        DREY_CHECK_EQ(drey_go(&scope, read_stream, &s[i].in), 0);
    }
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < count; i++)
        DREY_CHECK_EQ(end_stream(&s[i]), 0);
    return 0;
}

TEST_ON_BOTH(r5_tcp, .real_clock = true, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PLAIN, false, 1, CUTS);
}

TEST_ON_BOTH(r5_tcp_on_several_workers, .real_clock = true, .workers = 3, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PLAIN, false, 1, CUTS);
}

TEST_ON_BOTH(r5_buffered, .real_clock = true, .workers = 2, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PLAIN, true, 1, CUTS);
}

TEST_ON_BOTH(r5_unix, .real_clock = true, .workers = 2, .timeout_seconds = 60)
{
    char at[DREY_ADDR_TEXT] = "unix:";
    strncat(at, drey_test_dir(), sizeof at - 20);
    strcat(at, "/socket");
    return cut_streams(at, PLAIN, false, 1, CUTS);
}

TEST_ON_BOTH(r5_several_parts, .real_clock = true, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PARTS, true, 1, FEWER);
}

TEST_ON_BOTH(r5_a_file, .real_clock = true, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", FILED, false, 1, FEWER);
}

/* C3 of io/calls.h: among others, calls are put off. */
TEST_ON_BOTH(r5_several_streams, .real_clock = true, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PARTS, false, MOST, CUTS);
}

TEST_ON_BOTH(r5_several_streams_on_several_workers, .real_clock = true, .workers = 2, .timeout_seconds = 60)
{
    return cut_streams("127.0.0.1:0", PLAIN, true, MOST, FEWER);
}

DREY_TEST_MAIN()
