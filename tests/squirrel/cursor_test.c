/* SPDX-License-Identifier: MIT */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/cursor.h"
#include "store/wall.h"

static const uint8_t secret[SQ_DIGEST_BYTES] = {1, 2, 3};
static const sq_list list = {.project = "p", .query = "word", .principal = "local:1", .limit = 20};

static int read_as(sq_list changed, const char *cursor, sq_cursor *out)
{
    sq_error error = {0};
    changed.cursor = cursor;
    int rc = sq_cursor_read(secret, &changed, out, &error);
    return rc < 0 && error.code != SQ_BAD_CURSOR ? -EPROTO : rc;
}

DREY_TEST(a_cursor_comes_back_as_it_was_written) /* S18 */
{
    char text[SQ_CURSOR_BYTES];
    sq_cursor written = {.upper = INT64_MAX, .phase = 2, .last = -5}, read = {0};
    memset(written.last_id, 'x', SQ_ID_BYTES);
    DREY_CHECK_EQ(sq_cursor_write(secret, &list, &written, text), 0);
    DREY_CHECK_EQ(read_as(list, text, &read), 0);
    DREY_CHECK(read.upper == INT64_MAX && read.phase == 2 && read.last == -5);
    DREY_CHECK_STR(read.last_id, written.last_id);
    return 0;
}

DREY_TEST(a_cursor_is_bound_to_query_order_principal_and_store) /* S18 */
{
    char text[SQ_CURSOR_BYTES];
    sq_cursor read;
    sq_error error;
    DREY_CHECK_EQ(sq_cursor_write(secret, &list, &(sq_cursor){.upper = 9, .last = 3}, text), 0);
    const sq_list others[] = {
        {.project = "q", .query = "word", .principal = "local:1"}, {.project = "p", .principal = "local:1"},
        {.project = "p", .query = "word", .principal = "local:2"},
        {.project = "p", .query = "word", .principal = "local:1", .order = SQ_RELEVANCE},
        {.project = "p", .query = "word", .principal = "local:1", .parent_id = "a"},
        {.project = "p", .query = "word", .principal = "local:1", .name_prefix = ""},
        {.project = "p", .query = "word", .principal = "local:1", .updated_since = 1},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        DREY_CHECK_EQ(read_as(others[i], text, &read), -EINVAL);
    uint8_t other_secret[SQ_DIGEST_BYTES] = {1, 2, 4};
    sq_list same = list;
    same.cursor = text;
    DREY_CHECK_EQ(sq_cursor_read(other_secret, &same, &read, &error), -EINVAL);
    same.limit = 3;
    DREY_CHECK_EQ(sq_cursor_read(secret, &same, &read, &error), 0);
    sq_history history = {.project = "p", .id = "a", .cursor = text, .principal = "local:1"};
    DREY_CHECK_EQ(sq_cursor_read_history(secret, &history, &read, &error), -EINVAL);
    return 0;
}

DREY_TEST(no_character_of_a_cursor_can_be_changed) /* S18 */
{
    char text[SQ_CURSOR_BYTES], changed[SQ_CURSOR_BYTES + 1];
    sq_cursor read;
    DREY_CHECK_EQ(sq_cursor_write(secret, &list, &(sq_cursor){.upper = 9, .last_id = "abc"}, text), 0);
    for (size_t i = 0; text[i]; i++) {
        strcpy(changed, text);
        changed[i] = text[i] == 'A' ? 'B' : 'A';
        DREY_CHECK_EQ(read_as(list, changed, &read), -EINVAL);
        changed[i] = '\0';
        DREY_CHECK_EQ(read_as(list, changed, &read), -EINVAL);
    }
    snprintf(changed, sizeof changed, "%sA", text);
    DREY_CHECK_EQ(read_as(list, changed, &read), -EINVAL);
    DREY_CHECK_EQ(read_as(list, "=", &read), -EINVAL);
    return 0;
}

DREY_TEST(uuids_rise_within_a_process_though_the_clock_does_not) /* S32 */
{
    char before[SQ_UUID_BYTES] = "", now[SQ_UUID_BYTES];
    for (int i = 0; i < 20000; i++) {
        sq_uuid7(1700000000000 - i / 100, now);
        DREY_CHECK(strcmp(before, now) < 0);
        memcpy(before, now, sizeof now);
    }
    DREY_CHECK(now[14] == '7' && strchr("89ab", now[19]));
    DREY_CHECK_EQ(strlen(now), 36);
    return 0;
}

DREY_TEST_MAIN()
