/* SPDX-License-Identifier: MIT */
/* The buffered reader: lines, frames, limits (R19), ends, cancellation without loss (R5). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A stream that gives a text in pieces of `step` bytes, and can be made to fail or to be cancelled at a piece. */
struct source {
    const char *text;
    size_t bytes, at, step;
    size_t pieces, fail_at;
    int error;
    size_t pending;
};

static DREY_ASYNC ssize_t give(void *self, void *buffer, size_t bytes)
{
    struct source *s = self;
    size_t left = s->bytes - s->at, n = left < s->step ? left : s->step;
    if (++s->pieces == s->fail_at)
        return s->error;
    n = n < bytes ? n : bytes;
    memcpy(buffer, s->text + s->at, n);
    s->at += n;
    return (ssize_t)n;
}

static size_t pending(void *self)
{
    return ((struct source *)self)->pending;
}

static const drey_stream_ops ops = {.read = give, .pending = pending};

static void open_reader(drey_reader *r, struct source *s, size_t limit)
{
    drey_reader_init(r, (drey_stream){&ops, s}, limit);
}

#define SOURCE(literal, ...)                                                                                           \
    {                                                                                                                  \
        .text = (literal), .bytes = sizeof(literal) - 1, __VA_ARGS__                                                   \
    }

DREY_TEST(lines)
{
    for (size_t step = 1; step < 20; step++) {
        struct source s = SOURCE("one\ntwo\r\n\n\r\nwith\rinside\n\0nul\n", .step = step);
        static const char *const expected[] = {"one", "two", "", "", "with\rinside"};
        drey_reader r;
        char *line;
        size_t bytes;
        open_reader(&r, &s, 0);
        for (size_t i = 0; i < 5; i++) {
            DREY_CHECK_EQ(drey_reader_line(&r, &line, &bytes), 1);
            DREY_CHECK_STR(line, expected[i]);
            DREY_CHECK_EQ(bytes, strlen(expected[i]));
        }
        DREY_CHECK_EQ(drey_reader_line(&r, &line, &bytes), 1);
        DREY_CHECK_EQ(bytes, 4);
        DREY_CHECK_EQ(memcmp(line, "\0nul", 5), 0);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 0);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 0);
        drey_reader_deinit(&r);
    }
    return 0;
}

/* R19: the limit counts the line's end. */
DREY_TEST(r19_lines_have_a_limit)
{
    for (size_t step = 1; step < 12; step++) {
        struct source s = SOURCE("1234567\n12345678\n", .step = step);
        drey_reader r;
        char *line;
        open_reader(&r, &s, 8);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
        DREY_CHECK_STR(line, "1234567");
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -EMSGSIZE);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -EMSGSIZE);
        drey_reader_deinit(&r);
    }
    return 0;
}

/* R19: a peer that never ends its line costs no more memory than the limit. */
DREY_TEST(r19_an_endless_line)
{
    enum { MANY = 1 << 20, LIMIT = 10000 };
    char *text = malloc(MANY), *line;
    memset(text, 'x', MANY);
    struct source s = {.text = text, .bytes = MANY, .step = 1000};
    drey_reader r;
    open_reader(&r, &s, LIMIT);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -EMSGSIZE);
    DREY_CHECK(s.at < 2 * LIMIT);
    drey_reader_deinit(&r);
    free(text);
    return 0;
}

DREY_TEST(a_line_without_its_end)
{
    struct source s = SOURCE("whole\npart", .step = 100);
    drey_reader r;
    char *line, rest[8];
    open_reader(&r, &s, 0);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -ENODATA);
    DREY_CHECK_EQ(drey_reader_rest(&r), 4);
    DREY_CHECK_EQ(drey_reader_read(&r, rest, sizeof rest), 4);
    DREY_CHECK_EQ(memcmp(rest, "part", 4), 0);
    DREY_CHECK_EQ(drey_reader_read(&r, rest, sizeof rest), 0);
    drey_reader_deinit(&r);
    return 0;
}

DREY_TEST(frames)
{
    for (size_t step = 1; step < 30; step++) {
        struct source s = SOURCE("\3abc\0\2de\0\0\0\1f\0\0\0\0\0\0\0\4ghij\0", .step = step);
        static const char *const expected[] = {"abc", "de", "f", "ghij"};
        drey_reader r;
        void *data;
        size_t bytes;
        open_reader(&r, &s, 4);
        for (unsigned i = 0; i < 4; i++) {
            DREY_CHECK_EQ(drey_reader_frame(&r, 1u << i, &data, &bytes), 1);
            DREY_CHECK_EQ(bytes, strlen(expected[i]));
            DREY_CHECK_EQ(memcmp(data, expected[i], bytes), 0);
        }
        DREY_CHECK_EQ(drey_reader_frame(&r, 1, &data, &bytes), 1);
        DREY_CHECK_EQ(bytes, 0);
        DREY_CHECK_EQ(drey_reader_frame(&r, 1, &data, &bytes), 0);
        DREY_CHECK_EQ(drey_reader_frame(&r, 3, &data, &bytes), -EINVAL);
        DREY_CHECK_EQ(drey_reader_frame(&r, 0, &data, &bytes), -EINVAL);
        DREY_CHECK_EQ(drey_reader_frame(&r, 16, &data, &bytes), -EINVAL);
        drey_reader_deinit(&r);
    }
    return 0;
}

/* R19: a length that a peer made up costs nothing. */
DREY_TEST(r19_frames_have_a_limit)
{
    struct source s = SOURCE("\377\377\377\377\377\377\377\377", .step = 100), t = SOURCE("\0\5abcde", .step = 1);
    drey_reader r;
    void *data;
    size_t bytes;
    uint64_t before = drey_test_allocs();
    open_reader(&r, &s, 1 << 20);
    DREY_CHECK_EQ(drey_reader_frame(&r, 8, &data, &bytes), -EMSGSIZE);
    DREY_CHECK_EQ(drey_reader_frame(&r, 4, &data, &bytes), -EMSGSIZE);
    DREY_CHECK(drey_test_allocs() - before <= 1);
    drey_reader_deinit(&r);
    open_reader(&r, &t, 4);
    DREY_CHECK_EQ(drey_reader_frame(&r, 2, &data, &bytes), -EMSGSIZE);
    drey_reader_deinit(&r);
    return 0;
}

DREY_TEST(frames_without_their_end)
{
    static const char text[] = "\0\0\0\5abcd";
    for (size_t cut = 1; cut < sizeof text - 1; cut++) {
        struct source s = {.text = text, .bytes = cut, .step = 3};
        drey_reader r;
        void *data;
        size_t bytes;
        open_reader(&r, &s, 0);
        DREY_CHECK_EQ(drey_reader_frame(&r, 4, &data, &bytes), -ENODATA);
        drey_reader_deinit(&r);
    }
    return 0;
}

/* A head in lines, and a body after it that is larger than the limit of both. */
DREY_TEST(body_after_a_head)
{
    char text[3000];
    memcpy(text, "length: 2000\n\n", 14);
    for (size_t i = 14; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    for (size_t step = 1; step < 3000; step += 97) {
        struct source s = {.text = text, .bytes = sizeof text, .step = step};
        drey_reader r;
        char *line, body[2000];
        size_t done = 0;
        open_reader(&r, &s, 100);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
        DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
        DREY_CHECK_STR(line, "");
        DREY_CHECK_EQ(drey_reader_read_exact(&r, body, sizeof body, &done), 0);
        DREY_CHECK_EQ(done, sizeof body);
        DREY_CHECK_EQ(memcmp(body, text + 14, sizeof body), 0);
        DREY_CHECK_EQ(drey_reader_read_exact(&r, body, sizeof body, &done), -ENODATA);
        DREY_CHECK_EQ(done, sizeof text - 14 - 2000);
        drey_reader_deinit(&r);
    }
    return 0;
}

/* R5: a failure or a cancellation at any piece loses nothing; the same call goes on. */
DREY_TEST(r5_the_same_call_goes_on)
{
    for (size_t at = 1; at < 12; at++) {
        struct source s = SOURCE("first line\nsecond line\n", .step = 2, .fail_at = at, .error = -ECANCELED);
        drey_reader r;
        char *line;
        int rc, cut = 0;
        open_reader(&r, &s, 0);
        while ((rc = drey_reader_line(&r, &line, NULL)) == -ECANCELED)
            cut++;
        DREY_CHECK_STR(line, "first line");
        while ((rc = drey_reader_line(&r, &line, NULL)) == -ECANCELED)
            cut++;
        DREY_CHECK_STR(line, "second line");
        DREY_CHECK_EQ(cut, 1);
        drey_reader_deinit(&r);
    }
    return 0;
}

DREY_TEST(memory_is_out)
{
    struct source s = SOURCE("line\n", .step = 100);
    drey_reader r;
    char *line;
    open_reader(&r, &s, 0);
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -ENOMEM);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_CHECK_STR(line, "line");
    drey_reader_deinit(&r);
    return 0;
}

/* R9: what an idle connection keeps. */
DREY_TEST(rest_gives_the_buffer_back)
{
    struct source s = SOURCE("a\nb\n", .step = 100);
    drey_reader r;
    char *line;
    open_reader(&r, &s, 0);
    DREY_CHECK_EQ(drey_reader_rest(&r), 0);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_CHECK_EQ(drey_reader_rest(&r), 2);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_CHECK_STR(line, "b");
    uint64_t before = drey_test_allocs();
    DREY_CHECK_EQ(drey_reader_rest(&r), 0);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 0);
    DREY_CHECK_EQ(drey_test_allocs() - before, 1);
    s.pending = 5;
    DREY_CHECK_EQ(drey_reader_rest(&r), 5);
    drey_reader_deinit(&r);
    return 0;
}

DREY_TEST(r4_refused_when_cancelled)
{
    struct source s = SOURCE("a\nb\n", .step = 100);
    drey_reader r;
    char *line, byte;
    void *data;
    size_t bytes;
    open_reader(&r, &s, 0);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), -ECANCELED); /* though it is buffered */
    DREY_CHECK_EQ(drey_reader_frame(&r, 1, &data, &bytes), -ECANCELED);
    DREY_CHECK_EQ(drey_reader_read(&r, &byte, 1), -ECANCELED);
    DREY_CHECK_EQ(drey_reader_read_exact(&r, &byte, 1, NULL), -ECANCELED);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(drey_reader_line(&r, &line, NULL), 1);
    DREY_CHECK_STR(line, "b");
    drey_reader_deinit(&r);
    return 0;
}

DREY_TEST_MAIN()
