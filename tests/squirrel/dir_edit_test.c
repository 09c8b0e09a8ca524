/* SPDX-License-Identifier: MIT */
/* Others' edits of the files of a store: revisions, or .conflict files (S27). */
#include "dir_kit.h"

/* ---- others' edits */

static DREY_ASYNC int edit_live(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(make_one(store, path), 0);
    kit_edit(path, "p/a.json", "{\"data\":{\"n\":2}}");
    KIT_UNTIL(rev_of(store, "a") == 2);
    DREY_CHECK_STR(kit_head(store, "a"), "{\"n\":2}");
    kit_edit(path, "p/new.json", "{\"name\":\"N\",\"data\":{}}");
    KIT_UNTIL(rev_of(store, "new") == 1);
    DREY_CHECK_EQ(mkdir(kit_path("store/q"), 0777), 0);
    kit_edit(path, "q/there.json", "{\"data\":{\"q\":1}}");
    sq_project found[4];
    size_t count;
    sq_error error;
    KIT_UNTIL((count = 4, store->ops->projects(store, "", found, &count, &error) == 0 && count == 2));
    DREY_CHECK_EQ(unlink(kit_path("store/p/a.json")), 0);
    KIT_UNTIL(rev_of(store, "a") == -1);
    DREY_CHECK_STR(kit_head(store, "a"), "!gone");
    DREY_CHECK_EQ(conflicts(store), 0);
    const sq_revision *edited;
    DREY_CHECK_EQ(store->ops->get(store, "p", "a", 2, &edited, &error), 0);
    DREY_CHECK_EQ(edited->op, SQ_OP_EXTERNAL);
    sq_revision_unref(edited);
    /* What somebody wrote keeps its form. */
    DREY_CHECK_STR(kit_text(path, "p/new.json"), "{\"name\":\"N\",\"data\":{}}");
    return 0;
}

/* A project's folder is moved: its contexts end there, and are in the new place, where edits are seen. */
static DREY_ASYNC int move_a_project(sq_store *store, const char *path)
{
    char to[512];
    sq_error error;
    const sq_revision *moved;
    sq_status status;
    DREY_CHECK_EQ(kit_put(store, "a", "{\"n\":1}"), 1);
    /* While a file is written, its folder would be made again: wait for the group with its note. */
    KIT_UNTIL(store->ops->status(store, &status, &error) == 0 && status.groups == 2);
    snprintf(to, sizeof to, "%s", kit_path("store/q"));
    DREY_CHECK_EQ(rename(kit_path("store/p"), to), 0);
    KIT_UNTIL(rev_of(store, "a") == -1);
    KIT_UNTIL(store->ops->get(store, "q", "a", 1, &moved, &error) == 0);
    sq_revision_unref(moved);
    kit_edit(path, "q/a.json", "{\"data\":{\"n\":2}}");
    KIT_UNTIL(store->ops->get(store, "q", "a", 2, &moved, &error) == 0);
    sq_revision_unref(moved);
    return 0;
}

DREY_TEST(a_project_can_be_moved, .real_clock = true) /* S27 */
{
    LIVE(move_a_project);
    DREY_CHECK_STR(kit_text(kit_path("store"), ".squirrel/.gitignore"), "*\n");
    return 0;
}

DREY_TEST(an_edit_becomes_a_revision, .real_clock = true) /* S27 */
{
    LIVE(edit_live);
    return 0;
}

static DREY_ASYNC int find_edits(sq_store *store, const char *path)
{
    DREY_CHECK_STR(kit_head(store, "a"), "{\"n\":7}");
    DREY_CHECK_EQ(rev_of(store, "a"), 2);
    DREY_CHECK_STR(kit_head(store, "b"), "{\"b\":1}");
    DREY_CHECK_EQ(conflicts(store), 0);
    DREY_CHECK_STR(kit_text(path, "p/b.json"), "{\"data\":{\"b\":1}}");
    return 0;
}

static DREY_ASYNC int find_nothing_new(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(rev_of(store, "a"), 2);
    DREY_CHECK_EQ(unlink(kit_path("store/p/b.json")), 0);
    KIT_UNTIL(rev_of(store, "b") == -1);
    (void)path;
    return 0;
}

static DREY_ASYNC int find_it_gone(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_STR(kit_head(store, "a"), "!gone");
    DREY_CHECK_STR(kit_head(store, "b"), "!gone");
    return 0;
}

DREY_TEST(edits_are_found_at_opening, .real_clock = true) /* S27 */
{
    LIVE(make_one);
    kit_edit(kit_path("store"), "p/a.json", "{\"data\":{\"n\":7}}");
    kit_edit(kit_path("store"), "p/b.json", "{\"data\":{\"b\":1}}");
    LIVE(find_edits);
    LIVE(find_nothing_new);
    DREY_CHECK_EQ(unlink(kit_path("store/p/a.json")), 0);
    LIVE(find_it_gone);
    return 0;
}

static DREY_ASYNC int edit_badly(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(make_one(store, path), 0);
    kit_edit(path, "p/a.json", "{\"data\":{\"n\":");
    KIT_UNTIL(conflicts(store) == 1);
    DREY_CHECK_STR(kit_text(path, "p/a.json.conflict-1"), "{\"data\":{\"n\":");
    KIT_UNTIL(strstr(kit_text(path, "p/a.json"), "\"n\": 1"));
    kit_edit(path, "p/a.json", "{\"data\":{},\"id\":\"b\"}");
    KIT_UNTIL(conflicts(store) == 2);
    DREY_CHECK_STR(kit_text(path, "p/a.json.conflict-1.2"), "{\"data\":{},\"id\":\"b\"}");
    kit_edit(path, "p/c.json", "no JSON");
    KIT_UNTIL(conflicts(store) == 3);
    DREY_CHECK_STR(kit_text(path, "p/c.json.conflict-0"), "no JSON");
    DREY_CHECK_EQ(rev_of(store, "a"), 1);
    kit_edit(path, "p/not an id.json", "no JSON");
    kit_edit(path, "p/notes.txt", "no JSON");
    kit_edit(path, "p/a.json", "{\"data\":{\"n\":3}}");
    KIT_UNTIL(rev_of(store, "a") == 2);
    DREY_CHECK_STR(kit_text(path, "p/not an id.json"), "no JSON");
    DREY_CHECK_EQ(conflicts(store), 3);
    return 0;
}

static DREY_ASYNC int count_conflicts(sq_store *store, const char *path)
{
    (void)path;
    DREY_CHECK_EQ(conflicts(store), 3);
    /* A purge takes them along. */
    DREY_CHECK_EQ(kit_end(store, SQ_PURGE, "a"), 3);
    KIT_UNTIL(conflicts(store) == 1);
    return 0;
}

DREY_TEST(what_is_no_context_is_kept_aside, .real_clock = true) /* S27 */
{
    LIVE(edit_badly);
    LIVE(count_conflicts);
    return 0;
}

/* The store writes while somebody's edit is in the way: it becomes a conflict, and the store's version the file. */
static sq_files racing;
static char raced_path[600];
static int races;

static DREY_ASYNC int rename_after_an_edit(const char *from, const char *to, unsigned flags)
{
    if (flags == RENAME_EXCHANGE && races-- > 0)
        kit_edit(raced_path, "p/a.json", "{\"data\":{\"mine\":true}}");
    return sq_files_system.rename(from, to, flags);
}

static DREY_ASYNC int write_in_a_race(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(make_one(store, path), 0);
    snprintf(raced_path, sizeof raced_path, "%s", path);
    races = 1;
    DREY_CHECK_EQ(kit_put(store, "a", "{\"n\":2}"), 2);
    KIT_UNTIL(conflicts(store) == 1);
    DREY_CHECK_STR(kit_text(path, "p/a.json.conflict-2"), "{\"data\":{\"mine\":true}}");
    KIT_UNTIL(strstr(kit_text(path, "p/a.json"), "\"n\": 2"));
    DREY_CHECK_EQ(rev_of(store, "a"), 2);
    return 0;
}

DREY_TEST(an_edit_that_races_with_a_write_is_kept_aside, .real_clock = true) /* S27 */
{
    racing = sq_files_system;
    racing.rename = rename_after_an_edit;
    sq_files_used = &racing;
    LIVE(write_in_a_race);
    return 0;
}

static DREY_ASYNC int remove_a_parent(sq_store *store, const char *path)
{
    DREY_CHECK_EQ(make_one(store, path), 0);
    kit_edit(path, "p/child.json", "{\"parent_id\":\"a\",\"data\":{}}");
    KIT_UNTIL(rev_of(store, "child") == 1);
    DREY_CHECK_EQ(unlink(kit_path("store/p/a.json")), 0);
    KIT_UNTIL(kit_text(path, "p/a.json")[0]);
    DREY_CHECK_EQ(rev_of(store, "a"), 1);
    return 0;
}

DREY_TEST(a_file_that_must_not_go_comes_back, .real_clock = true) /* S16 */
{
    LIVE(remove_a_parent);
    return 0;
}

/* ---- the editor beside it: 200 edits, 10,000 in a soak */

enum { EDITED = 8, EDITS = 200, SOAK_EDITS = 10000 };

static bool *became; /* a revision, by the number of the edit */

static DREY_ASYNC void note_edits(void *arg, const sq_revision *const *revisions, size_t count)
{
    (void)arg;
    for (size_t i = 0; i < count; i++) {
        const char *at = revisions[i]->data ? strstr(revisions[i]->data, "\"edit\":") : NULL;
        if (at && revisions[i]->op == SQ_OP_EXTERNAL)
            became[atoi(at + 7)] = true;
    }
}

/* What the edit replaced, if that was another edit, which nobody has seen then but its editor. */
static int exchange_edit(const char *store, int number)
{
    char path[1100], part[1200], text[64];
    snprintf(path, sizeof path, "%s/p/e%d.json", store, number % EDITED);
    snprintf(part, sizeof part, "%s/p/mine", store);
    snprintf(text, sizeof text, "{\"data\":{\"edit\":%d}}", number);
    FILE *file = fopen(part, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_EXCHANGE) < 0) {
        if (rename(part, path) < 0)
            abort();
        return -1;
    }
    const char *at = strstr(kit_text(store, "p/mine"), "{\"edit\":");
    return at ? atoi(at + 8) : -1;
}

static DREY_ASYNC int write_beside(void *arg)
{
    char id[16];
    for (unsigned n = 0;; n++) {
        snprintf(id, sizeof id, "e%u", n % EDITED);
        int64_t rev = kit_put(arg, id, n % 2 ? "{\"store\":1}" : "{\"store\":2}");
        DREY_CHECK(rev > 0 || rev == -ECANCELED);
        int rc = rev < 0 ? (int)rev : drey_sleep(DREY_MS(3));
        if (rc < 0)
            return rc;
    }
}

static int edits(void)
{
    return getenv("DREY_SOAK") ? SOAK_EDITS : EDITS;
}

/* Edits in .conflict files. */
static int find_conflicts(const char *store, bool *kept)
{
    char command[700], line[256];
    int count = 0;
    snprintf(command, sizeof command, "find '%s/p' -name '*.conflict-*' -exec grep -ohE '\"edit\":[0-9]+' {} +", store);
    FILE *all = popen(command, "r");
    while (all && fgets(line, sizeof line, all)) {
        kept[atoi(line + 7)] = true;
        count++;
    }
    if (all)
        pclose(all);
    return count;
}

static DREY_ASYNC int edit_beside(sq_store *store, const char *path)
{
    int total = edits(), replaced = 0, lost = 0, revisions = 0;
    bool *kept = calloc((size_t)total + 1, sizeof *kept);
    DREY_CHECK(kept);
    DREY_CHECK_EQ(kit_put(store, "e0", "{}"), 1);
    KIT_UNTIL(kit_text(path, "p/e0.json")[0]);
    {
        DREY_SCOPE(writing);
        int rc = drey_go(&writing, write_beside, store);
        for (int n = 1; rc == 0 && n <= total; n++) {
            int before = exchange_edit(path, n);
            /* An edit's exchanged file stays as `mine`, and goes with the next. */
            if (before > 0 && !became[before]) {
                kept[before] = true;
                replaced++;
            }
            rc = drey_sleep(DREY_US(500 + n * 37 % 4000));
        }
        drey_scope_cancel(&writing, 0, NULL);
        DREY_CHECK_EQ(drey_scope_close(&writing, rc), 0);
    }
    int rc = drey_sleep(DREY_MS(1500));
    int in_conflicts = find_conflicts(path, kept);
    for (int n = 1; n <= total; n++) {
        revisions += became[n];
        if (!became[n] && !kept[n]) {
            printf("# edit %d is lost\n", n);
            lost++;
        }
    }
    free(kept);
    printf("# note: %d edits: %d are revisions, %d in .conflict files, %d were replaced by the editor unseen\n", total,
           revisions, in_conflicts, replaced);
    DREY_CHECK_EQ(lost, 0);
    DREY_CHECK(revisions > total / 10);
    return rc;
}

DREY_TEST(no_edit_is_lost, .real_clock = true, .timeout_seconds = 900) /* S27 */
{
    char path[512];
    sq_store *store;
    sq_store_options options = {.committed = note_edits, .limits = {.history_revisions = 20}};
    became = calloc((size_t)edits() + 1, sizeof *became);
    snprintf(path, sizeof path, "%s", kit_path("store"));
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, path, &options, &store), 0);
    int rc = edit_beside(store, path);
    if (rc == 0)
        rc = (int)kit_verify(store);
    store->ops->close(store);
    free(became);
    return drey_scope_close(&scope, rc);
}

DREY_TEST_MAIN()
