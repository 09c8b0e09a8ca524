/* SPDX-License-Identifier: MIT */
/* Verbs, revs, documents: S9, S12 to S15, S28. */
#include "contract/kit.h"

CONTRACT(what_was_created_can_be_read) /* S1, S9 */
{
    sq_written written;
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", .name = "Näme", .metadata = "{ \"k\": \"v\" }",
                               .agent = "claude", .tool = "t",
                               KIT_DATA_AND(SQ_SET_NAME | SQ_SET_METADATA, "{\"b\": [1, 2.50], \"a\": null}"));
    KIT_OK(store->ops->write(store, &write, 1, &written, &kit_error));
    const sq_revision *read, *made = written.revision;
    KIT_OK(store->ops->get(store, "p", "a", 0, &read, &kit_error));
    DREY_CHECK_STR(read->data, "{\"b\":[1,2.5],\"a\":null}");
    DREY_CHECK_STR(read->name, "Näme");
    DREY_CHECK_STR(read->metadata, "{\"k\":\"v\"}");
    DREY_CHECK_STR(read->source,
                   "{\"principal\":\"local:1\",\"agent\":\"claude\",\"tool\":\"t\",\"trust\":\"agent\"}");
    DREY_CHECK_STR(read->project, "p");
    DREY_CHECK(read->rev == 1 && read->seq == 1 && read->op == SQ_OP_CREATE && read->expires_at == SQ_NEVER);
    DREY_CHECK(read->created_at == read->at && read->at == sq_wall());
    DREY_CHECK_EQ(read->data_bytes, strlen(read->data));
    DREY_CHECK(made->seq == 1 && memcmp(made->fingerprint, read->fingerprint, SQ_DIGEST_BYTES) == 0);
    sq_revision_unref(read);
    sq_written_free(&written);
    return 0;
}

CONTRACT(a_context_without_an_id_gets_one) /* S32 */
{
    sq_written first, second;
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, KIT_DATA("{}"));
    KIT_OK(store->ops->write(store, &write, 1, &first, &kit_error));
    KIT_OK(store->ops->write(store, &write, 1, &second, &kit_error));
    DREY_CHECK_EQ(strlen(first.revision->id), 36);
    DREY_CHECK(strcmp(first.revision->id, second.revision->id) < 0);
    sq_written_free(&first);
    sq_written_free(&second);
    return 0;
}

CONTRACT(an_id_is_created_once) /* S14 */
{
    sq_written written;
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{\"n\":2}"));
    DREY_CHECK_EQ(store->ops->write(store, &write, 1, &written, &kit_error), -EINVAL);
    DREY_CHECK_EQ(kit_error.code, SQ_EXISTS);
    DREY_CHECK(written.failed && !written.revision);
    DREY_CHECK_STR(written.current->data, "{\"n\":1}");
    sq_written_free(&written);
    KIT_DATA_IS("a", 0, "{\"n\":1}");
    DREY_CHECK_EQ(kit_seq(store), 1);
    return 0;
}

CONTRACT(replace_delete_and_undo_need_a_rev_or_force) /* S13 */
{
    static const sq_verb verbs[] = {SQ_REPLACE, SQ_DELETE, SQ_UNDO};
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    KIT_OK(kit_patch(store, "a", "{\"n\":2}"));
    for (size_t i = 0; i < 3; i++) {
        sq_write write = KIT_WRITE(.verb = verbs[i], .id = "a");
        if (verbs[i] == SQ_REPLACE)
            write = KIT_WRITE(.verb = verbs[i], .id = "a", KIT_DATA("{}"));
        KIT_FAILS(kit_write(store, write), SQ_PRECONDITION_REQUIRED);
        write.expected_rev = 1;
        KIT_FAILS(kit_write(store, write), SQ_CONFLICT);
        write.expected_rev = 3;
        KIT_FAILS(kit_write(store, write), SQ_CONFLICT);
    }
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_REPLACE, .id = "a", .expected_rev = 2, KIT_DATA("{}"))), 3);
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 3)), 4);
    KIT_DATA_IS("a", 0, "{\"n\":2}");
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_DELETE, .id = "a", .expected_rev = 4)), 5);
    DREY_CHECK_EQ(kit_seq(store), 5);
    return 0;
}

CONTRACT(a_conflict_shows_the_current_value) /* S13 */
{
    sq_written written;
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    KIT_OK(kit_patch(store, "a", "{\"n\":2}"));
    sq_write write = KIT_WRITE(.verb = SQ_PATCH, .id = "a", .expected_rev = 1, KIT_DATA("{\"m\":1}"));
    DREY_CHECK_EQ(store->ops->write(store, &write, 1, &written, &kit_error), -EINVAL);
    DREY_CHECK_EQ(kit_error.code, SQ_CONFLICT);
    DREY_CHECK_EQ(written.current->rev, 2);
    DREY_CHECK_STR(written.current->data, "{\"n\":2}");
    sq_written_free(&written);
    return 0;
}

CONTRACT(patch_and_append_apply_to_the_current_value) /* S13, S15 */
{
    KIT_OK(kit_create(store, "a", "{\"keep\":1,\"drop\":2,\"list\":[1],\"in\":{\"x\":1,\"y\":[0]}}"));
    DREY_CHECK_EQ(kit_patch(store, "a", "{\"drop\":null,\"in\":{\"x\":2},\"list\":[9]}"), 2);
    KIT_DATA_IS("a", 0, "{\"keep\":1,\"list\":[9],\"in\":{\"x\":2,\"y\":[0]}}");
    sq_write append = KIT_WRITE(.verb = SQ_APPEND, .id = "a",
                                KIT_DATA("{\"list\":[8,null],\"in\":{\"y\":[1],\"x\":null},\"new\":[7]}"));
    DREY_CHECK_EQ(kit_write(store, append), 3);
    KIT_DATA_IS("a", 0, "{\"keep\":1,\"list\":[9,8,null],\"in\":{\"y\":[0,1]},\"new\":[7]}");
    return 0;
}

CONTRACT(a_null_is_stored_by_replace) /* S15 */
{
    KIT_OK(kit_create(store, "a", "{\"x\":1}"));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_REPLACE, .id = "a", .expected_rev = 1, KIT_DATA("{\"x\":null}"))));
    KIT_DATA_IS("a", 0, "{\"x\":null}");
    return 0;
}

CONTRACT(fields_that_are_not_set_stay)
{
    const sq_revision *read;
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "a", .name = "n", .metadata = "{\"m\":\"1\"}",
                                      KIT_DATA_AND(SQ_SET_NAME | SQ_SET_METADATA, "{\"x\":1}"))));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_REPLACE, .id = "a", .expected_rev = 1, KIT_DATA("{\"x\":2}"))));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = "a", .set = SQ_SET_NAME, .name = "other")));
    KIT_OK(kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = "a", .set = SQ_SET_METADATA)));
    KIT_OK(store->ops->get(store, "p", "a", 3, &read, &kit_error));
    DREY_CHECK_STR(read->name, "other");
    DREY_CHECK_STR(read->metadata, "{\"m\":\"1\"}");
    DREY_CHECK_STR(read->data, "{\"x\":2}");
    sq_revision_unref(read);
    KIT_OK(store->ops->get(store, "p", "a", 0, &read, &kit_error));
    DREY_CHECK_STR(read->metadata, NULL);
    sq_revision_unref(read);
    return 0;
}

CONTRACT(a_rev_is_never_used_again) /* S14 */
{
    KIT_OK(kit_create(store, "a", "{\"n\":1}"));
    DREY_CHECK_EQ(kit_delete(store, "a"), 2);
    KIT_DATA_IS("a", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_GONE);
    KIT_FAILS(kit_patch(store, "a", "{}"), SQ_GONE);
    KIT_FAILS(kit_delete(store, "a"), SQ_GONE);
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{\"n\":3}"))), 3);
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")), 4);
    KIT_DATA_IS("a", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_GONE);
    DREY_CHECK_EQ(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{\"n\":5}"))), 5);
    return 0;
}

CONTRACT(what_never_was_is_not_found)
{
    KIT_DATA_IS("a", 0, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    KIT_FAILS(kit_patch(store, "a", "{}"), SQ_NOT_FOUND);
    KIT_OK(kit_create(store, "b", "{}"));
    KIT_FAILS(kit_patch(store, "a", "{}"), SQ_NOT_FOUND);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_PURGE, .id = "a")), SQ_NOT_FOUND);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_UNDO, .id = "a", .expected_rev = 1)), SQ_NOT_FOUND);
    KIT_DATA_IS("b", 2, "");
    DREY_CHECK_EQ(kit_code, SQ_NOT_FOUND);
    return 0;
}

CONTRACT(ids_and_projects_are_words) /* S28 */
{
    static const char *const bad[] = {"", ".a", "-a", "a/b", "ä", "a b"};
    char long_id[SQ_ID_BYTES + 2] = "";
    memset(long_id, 'x', SQ_ID_BYTES);
    KIT_OK(kit_create(store, long_id, "{}"));
    memset(long_id, 'x', SQ_ID_BYTES + 1);
    KIT_FAILS(kit_create(store, long_id, "{}"), SQ_BAD_ID);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        KIT_FAILS(kit_create(store, bad[i], "{}"), SQ_BAD_ID);
        sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA("{}"));
        write.project = bad[i];
        KIT_FAILS(kit_write(store, write), SQ_BAD_ID);
    }
    return 0;
}

CONTRACT(documents_are_read_strictly) /* S12 */
{
    static const struct { const char *data; sq_code code; } bad[] = {
        {"", SQ_INVALID_JSON},           {"[]", SQ_INVALID},
        {"{\"a\":1,\"\\u0061\":2}", SQ_DUPLICATE_KEY}, {"{\"a\":\"\\u0000\"}", SQ_BAD_TEXT},
        {"{\"a\":\"\xff\"}", SQ_BAD_TEXT}, {"{\"a\":1e999}", SQ_BAD_NUMBER},
        {"{} x", SQ_INVALID_JSON},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        KIT_FAILS(kit_create(store, "a", bad[i].data), bad[i].code);
    char deep[200] = "";
    for (int i = 0; i < SQ_JSON_DEPTH_MAX; i++)
        strcat(deep, i ? "[" : "{\"a\":");
    for (int i = 0; i < SQ_JSON_DEPTH_MAX; i++)
        strcat(deep, i == SQ_JSON_DEPTH_MAX - 1 ? "}" : "]");
    KIT_OK(kit_create(store, "deep", deep));
    KIT_DATA_IS("deep", 0, deep);
    memmove(strchr(deep, '[') + 1, strchr(deep, '['), strlen(strchr(deep, '[')) + 1);
    memmove(strchr(deep, ']') + 1, strchr(deep, ']'), strlen(strchr(deep, ']')) + 1);
    KIT_FAILS(kit_create(store, "deeper", deep), SQ_TOO_DEEP);
    return 0;
}

CONTRACT(bytes_are_kept_as_the_writer_made_them) /* S11, S12 */
{
    KIT_OK(kit_create(store, "a", "{ \"z\" : 1.0 , \"a\" : 0.1, \"i\":9223372036854775807, \"s\":\"\\u00e9\\/\\n\" }"));
    KIT_DATA_IS("a", 0, "{\"z\":1,\"a\":0.1,\"i\":9223372036854775807,\"s\":\"é/\\n\"}");
    return 0;
}

CONTRACT(one_value_has_one_fingerprint) /* S11 */
{
    const sq_revision *a, *b;
    KIT_OK(kit_create(store, "a", "{\"x\":1,\"y\":2.0}"));
    KIT_OK(kit_create(store, "b", "{\"y\":2,\"x\":1.0}"));
    KIT_OK(store->ops->get(store, "p", "a", 0, &a, &kit_error));
    KIT_OK(store->ops->get(store, "p", "b", 0, &b, &kit_error));
    bool same = memcmp(a->fingerprint, b->fingerprint, SQ_DIGEST_BYTES) == 0;
    sq_revision_unref(a);
    sq_revision_unref(b);
    DREY_CHECK(same);
    KIT_OK(kit_patch(store, "b", "{\"x\":2}"));
    KIT_OK(kit_patch(store, "b", "{\"x\":1}"));
    KIT_OK(store->ops->get(store, "p", "a", 0, &a, &kit_error));
    KIT_OK(store->ops->get(store, "p", "b", 0, &b, &kit_error));
    same = memcmp(a->fingerprint, b->fingerprint, SQ_DIGEST_BYTES) == 0;
    sq_revision_unref(a);
    sq_revision_unref(b);
    DREY_CHECK(same);
    return 0;
}

CONTRACT_WITH(sizes_hold_for_the_result, KIT_OPTIONS(.limits = {.data_bytes = 100})) /* S15 */
{
    char text[128] = "{\"a\":\"";
    memset(text + 6, 'x', 92);
    strcpy(text + 98, "\"}");
    KIT_OK(kit_create(store, "a", text));
    strcpy(text + 98, "x\"}");
    KIT_FAILS(kit_create(store, "b", text), SQ_TOO_LARGE);
    KIT_FAILS(kit_patch(store, "a", "{\"b\":1}"), SQ_TOO_LARGE);
    DREY_CHECK_EQ(kit_patch(store, "a", "{\"a\":1}"), 2);
    return 0;
}

CONTRACT(other_fields_have_limits)
{
    char name[SQ_NAME_BYTES + 2];
    memset(name, 'n', sizeof name);
    name[SQ_NAME_BYTES + 1] = '\0';
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA_AND(SQ_SET_NAME, "{}"));
    write.name = name;
    KIT_FAILS(kit_write(store, write), SQ_TOO_LARGE);
    write.name = "\xff";
    KIT_FAILS(kit_write(store, write), SQ_BAD_TEXT);
    write.name = NULL;
    write.set |= SQ_SET_METADATA;
    write.metadata = "{\"a\":1}";
    KIT_FAILS(kit_write(store, write), SQ_INVALID);
    write.metadata = "[]";
    KIT_FAILS(kit_write(store, write), SQ_INVALID);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_CREATE, .id = "a")), SQ_INVALID);
    KIT_OK(kit_create(store, "a", "{}"));
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_PATCH, .id = "a")), SQ_INVALID);
    KIT_FAILS(kit_write(store, KIT_WRITE(.verb = SQ_DELETE, .id = "a", .expected_rev = 1, KIT_DATA("{}"))), SQ_INVALID);
    return 0;
}

/* Every key goes after its time, however many there are: the reaper goes on until there are no more. */
CONTRACT(operation_keys_are_forgotten) /* S19 */
{
    enum { KEYS = 250 };
    char key[16];
    size_t count = 0, all = 0;
    sq_write write = KIT_WRITE(.verb = SQ_IMPORT, .id = "a", .key = key, .expected_rev = SQ_REV_FORCE, KIT_DATA("{}"));
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "key%d", i);
        KIT_OK(kit_write(store, write));
    }
    KIT_OK(store->ops->reap(store, &count, &kit_error));
    DREY_CHECK_EQ(count, 0);
    KIT_OK(drey_sleep(DREY_SEC(25 * 3600)));
    do {
        KIT_OK(store->ops->reap(store, &count, &kit_error));
        all += count;
    } while (count > 0);
    DREY_CHECK_EQ(all, KEYS);
    return 0;
}

CONTRACT(times_have_limits)
{
    sq_write write = KIT_WRITE(.verb = SQ_CREATE, .id = "a", KIT_DATA_AND(SQ_SET_EXPIRY, "{}"));
    write.expires_at = SQ_NEVER - 1;
    KIT_FAILS(kit_write(store, write), SQ_INVALID);
    write.verb = SQ_IMPORT;
    write.set = SQ_SET_DATA | SQ_SET_CREATED;
    write.created_at = INT64_MIN;
    KIT_FAILS(kit_write(store, write), SQ_INVALID);
    return 0;
}

DREY_TEST_MAIN()
