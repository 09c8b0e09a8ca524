/* SPDX-License-Identifier: MIT */
/* What an owner's side is bounded by: memory, places, streams, and the patience with who does not read. */
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/pending.h"
#include "transport_kit.h"

/* Requests wait for memory, and get it when earlier ones are done. */
DREY_TEST(memory_for_requests_is_bounded)
{
    enum { TASKS = 40, BYTES = 2 << 20 };
    owner o;
    way w = way_to("s");
    sq_client client;
    static asking all[TASKS];
    char *request = malloc(BYTES + 1);
    DREY_CHECK(request != NULL);
    memset(request, 'y', BYTES);
    memcpy(request, "slow ", 5);
    request[BYTES] = '\0';
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.memory_mib = 17}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        for (int i = 0; i < TASKS; i++) {
            all[i] = (asking){.client = &client, .request = request};
            DREY_CHECK_EQ(drey_go(&tasks, ask_task, &all[i]), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK(atomic_load(&o.most_running) <= 8);
    DREY_CHECK_EQ(atomic_load(&o.calls), TASKS);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    free(request);
    return drey_scope_close(&scope, 0);
}

/* Is all memory for requests free again? */
static DREY_ASYNC bool all_free(owner *o, uint32_t mib)
{
    bool all = drey_sem_try_acquire(&o->server.requests, mib * 1024) == 0;
    if (all)
        drey_sem_release(&o->server.requests, mib * 1024);
    return all;
}

/* A frame in two parts: memory is set aside for the second. */
static DREY_ASYNC int send_in_parts(int fd, sq_frame_type type, const char *payload, size_t bytes)
{
    sq_text frame = {0};
    sq_frame_add(&frame, type, 1, payload, bytes);
    DREY_CHECK_EQ(drey_write_all(fd, frame.data, 100, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    DREY_CHECK_EQ(drey_write_all(fd, frame.data + 100, frame.bytes - 100, NULL), 0);
    sq_text_free(&frame);
    return 0;
}

DREY_TEST(only_calls_keep_memory)
{
    enum { BYTES = 1 << 20 };
    owner o;
    way w = way_to("s");
    char *request = calloc(1, BYTES + 1);
    DREY_CHECK(request != NULL);
    memset(request, 'y', BYTES);
    memcpy(request, "slow ", 5);
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.memory_mib = 17}), 0);
    int fd = say_hello(&w);
    DREY_CHECK_EQ(send_in_parts(fd, SQ_FRAME_CANCEL, request, BYTES), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    DREY_CHECK(all_free(&o, 17));
    DREY_CHECK_EQ(send_in_parts(fd, SQ_FRAME_CANCEL, request, 200), 0);
    DREY_CHECK_EQ(send_call(fd, 2, request), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(2)), 0);
    DREY_CHECK_EQ(atomic_load(&o.calls), 1);
    DREY_CHECK(all_free(&o, 17));
    drey_close(fd);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    free(request);
    return drey_scope_close(&scope, 0);
}

/* Two have the memory and wait for the only place; a third must not take that place and wait for memory. */
DREY_TEST(memory_and_places_do_not_wait_for_each_other)
{
    static const size_t bytes[] = {16 << 20, 1022 << 10}; /* 17 MiB, rounded up as permits are */
    owner o;
    way w = way_to("s");
    char *request = calloc(1, bytes[0] + 1);
    sq_text frames[2] = {{0}, {0}};
    int fds[3];
    DREY_CHECK(request != NULL);
    memcpy(request, "slow", 4);
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.memory_mib = 17, .calls = 1}), 0);
    for (int i = 0; i < 3; i++)
        fds[i] = say_hello(&w);
    for (int i = 0; i < 2; i++) {
        sq_frame_add(&frames[i], SQ_FRAME_CALL, 1, request, bytes[i]);
        DREY_CHECK_EQ(drey_write_all(fds[i], frames[i].data, 100, NULL), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    }
    DREY_CHECK_EQ(send_call(fds[2], 1, "slow"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(10)), 0);
    for (int i = 0; i < 2; i++)
        DREY_CHECK_EQ(drey_write_all(fds[i], frames[i].data + 100, frames[i].bytes - 100, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(5)), 0);
    DREY_CHECK_EQ(atomic_load(&o.calls), 3);
    DREY_CHECK_EQ(atomic_load(&o.running), 0);
    for (int i = 0; i < 3; i++)
        drey_close(fds[i]);
    sq_text_free(&frames[0]);
    sq_text_free(&frames[1]);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    free(request);
    return drey_scope_close(&scope, 0);
}

/* Streams have a limit of their own: however many there are, calls are answered. */
DREY_TEST(streams_keep_no_call_from_being_answered)
{
    enum { STREAMS = 4 };
    owner o;
    way w = way_to("s");
    sq_client client;
    char got[64];
    sq_error error;
    DREY_SCOPE(scope, .timeout = DREY_SEC(100), .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.calls = 2, .connections = STREAMS}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    int fd = say_hello(&w);
    for (uint64_t i = 0; i < STREAMS + 2; i++)
        DREY_CHECK_EQ(send_call(fd, i, "watch"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.calls), STREAMS + 2);
    DREY_CHECK_EQ(atomic_load(&o.running), STREAMS);
    DREY_CHECK_EQ(ask(&client, "echo hello", NULL, got, sizeof got, &error), 0);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    DREY_CHECK_EQ(atomic_load(&o.running), 0);
    drey_close(fd);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* Answers that nobody takes hold memory for as long as nobody else needs it. */
DREY_TEST(who_reads_nothing_makes_room_for_others)
{
    owner o;
    way w = way_to("s");
    sq_client client;
    char got[64];
    sq_error error;
    DREY_SCOPE(scope, .name = "test");
    sq_server_options options = {.memory_mib = 17, .patience = DREY_SEC(1000)};
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, options), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    int deaf = say_hello(&w);
    for (uint64_t i = 0; i < 16; i++)
        DREY_CHECK_EQ(send_call(deaf, i, "big 1100000"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_SEC(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 1);
    drey_time from = drey_now();
    DREY_CHECK_EQ(ask(&client, "big 40000", NULL, got, sizeof got, &error), 0);
    DREY_CHECK_EQ(ask(&client, "big 1100000", NULL, got, sizeof got, &error), 0);
    DREY_CHECK(drey_now() - from < DREY_SEC(5));
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 1);
    drey_close(deaf);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* A little now and then is not enough. */
DREY_TEST(who_reads_too_slowly_is_dropped)
{
    enum { PIECE = 1 << 18 };
    owner o;
    way w = way_to("s");
    char *piece = malloc(PIECE);
    DREY_CHECK(piece != NULL);
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.patience = DREY_SEC(5)}), 0);
    int slow = say_hello(&w);
    for (uint64_t i = 0; i < 2; i++)
        DREY_CHECK_EQ(send_call(slow, i, "big 15000000"), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 1);
    for (int i = 0; i < 20 && atomic_load(&o.server.connected) > 0; i++) {
        DREY_CHECK(drey_read(slow, piece, PIECE) > 0);
        DREY_CHECK_EQ(drey_sleep(DREY_SEC(1)), 0);
    }
    DREY_CHECK_EQ(atomic_load(&o.server.connected), 0);
    drey_close(slow);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    free(piece);
    return drey_scope_close(&scope, 0);
}

/* A call is withdrawn and, before its caller has left the list, the connection could take another: it is not sent. */
DREY_TEST(what_was_withdrawn_is_not_sent)
{
    sq_client client = {0};
    sq_message message = {"{}", 2, "key"};
    sq_pending first = {.message = &message, .withdrawn = true}, second = {.message = &message};
    sq_text out = {0};
    sq_pending_add(&client, &first);
    sq_pending_add(&client, &second);
    sq_pending_collect(&client, &out, 1 << 20);
    DREY_CHECK_EQ(first.sends, 0);
    DREY_CHECK_EQ(second.sends, 1);
    DREY_CHECK_EQ(out.bytes, SQ_FRAME_HEAD_BYTES + 2);
    sq_text_free(&out);
    return 0;
}

DREY_TEST_MAIN()
