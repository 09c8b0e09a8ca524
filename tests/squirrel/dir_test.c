/* SPDX-License-Identifier: MIT */
/* What is the own of the store of plain files, beside the contract that all stores share: sheets, its journal's tail
 * and damage, purge, compaction, backup. What others edit is in dir_edit_test.c. */
#include "dir_kit.h"
#include "store/dir/dir.h"

/* ---- sheets */

static DREY_ASYNC int write_and_look(sq_store *store, const char *path)
{
    sq_write write = {.verb = SQ_CREATE,
                      .project = "p",
                      .id = "full",
                      .principal = "test",
                      .name = "A name",
                      .set = SQ_SET_DATA | SQ_SET_NAME | SQ_SET_METADATA | SQ_SET_EXPIRY | SQ_SET_PARENT,
                      .data = "{\"b\":1,\"a\":[true]}",
                      .data_bytes = 18,
                      .metadata = "{\"k\":\"v\"}",
                      .parent_id = "root",
                      .expires_at = INT64_C(32503680000000)};
    DREY_CHECK_EQ(kit_put(store, "root", "{}"), 1);
    DREY_CHECK_EQ(kit_write(store, &write, NULL), 1);
    KIT_UNTIL(kit_text(path, "p/full.json")[0]);
    DREY_CHECK_STR(kit_text(path, "p/full.json"),
                   "{\n  \"name\": \"A name\",\n  \"parent_id\": \"root\",\n"
                   "  \"expires_at\": \"3000-01-01T00:00:00.000Z\",\n  \"metadata\": {\n    \"k\": \"v\"\n  },\n"
                   "  \"data\": {\n    \"b\": 1,\n    \"a\": [\n      true\n    ]\n  }\n}\n");
    DREY_CHECK_EQ(kit_put(store, "root", "{\"n\":2}"), 2);
    KIT_UNTIL(strstr(kit_text(path, "p/root.json"), "\"n\": 2"));
    DREY_CHECK_EQ(kit_end(store, SQ_DELETE, "full"), 2);
    KIT_UNTIL(!kit_text(path, "p/full.json")[0]);
    DREY_CHECK_EQ(conflicts(store), 0);
    return 0;
}

static DREY_ASYNC int find_all_again(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(rev_of(store, "root"), 2);
    DREY_CHECK_STR(kit_head(store, "full"), "!gone");
    DREY_CHECK_STR(kit_search(store, "n"), "root ");
    DREY_CHECK_EQ(kit_verify(store), 0);
    return 0;
}

DREY_TEST(a_sheet_follows_its_context, .real_clock = true)
{
    LIVE(write_and_look);
    LIVE(find_all_again);
    return 0;
}

/* ---- the journal's tail */

static off_t journal_bytes(void)
{
    struct stat stat_;
    return stat(kit_path("store/.squirrel/journal"), &stat_) < 0 ? -1 : stat_.st_size;
}

static void change_byte(off_t at)
{
    int fd = open(kit_path("store/.squirrel/journal"), O_RDWR | O_CLOEXEC);
    char byte = 0;
    if (fd < 0 || pread(fd, &byte, 1, at) != 1)
        abort();
    byte = (char)(byte ^ 0x40);
    if (pwrite(fd, &byte, 1, at) != 1)
        abort();
    close(fd);
}

static off_t before_last;

static DREY_ASYNC int write_three(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(kit_put(store, "a", "{\"n\":1}"), 1);
    DREY_CHECK_EQ(kit_put(store, "b", "{\"n\":2}"), 1);
    before_last = journal_bytes();
    DREY_CHECK_EQ(kit_put(store, "c", "{\"n\":3}"), 1);
    return 0;
}

static DREY_ASYNC int find_three(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(rev_of(store, "c"), 1);
    return 0;
}

static DREY_ASYNC int find_two(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(rev_of(store, "b"), 1);
    DREY_CHECK_STR(kit_head(store, "c"), "!not_found");
    DREY_CHECK_EQ(kit_verify(store), 0);
    DREY_CHECK(kit_put(store, "d", "{}") > 0);
    return 0;
}

DREY_TEST(a_torn_tail_is_cut_off, .real_clock = true) /* S5 */
{
    LIVE(write_three);
    /* As if the power had gone in the middle of the third write; its sheet was never made. */
    DREY_CHECK_EQ(truncate(kit_path("store/.squirrel/journal"), before_last + 100), 0);
    DREY_CHECK_EQ(unlink(kit_path("store/p/c.json")), 0);
    LIVE(find_two);
    LIVE(find_two);
    return 0;
}

/* Each byte of what was closed counts: none can change without a refusal that says where. */
DREY_TEST(damage_is_refused, .real_clock = true)
{
    LIVE(write_three);
    off_t bytes = journal_bytes();
    int refused = 0, changed = 0;
    for (off_t at = 0; at < bytes - 32; at += 37, changed++) {
        DREY_SCOPE(scope);
        sq_store *store;
        sq_error error;
        char url[600];
        change_byte(at);
        snprintf(url, sizeof url, "dir:%s", kit_path("store"));
        int rc = sq_store_open(&scope, url, NULL, &store, &error);
        if (rc == 0) {
            printf("# byte %lld of %lld\n", (long long)at, (long long)bytes);
            store->ops->close(store);
        } else {
            refused += error.code == SQ_STORE_FAILED && strstr(error.message, "damaged at byte");
            change_byte(at);
        }
        DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
        DREY_CHECK(rc < 0);
    }
    DREY_CHECK(changed > 20);
    DREY_CHECK_EQ(refused, changed);
    LIVE(find_three);
    return 0;
}

/* While it is open, too: what is met says so, and verify names it. */
static DREY_ASYNC int damage_while_open(sq_store *store, const char *path)
{
    sq_verified found;
    sq_error error;
    (void)path;
    DREY_CHECK_EQ(kit_put(store, "b", "{\"n\":12345}"), 2);
    off_t bytes = journal_bytes();
    DREY_CHECK_EQ(kit_put(store, "c", "{\"n\":3}"), 1);
    for (off_t at = bytes - 300; at < bytes - 200; at += 8)
        change_byte(at);
    DREY_CHECK_EQ(store->ops->verify(store, &found, &error), 0);
    DREY_CHECK(found.problems > 0 && strstr(found.report.data, "damaged at byte"));
    sq_text_free(&found.report);
    for (off_t at = bytes - 300; at < bytes - 200; at += 8)
        change_byte(at);
    DREY_CHECK_EQ(kit_verify(store), 0);
    return 0;
}

DREY_TEST(verify_names_damage, .real_clock = true)
{
    LIVE(write_three);
    LIVE(damage_while_open);
    return 0;
}

/* ---- purge, compaction */

static int is_in_files(const char *secret)
{
    char command[1024];
    snprintf(command, sizeof command, "grep -rlaiF '%s' '%s' >/dev/null", secret, drey_test_dir());
    return system(command) == 0;
}

enum { SECRET_BYTES = 64, SECRETS = 40 };

static void make_secret(char out[SECRET_BYTES + 1])
{
    for (int i = 0; i < SECRET_BYTES; i++)
        out[i] = "0123456789abcdef"[drey_now() / 7 * (i + 3) % 16];
    out[SECRET_BYTES] = '\0';
}

static DREY_ASYNC int purge_secrets(sq_store *store, const char *path)
{
    char secret[SECRET_BYTES + 1], data[256], id[16];
    sq_error error;
    sq_status status;
    make_secret(secret);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < SECRETS; i++) {
            snprintf(id, sizeof id, "c%d", i);
            snprintf(data, sizeof data, "{\"n\":%d,\"text\":\"%s\"}", round, secret);
            DREY_CHECK_EQ(kit_put(store, id, data), round);
        }
    }
    snprintf(data, sizeof data, "{\"data\":{\"mine\":\"%s\"}", secret); /* no JSON */
    KIT_UNTIL(kit_text(path, "p/c0.json")[0]);
    kit_edit(path, "p/c0.json", data);
    KIT_UNTIL(conflicts(store) == 1);
    DREY_CHECK(is_in_files(secret));
    for (int i = 0; i < SECRETS; i++) {
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(kit_end(store, SQ_PURGE, id), 3);
    }
    DREY_CHECK_EQ(kit_put(store, "other", "{\"a\":\"still here\"}"), 1);
    DREY_CHECK_EQ(store->ops->scrub(store, &error), 0);
    DREY_CHECK_EQ(store->ops->status(store, &status, &error), 0);
    DREY_CHECK_EQ(status.scrubs, 0);
    DREY_CHECK(!is_in_files(secret));
    DREY_CHECK_STR(kit_head(store, "other"), "{\"a\":\"still here\"}");
    DREY_CHECK_STR(kit_head(store, "c1"), "!gone");
    DREY_CHECK_EQ(kit_verify(store), 0);
    return 0;
}

static DREY_ASYNC int find_others(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_STR(kit_head(store, "other"), "{\"a\":\"still here\"}");
    DREY_CHECK_EQ(kit_put(store, "c1", "{}"), 4); /* S14 */
    return 0;
}

DREY_TEST(a_purged_secret_is_in_no_file, .real_clock = true) /* S31 */
{
    LIVE(purge_secrets);
    LIVE(find_others);
    return 0;
}

/* Few contexts that change often: the journal does not grow for ever, and reads meanwhile find everything. */
static DREY_ASYNC int change_often(sq_store *store, const char *path)
{
    char data[1100], id[16], start[32];
    (void)path;
    for (int n = 1; n <= 300; n++) {
        snprintf(id, sizeof id, "c%d", n % 5);
        int at = snprintf(data, sizeof data, "{\"n\":%d,\"t\":\"", n);
        memset(data + at, 'x', 1000);
        memcpy(data + at + 1000, "\"}", 3);
        DREY_CHECK_EQ(kit_put(store, id, data), n / 5 + (n % 5 != 0));
        snprintf(start, sizeof start, "{\"n\":%d,", n);
        DREY_CHECK(strncmp(kit_head(store, id), start, strlen(start)) == 0);
    }
    KIT_UNTIL(journal_bytes() < 200000);
    DREY_CHECK_EQ(kit_verify(store), 0);
    return 0;
}

static DREY_ASYNC int find_the_last(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(rev_of(store, "c0"), 60);
    DREY_CHECK(strncmp(kit_head(store, "c0"), "{\"n\":300,", 9) == 0);
    DREY_CHECK_EQ(conflicts(store), 0);
    return 0;
}

/* As live, with a short history. */
static DREY_ASYNC int live_shortly(life *body)
{
    char path[512];
    sq_store *store;
    sq_store_options options = {.limits = {.history_revisions = 3}};
    snprintf(path, sizeof path, "%s", kit_path("store"));
    DREY_SCOPE(scope);
    int rc = kit_open(&scope, path, &options, &store);
    if (rc == 0) {
        rc = body(store, path);
        store->ops->close(store);
    }
    return drey_scope_close(&scope, rc);
}

DREY_TEST(a_journal_that_is_mostly_dead_is_made_anew, .real_clock = true)
{
    sq_dir_hook.compact_bytes = 64 << 10;
    DREY_CHECK_EQ(live_shortly(change_often), 0);
    DREY_CHECK_EQ(live_shortly(find_the_last), 0);
    return 0;
}

/* ---- backup and restore */

static char backup_path[600];

static DREY_ASYNC int back_up(sq_store *store, const char *path)
{
    sq_error error;
    DREY_CHECK_EQ(make_one(store, path), 0);
    DREY_CHECK_EQ(kit_put(store, "b", "{}"), 1);
    DREY_CHECK_EQ(store->ops->backup(store, backup_path, &error), 0);
    DREY_CHECK_EQ(store->ops->backup(store, backup_path, &error), -EINVAL);
    DREY_CHECK_STR(sq_code_name(error.code), "exists");
    DREY_CHECK_EQ(kit_put(store, "a", "{\"n\":2}"), 2);
    DREY_CHECK_EQ(kit_put(store, "later", "{\"later\":1}"), 1);
    KIT_UNTIL(kit_text(path, "p/later.json")[0]);
    return 0;
}

static DREY_ASYNC int find_as_it_was(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(rev_of(store, "a"), 1);
    DREY_CHECK_STR(kit_head(store, "later"), "!not_found");
    DREY_CHECK(strstr(kit_text(path, "p/a.json"), "\"n\": 1"));
    DREY_CHECK_STR(kit_text(path, "p/later.json"), "");
    DREY_CHECK_EQ(conflicts(store), 0);
    DREY_CHECK_EQ(kit_verify(store), 0);
    char command[1200];
    snprintf(command, sizeof command, "grep -q later '%s'/.squirrel/before-restore-*/p/later.json", path);
    DREY_CHECK_EQ(system(command), 0);
    kit_edit(path, "p/after.json", "{\"data\":{}}");
    KIT_UNTIL(rev_of(store, "after") == 1);
    return 0;
}

static DREY_ASYNC int find_as_it_was_still(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(rev_of(store, "a"), 1);
    DREY_CHECK_EQ(rev_of(store, "after"), 1);
    DREY_CHECK_EQ(conflicts(store), 0);
    return 0;
}

DREY_TEST(a_backup_is_a_store_and_can_be_restored, .real_clock = true)
{
    sq_error error;
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store"));
    snprintf(backup_path, sizeof backup_path, "%s", kit_path("backup"));
    LIVE(back_up);
    char url[600];
    snprintf(url, sizeof url, "dir:%s", path);
    DREY_CHECK_EQ(sq_store_restore(url, backup_path, &error), 0);
    LIVE(find_as_it_was);
    LIVE(find_as_it_was_still);
    snprintf(url, sizeof url, "dir:%s", kit_path("elsewhere"));
    DREY_CHECK_EQ(sq_store_restore(url, kit_path("nothing"), &error), -EINVAL);
    return 0;
}

DREY_TEST_MAIN()
