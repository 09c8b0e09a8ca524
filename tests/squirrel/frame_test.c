/* SPDX-License-Identifier: MIT */
/* The codec of the store protocol, and the hello. */
#include <drey.h>
#include <drey/test.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/frame.h"
#include "transport/version.h"

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static int put(sq_frames *frames, const char *data, size_t bytes)
{
    while (bytes > 0) {
        char *at;
        size_t room;
        int rc = sq_frames_room(frames, &at, &room);
        if (rc < 0)
            return rc;
        size_t part = bytes < room ? bytes : room;
        memcpy(at, data, part);
        sq_frames_came(frames, part);
        data += part;
        bytes -= part;
    }
    return 0;
}

DREY_TEST(a_frame_has_this_form_on_the_wire, .no_runtime = true)
{
    static const char wanted[] = "\x0b\0\0\0" "\x04" "\x02\x01\0\0\0\0\0\0" "{}";
    sq_text out = {0};
    sq_frame_add(&out, SQ_FRAME_CALL, 0x0102, "{}", 2);
    DREY_CHECK_EQ(out.bytes, sizeof wanted - 1);
    DREY_CHECK(memcmp(out.data, wanted, out.bytes) == 0);
    sq_text_free(&out);
    return 0;
}

/* However the bytes are cut into pieces, the same frames come out. */
DREY_TEST(frames_come_out_whole_however_they_are_cut, .no_runtime = true)
{
    uint64_t seed = 42;
    for (int round = 0; round < 200; round++) {
        sq_text wire = {0}, payload = {0};
        sq_frames frames = {.max = 100000};
        size_t count = 1 + next_random(&seed) % 20, got = 0;
        for (size_t i = 0; i < count; i++) {
            sq_text_clear(&payload);
            size_t bytes = next_random(&seed) % (i % 7 == 0 ? 60000 : 50);
            for (size_t b = 0; b < bytes; b++)
                sq_text_char(&payload, (char)('a' + (b + i) % 26));
            sq_frame_add(&wire, SQ_FRAME_CALL, i, payload.data, payload.bytes);
        }
        for (size_t at = 0; at < wire.bytes;) {
            size_t part = 1 + next_random(&seed) % (round % 2 ? 20 : 30000);
            part = part < wire.bytes - at ? part : wire.bytes - at;
            DREY_CHECK_EQ(put(&frames, wire.data + at, part), 0);
            at += part;
            sq_frame frame;
            int rc;
            while ((rc = sq_frames_next(&frames, &frame)) == 1) {
                DREY_CHECK_EQ(frame.id, got);
                DREY_CHECK_EQ(frame.type, SQ_FRAME_CALL);
                for (size_t b = 0; b < frame.bytes; b++)
                    DREY_CHECK_EQ(frame.payload[b], 'a' + (b + got) % 26);
                got++;
            }
            DREY_CHECK_EQ(rc, 0);
        }
        DREY_CHECK_EQ(got, count);
        DREY_CHECK_EQ(sq_frames_rest(&frames), 0);
        DREY_CHECK(frames.data == NULL);
        sq_text_free(&wire);
        sq_text_free(&payload);
    }
    return 0;
}

DREY_TEST(a_length_above_the_limit_is_refused_before_its_bytes_come, .no_runtime = true)
{
    sq_frames frames = {.max = 10};
    sq_text wire = {0};
    sq_frame frame;
    sq_frame_add(&wire, SQ_FRAME_CALL, 1, "0123456789", 10);
    DREY_CHECK_EQ(put(&frames, wire.data, wire.bytes), 0);
    DREY_CHECK_EQ(sq_frames_next(&frames, &frame), 1);
    sq_text_clear(&wire);
    sq_frame_add(&wire, SQ_FRAME_CALL, 1, "0123456789a", 11);
    DREY_CHECK_EQ(put(&frames, wire.data, SQ_FRAME_HEAD_BYTES), 0);
    DREY_CHECK_EQ(sq_frames_next(&frames, &frame), -EMSGSIZE);
    sq_text_free(&wire);
    sq_frames_free(&frames);
    return 0;
}

DREY_TEST(memory_grows_with_what_came_and_not_with_what_was_announced, .no_runtime = true)
{
    sq_frames frames = {.max = SQ_FRAME_PAYLOAD_MAX};
    static const char head[SQ_FRAME_HEAD_BYTES] = "\0\0\xf0\0\x04";
    sq_frame frame;
    char *at;
    size_t room;
    DREY_CHECK_EQ(put(&frames, head, sizeof head), 0);
    DREY_CHECK_EQ(sq_frames_next(&frames, &frame), 0);
    DREY_CHECK_EQ(sq_frames_announced(&frames), 0xf00000 - 9);
    DREY_CHECK_EQ(sq_frames_room(&frames, &at, &room), 0);
    DREY_CHECK(frames.room < 65536);
    sq_frames_free(&frames);
    return 0;
}

/* Random bytes, and good frames with bytes changed: an end, but no crash and no frame beyond its limit. */
DREY_TEST(garbage_is_refused_or_waits_for_more, .no_runtime = true)
{
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        sq_frames frames = {.max = 1000};
        char wire[256];
        size_t bytes = 1 + next_random(&seed) % sizeof wire;
        for (size_t i = 0; i < bytes; i++)
            wire[i] = (char)next_random(&seed);
        if (round % 2) { /* a head that is nearly good */
            memset(wire, 0, SQ_FRAME_HEAD_BYTES < bytes ? SQ_FRAME_HEAD_BYTES : bytes);
            wire[0] = (char)(next_random(&seed) % 64);
            if (bytes > 4)
                wire[4] = (char)(next_random(&seed) % 10);
        }
        DREY_CHECK_EQ(put(&frames, wire, bytes), 0);
        sq_frame frame;
        int rc;
        while ((rc = sq_frames_next(&frames, &frame)) == 1)
            DREY_CHECK(frame.bytes <= frames.max && frame.type >= SQ_FRAME_HELLO && frame.type < SQ_FRAME_TYPES);
        DREY_CHECK(rc == 0 || rc == -EINVAL || rc == -EMSGSIZE);
        sq_frames_free(&frames);
    }
    return 0;
}

DREY_TEST(versions_are_compared_by_their_numbers, .no_runtime = true)
{
    DREY_CHECK_EQ(sq_version_compare("0.1.0", "0.1.0"), 0);
    DREY_CHECK_EQ(sq_version_compare("0.10.0", "0.9.9"), 1);
    DREY_CHECK_EQ(sq_version_compare("1", "1.0.0"), 0);
    DREY_CHECK_EQ(sq_version_compare("1.0", "1.0.1"), -1);
    DREY_CHECK_EQ(sq_version_compare("", "0.0.1"), -1);
    return 0;
}

DREY_TEST(a_hello_is_read_as_it_was_written, .no_runtime = true)
{
    sq_hello own, read;
    sq_text text = {0};
    sq_hello_own(&own, 7);
    sq_hello_write(&text, &own);
    DREY_CHECK(sq_hello_read(text.data, text.bytes, &read));
    DREY_CHECK_EQ(read.protocol, SQ_PROTOCOL);
    DREY_CHECK_EQ(read.schema, 7);
    DREY_CHECK_EQ(read.pid, own.pid);
    DREY_CHECK_STR(read.version, sq_version);
    static const char *const bad[] = {"", "{}", "[]", "{\"protocol\":1}", "null",
                                      "{\"protocol\":\"1\",\"schema\":1,\"pid\":1,\"version\":\"1\"}",
                                      "{\"protocol\":1,\"schema\":1,\"pid\":1,\"version\":1}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        DREY_CHECK(!sq_hello_read(bad[i], strlen(bad[i]), &read));
    static const char more[] = "{\"protocol\":2,\"schema\":1,\"pid\":1,\"version\":\"3\",\"new\":[1]}";
    DREY_CHECK(sq_hello_read(more, sizeof more - 1, &read)); /* S25: what a later version adds is passed over */
    DREY_CHECK_EQ(read.protocol, 2);
    sq_text_free(&text);
    return 0;
}

DREY_TEST_MAIN()
