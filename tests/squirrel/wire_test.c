/* SPDX-License-Identifier: MIT */
/* Requests and answers there and back. What comes back is written again, and must give the same bytes. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager/wire.h"

static sq_error error;

static bool same(const sq_text *a, const sq_text *b)
{
    return !a->failed && !b->failed && a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

/* Reads what was written, in an exact buffer, and writes it anew. */
static bool request_returns(const sq_request *request, sq_request *out)
{
    sq_text first = {0}, second = {0};
    sq_wire_write_request(&first, request);
    char *payload = malloc(first.bytes);
    memcpy(payload, first.data, first.bytes);
    bool good = sq_wire_read_request(payload, first.bytes, out, &error) == 0;
    if (good)
        sq_wire_write_request(&second, out);
    good = good && same(&first, &second);
    sq_text_free(&first);
    sq_text_free(&second);
    if (good && out->ask == SQ_ASK_WRITE)
        good = out->write.count == request->write.count;
    if (good)
        sq_request_free(out);
    free(payload);
    return good;
}

DREY_TEST(requests_return, .no_runtime = true)
{
    sq_request read;
    sq_write writes[] = {
        {.verb = SQ_CREATE, .project = "p", .principal = "local:1", .set = SQ_SET_DATA | SQ_SET_NAME | SQ_SET_EXPIRY,
         .data = "{\"a\":\n1}", .data_bytes = 8, .name = "ä\"", .expires_at = SQ_NEVER, .key = "k"},
        {.verb = SQ_PATCH, .project = "p", .id = "a", .principal = "local:1",
         .set = SQ_SET_NAME | SQ_SET_METADATA | SQ_SET_PARENT, .metadata = "{\"k\":\"v\"}", .expires_at = SQ_NEVER,
         .expected_rev = 7},
        {.verb = SQ_DELETE, .project = "p", .id = "a", .principal = "local:1", .agent = "a", .tool = "t",
         .expires_at = SQ_NEVER, .expected_rev = SQ_REV_FORCE, .cascade = true},
        {.verb = SQ_IMPORT, .project = "p", .id = "a", .principal = "local:1", .expires_at = SQ_NEVER,
         .set = SQ_SET_DATA | SQ_SET_CREATED, .data = "{}", .data_bytes = 2, .created_at = 5},
    };
    const char *ids[] = {"a", "b"};
    const sq_request requests[] = {
        {.ask = SQ_ASK_WRITE, .write = {writes, 4}},
        {.ask = SQ_ASK_GET, .get = {"p", "a", 3}},
        {.ask = SQ_ASK_RESOLVE, .get = {"p", "a", 0}},
        {.ask = SQ_ASK_LIST,
         .list = {.project = "p", .query = "w", .order = SQ_BY_ID, .limit = 5, .max_bytes = 9, .without_data = true,
                  .cursor = "c", .principal = "local:1", .updated_since = 3, .name_prefix = "", .parent_id = "r"}},
        {.ask = SQ_ASK_HISTORY, .history = {.project = "p", .id = "a", .limit = 2, .principal = "local:1"}},
        {.ask = SQ_ASK_PROJECTS, .projects = {"p", 10}},
        {.ask = SQ_ASK_PROCESS, .process = {"p", ids, 2, "{}"}},
        {.ask = SQ_ASK_WATCH, .watch = {"p", SQ_WATCH_NOW}},
        {.ask = SQ_ASK_BACKUP, .backup = {"/b"}},
        {.ask = SQ_ASK_VERIFY}, {.ask = SQ_ASK_SCRUB}, {.ask = SQ_ASK_STATUS},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        DREY_CHECK(request_returns(&requests[i], &read));
    return 0;
}

static bool answer_returns(sq_ask ask, const sq_answer *answer)
{
    sq_text first = {0}, second = {0};
    sq_answer read;
    sq_wire_write_answer(&first, ask, answer);
    bool good = sq_wire_read_answer(first.data, first.bytes, ask, &read, &error) == 0;
    if (good) {
        sq_wire_write_answer(&second, ask, &read);
        good = read.rc == answer->rc && read.error.code == answer->error.code;
        sq_answer_free(ask, &read);
    }
    good = good && same(&first, &second);
    sq_text_free(&first);
    sq_text_free(&second);
    return good;
}

DREY_TEST(answers_return, .no_runtime = true)
{
    sq_revision *revision = sq_revision_new(&(sq_revision){
        .project = "p", .id = "a", .rev = 3, .seq = 9, .op = SQ_OP_PATCH, .created_at = -1, .at = 2,
        .expires_at = SQ_NEVER, .name = "n", .metadata = "{\"k\":\"v\"}", .source = "{}", .data = "{\"x\":1}",
        .data_bytes = 7, .fingerprint = {1, 0xff}});
    sq_revision *tombstone = sq_revision_new(&(sq_revision){
        .project = "p", .id = "a", .rev = 4, .seq = 10, .op = SQ_OP_DELETE, .expires_at = 7, .parent_id = "r",
        .source = "{}"});
    DREY_CHECK(revision && tombstone);
    sq_written written[] = {{.revision = revision}, {.revision = tombstone, .replayed = true}};
    sq_written failed[] = {{.failed = false}, {.failed = true, .current = revision}};
    const sq_revision *items[] = {revision, tombstone};
    sq_project projects[] = {{.name = "p", .seq = 1, .live = 2, .max_live = 5}};
    sq_processed processed[] = {
        {.rc = 0, .resolved = {.revision = revision, .data = {.data = (char[]){"{}"}, .bytes = 2},
                               .measure = {.bytes = 2, .fingerprint = "sha256:0"}}},
        {.rc = -EINVAL, .error = {.code = SQ_INVALID, .message = "no", .path = "$.a", .place = {1, 2, 3}}},
    };
    const struct { sq_ask ask; sq_answer answer; } answers[] = {
        {SQ_ASK_WRITE, {.write = {written, 2}}},
        {SQ_ASK_WRITE, {.rc = -EINVAL, .error = {.code = SQ_CONFLICT, .message = "m"}, .write = {failed, 2}}},
        {SQ_ASK_GET, {.revision = revision}},
        {SQ_ASK_GET, {.rc = -EINVAL, .error = {.code = SQ_GONE, .message = "gone"}}},
        {SQ_ASK_LIST, {.page = {.items = items, .count = 2, .upper = 9, .partial = true, .cursor = "abc"}}},
        {SQ_ASK_HISTORY, {.page = {.items = items, .count = 2}}},
        {SQ_ASK_PROJECTS, {.projects = {projects, 1}}},
        {SQ_ASK_RESOLVE, {.resolved = processed[0].resolved}},
        {SQ_ASK_PROCESS, {.process = {processed, 2}}},
        {SQ_ASK_BACKUP, {.rc = 0}},
        {SQ_ASK_VERIFY, {.verified = {.problems = 1, .report = {.data = (char[]){"bad\n"}, .bytes = 4}}}},
        {SQ_ASK_STATUS, {.status = {.store = "memory", .condition = "ok", .live = 4, .scrubs = 1, .bytes = -1}}},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        DREY_CHECK(answer_returns(answers[i].ask, &answers[i].answer));
    sq_text text = {0};
    sq_event event = {.revision = revision, .seq = 9}, read;
    sq_wire_write_event(&text, &event);
    DREY_CHECK_EQ(sq_wire_read_event(text.data, text.bytes, &read, &error), 0);
    DREY_CHECK(read.seq == 9 && strcmp(read.revision->data, "{\"x\":1}") == 0 && read.revision->op == SQ_OP_PATCH);
    DREY_CHECK(memcmp(read.revision->fingerprint, revision->fingerprint, SQ_DIGEST_BYTES) == 0);
    sq_revision_unref(read.revision);
    sq_text_free(&text);
    sq_revision_unref(revision);
    sq_revision_unref(tombstone);
    return 0;
}

/* What was written is answered even if all of it together would not fit into a frame: then without its data. */
DREY_TEST(an_answer_of_many_writes_is_bounded, .no_runtime = true)
{
    enum { WRITES = 100, BYTES = 1 << 20 };
    char *data = malloc(BYTES + 1);
    memset(data, 'x', BYTES);
    data[BYTES] = '\0';
    sq_revision *revision = sq_revision_new(&(sq_revision){.project = "p", .id = "a", .rev = 1, .seq = 1,
                                            .op = SQ_OP_CREATE, .expires_at = SQ_NEVER, .source = "{}",
                                            .data = data, .data_bytes = BYTES});
    sq_written written[WRITES];
    for (int i = 0; i < WRITES; i++)
        written[i] = (sq_written){.revision = revision};
    sq_answer answer = {.write = {written, WRITES}}, read;
    sq_text text = {0};
    sq_wire_write_answer(&text, SQ_ASK_WRITE, &answer);
    DREY_CHECK(!text.failed && text.bytes < BYTES);
    DREY_CHECK_EQ(sq_wire_read_answer(text.data, text.bytes, SQ_ASK_WRITE, &read, &error), 0);
    DREY_CHECK(read.write.count == WRITES && read.write.written[99].revision->data_bytes == BYTES);
    DREY_CHECK(read.write.written[99].revision->data == NULL);
    sq_answer_free(SQ_ASK_WRITE, &read);
    answer.write.count = 7; /* as much as fits comes with it */
    sq_text_clear(&text);
    sq_wire_write_answer(&text, SQ_ASK_WRITE, &answer);
    DREY_CHECK_EQ(sq_wire_read_answer(text.data, text.bytes, SQ_ASK_WRITE, &read, &error), 0);
    DREY_CHECK(read.write.written[6].revision->data != NULL);
    sq_answer_free(SQ_ASK_WRITE, &read);
    sq_text_free(&text);
    sq_revision_unref(revision);
    free(data);
    return 0;
}

/* Every message, cut anywhere or with a byte changed, is read or refused within its bytes. */
DREY_TEST(damaged_messages_are_refused, .no_runtime = true)
{
    static const char message[] = "{\"op\":\"write\",\"writes\":[{\"verb\":\"create\",\"project\":\"p\",\"id\":\"a\","
                                  "\"principal\":\"l\",\"data_bytes\":4}]}\n{\"\"}";
    sq_request read;
    size_t bytes = sizeof message - 1;
    DREY_CHECK_EQ(sq_wire_read_request(message, bytes, &read, &error), 0);
    sq_request_free(&read);
    for (size_t cut = 0; cut < bytes; cut++) {
        char *part = malloc(cut + 1);
        memcpy(part, message, cut);
        DREY_CHECK_EQ(sq_wire_read_request(part, cut, &read, &error), -EINVAL);
        free(part);
    }
    for (size_t at = 0; at < bytes; at++) {
        for (unsigned flip = 1; flip < 256; flip <<= 1) {
            char changed[sizeof message];
            memcpy(changed, message, sizeof message);
            changed[at] = (char)(changed[at] ^ (char)flip);
            if (sq_wire_read_request(changed, bytes, &read, &error) == 0)
                sq_request_free(&read);
        }
    }
    static const char *const bad[] = {
        "\n", "[]\n", "{\"op\":1}\n", "{\"op\":\"none\"}\n", "{\"op\":\"write\",\"writes\":{}}\n",
        "{\"op\":\"list\",\"order\":9}\n", "{\"op\":\"list\",\"limit\":-1}\n", "{\"op\":\"status\"}\nx",
        "{\"op\":\"write\",\"writes\":[7]}\n", "{\"op\":\"process\",\"ids\":[null]}\n",
        "{\"op\":\"write\",\"writes\":[{\"verb\":\"create\",\"data_bytes\":9223372036854775807}]}\nx",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        DREY_CHECK_EQ(sq_wire_read_request(bad[i], strlen(bad[i]), &read, &error), -EINVAL);
    return 0;
}

static DREY_ASYNC int asking(sq_manager *m)
{
    sq_answer answer;
    sq_write write = {.verb = SQ_CREATE, .project = "p", .id = "a", .principal = "l", .expires_at = SQ_NEVER,
                      .set = SQ_SET_DATA, .data = "{}", .data_bytes = 2};
    sq_request request = {.ask = SQ_ASK_WRITE, .write = {&write, 1}};
    DREY_CHECK_EQ(sq_manager_ask(m, &request, &answer), 0);
    bool good = answer.rc == 0 && answer.write.written[0].revision->rev == 1;
    sq_answer_free(SQ_ASK_WRITE, &answer);
    DREY_CHECK(good);
    DREY_CHECK_EQ(sq_manager_ask(m, &request, &answer), 0);
    good = answer.rc == -EINVAL && answer.error.code == SQ_EXISTS && answer.write.written[0].current;
    sq_answer_free(SQ_ASK_WRITE, &answer);
    DREY_CHECK(good);
    request = (sq_request){.ask = SQ_ASK_LIST, .list = {.project = "p", .principal = "l"}};
    DREY_CHECK_EQ(sq_manager_ask(m, &request, &answer), 0);
    good = answer.rc == 0 && answer.page.count == 1;
    sq_answer_free(SQ_ASK_LIST, &answer);
    DREY_CHECK(good);
    request.list.project = NULL;
    DREY_CHECK_EQ(sq_manager_ask(m, &request, &answer), 0);
    DREY_CHECK_EQ(answer.rc, -EINVAL);
    request = (sq_request){.ask = SQ_ASK_PROJECTS};
    DREY_CHECK_EQ(sq_manager_ask(m, &request, &answer), 0);
    good = answer.rc == 0 && answer.projects.count == 1;
    sq_answer_free(SQ_ASK_PROJECTS, &answer);
    DREY_CHECK(good);
    return 0;
}

DREY_TEST(a_manager_answers_requests)
{
    sq_manager *m;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(sq_local_open(&scope, "memory:", NULL, &m, &error), 0);
    int rc = asking(m);
    m->ops->close(m);
    return drey_scope_close(&scope, rc);
}

DREY_TEST_MAIN()
