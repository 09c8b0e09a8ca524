/* SPDX-License-Identifier: MIT */
/* Peers that go away, are slow, silent or hostile; versions; streams. */
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport_kit.h"

DREY_TEST(a_client_that_goes_away_ends_its_calls)
{
    owner o;
    way w = way_to("s");
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    int fd = say_hello(&w);
    DREY_CHECK(fd >= 0);
    for (int i = 0; i < 70; i++) /* more than are taken at once */
        DREY_CHECK_EQ(send_call(fd, (uint64_t)i, "wait"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.running), 64);
    drey_close(fd);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.running), 0);
    DREY_CHECK_EQ(atomic_load(&o.cancelled), 64);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 0);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    return drey_scope_close(&scope, 0);
}

/* Slow, silent and hostile peers are dropped, and nobody else is kept waiting. */
DREY_TEST(peers_that_do_not_keep_to_the_protocol_are_dropped)
{
    static const char garbage[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const char begun[] = "\x40\0\0\0\x01";
    static const char early[] = "\x0b\0\0\0\x04\0\0\0\0\0\0\0\0{}";
    static const char huge[] = "\xff\xff\xff\x7f\x01\0\0\0\0\0\0\0\0";
    static const struct { const char *bytes; size_t count; bool at_once; } peers[] = {
        {garbage, sizeof garbage - 1, true}, {early, sizeof early - 1, true}, {huge, sizeof huge - 1, true},
        {begun, sizeof begun - 1, false}, {begun, 0, false},
    };
    enum { PEERS = sizeof peers / sizeof *peers };
    owner o;
    way w = way_to("s");
    int fds[PEERS];
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.patience = DREY_SEC(5)}), 0);
    for (int i = 0; i < PEERS; i++) {
        fds[i] = raw(&w, peers[i].bytes, peers[i].count);
        DREY_CHECK(fds[i] >= 0);
    }
    int slow = say_hello(&w); /* a good hello, and then half a call */
    DREY_CHECK(slow >= 0);
    DREY_CHECK_EQ(drey_write_all(slow, "\x20\0\0\0\x04\0\0", 7, NULL), 0);
    int quiet = say_hello(&w); /* nothing wrong with that */
    DREY_CHECK(quiet >= 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 4);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 1);
    DREY_CHECK_EQ(atomic_load(&o.calls), 0);
    for (int i = 0; i < PEERS; i++)
        drey_close(fds[i]);
    drey_close(slow);
    drey_close(quiet);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    return drey_scope_close(&scope, 0);
}

/* A client that reads nothing gets as much as waits for it, and then is dropped; another is served meanwhile. */
DREY_TEST(a_client_that_reads_nothing_is_dropped)
{
    owner o;
    way w = way_to("s");
    sq_client client;
    char got[64];
    sq_error error;
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.patience = DREY_SEC(5)}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    int deaf = say_hello(&w);
    DREY_CHECK(deaf >= 0);
    for (int i = 0; i < 60; i++)
        DREY_CHECK_EQ(send_call(deaf, (uint64_t)i, "big 1000000"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    DREY_CHECK_EQ(ask(&client, "echo hello", NULL, got, sizeof got, &error), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 2);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 1);
    DREY_CHECK_EQ(atomic_load(&o.running), 0);
    drey_close(deaf);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(answers_of_many_megabytes_come_whole)
{
    owner o;
    way w = way_to("s");
    sq_client client;
    sq_error error;
    sq_text answer = {0};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    DREY_CHECK_EQ(sq_client_call(&client, &(sq_message){"big 10000000", 12, NULL}, &answer, &error), 0);
    DREY_CHECK_EQ(answer.bytes, 10000000);
    sq_text_free(&answer);
    DREY_CHECK_EQ(sq_client_call(&client, &(sq_message){"big 17000000", 12, NULL}, &answer, &error), 0);
    DREY_CHECK_STR(answer.data, "failed otherwise");   /* what is longer than a frame is refused by who made it */
    sq_text_free(&answer);
    DREY_CHECK_EQ(w.attempts, 1);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* S37, and the limit of connections: turned away with a reason. */
DREY_TEST(who_is_turned_away_is_told_why)
{
    owner foreign, full;
    way other = way_to("f"), busy = way_to("b");
    int fd;
    sq_error error = {0};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&foreign, &scope, other.path, (sq_server_options){.uid = getuid() + 1}), 0);
    DREY_CHECK_EQ(connect_way(&other, &fd, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_FORBIDDEN);
    DREY_CHECK_EQ(owner_start(&full, &scope, busy.path, (sq_server_options){.connections = 1}), 0);
    DREY_CHECK_EQ(connect_way(&busy, &fd, &error), 0);
    int second;
    DREY_CHECK_EQ(connect_way(&busy, &second, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_BUSY);
    drey_close(fd);
    DREY_CHECK_EQ(owner_end(&foreign, false), 0);
    DREY_CHECK_EQ(owner_end(&full, false), 0);
    return drey_scope_close(&scope, 0);
}

/* S25 */
DREY_TEST(a_client_of_a_protocol_that_is_gone_is_refused)
{
    owner o;
    way w = way_to("s");
    sq_hello own, theirs;
    sq_error error = {0};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.schema = 3}), 0);
    int fd = raw(&w, NULL, 0);
    sq_hello_own(&own, 0);
    own.protocol = SQ_PROTOCOL_OLDEST - 1;
    DREY_CHECK_EQ(sq_client_greet(fd, &own, &theirs, &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_VERSION_SKEW);
    drey_close(fd);
    fd = raw(&w, NULL, 0);
    own.protocol = SQ_PROTOCOL + 1; /* a newer client is told what there is, and decides itself */
    DREY_CHECK_EQ(sq_client_greet(fd, &own, &theirs, &error), 0);
    DREY_CHECK_EQ(theirs.protocol, SQ_PROTOCOL);
    DREY_CHECK_EQ(theirs.schema, 3);
    DREY_CHECK_EQ(theirs.clients, 1);
    DREY_CHECK_EQ(sq_client_leave(fd, "/bin/newer"), 1);
    DREY_CHECK_EQ(sq_client_leave(fd, NULL), 1);
    DREY_CHECK_EQ(sq_client_leave(fd, NULL), 0); /* the owner may refuse */
    drey_close(fd);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    return drey_scope_close(&scope, 0);
}

/* A socket that accepts and says nothing more: the client starts to look anew, having sent nothing but its hello. */
DREY_TEST(an_end_before_the_hello_is_answered_is_no_error)
{
    way w = way_to("s");
    sq_hello own, theirs;
    sq_error error = {0};
    int listener = listen_at(w.path);
    DREY_CHECK(listener >= 0);
    int fd = raw(&w, NULL, 0);
    DREY_CHECK(fd >= 0);
    drey_close(listener);
    sq_hello_own(&own, 0);
    DREY_CHECK_EQ(sq_client_greet(fd, &own, &theirs, &error), -ECONNRESET);
    drey_close(fd);
    return 0;
}

DREY_TEST(a_stream_gives_its_items_and_then_the_answer)
{
    owner o;
    way w = way_to("s");
    sq_stream stream;
    sq_error error;
    sq_frame item;
    int rc, count = 0;
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_stream_open(&stream, (sq_connector){connect_way, &w}, "count 100000", 12, &error), 0);
    while ((rc = sq_stream_next(&stream, &item)) == 1)
        DREY_CHECK_EQ(atoi(item.payload), count++);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(count, 100000);
    sq_stream_close(&stream);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    return drey_scope_close(&scope, 0);
}

/* Who drains does not wait for a watch, which never ends by itself. */
DREY_TEST(draining_ends_streams)
{
    owner o;
    way w = way_to("s");
    sq_stream stream;
    sq_error error;
    sq_frame item;
    int rc;
    DREY_SCOPE(scope, .timeout = DREY_SEC(100), .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_stream_open(&stream, (sq_connector){connect_way, &w}, "watch", 5, &error), 0);
    DREY_CHECK_EQ(sq_stream_next(&stream, &item), 1);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    while ((rc = sq_stream_next(&stream, &item)) == 1)
        continue;
    DREY_CHECK_EQ(rc, 0); /* answered: cancelled */
    DREY_CHECK_EQ(sq_stream_next(&stream, &item), -ECONNRESET);
    sq_stream_close(&stream);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
