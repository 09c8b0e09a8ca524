/* SPDX-License-Identifier: MIT */
/* Power cuts (S5) for the store of plain files, while somebody edits beside it. What was answered is there; what was
 * edited, and was on the disk, is a revision or a .conflict file (S27); nothing is taken for an edit that was none. */
#include <dirent.h>
#include <ftw.h>

#include "dir_kit.h"

enum { EDITED = 4, EDITS = 12, EDIT = 1 << 17 };

static bool mark_edit(uint32_t what, uint32_t value);

#define CRASH_MARKS_MORE mark_edit
#define CRASH_IDS        10 /* each image writes the files of them all */
#include "crash_kit.h"

/* ---- the editor: a new file that is synced, then renamed over the old one, whose folder is synced */

static DREY_ASYNC int edit(const char *store, int file, int edit_number)
{
    char path[1200], part[1200], folder[1100], text[64];
    snprintf(folder, sizeof folder, "%s/p", store);
    snprintf(path, sizeof path, "%s/c%d.json", folder, IDS + file);
    snprintf(part, sizeof part, "%s/mine-%d", folder, file);
    int bytes = snprintf(text, sizeof text, "{\"data\":{\"edit\":\"e%d-%d.\"}}", file, edit_number);
    int fd = sq_files_used->open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(sq_files_write_all(fd, text, (size_t)bytes, 0), 0);
    DREY_CHECK_EQ(sq_files_used->sync(fd), 0);
    DREY_CHECK_EQ(sq_files_used->close(fd), 0);
    watched_mark((uint32_t)(file | EDIT | SUBMITTED), (uint32_t)edit_number);
    DREY_CHECK_EQ(sq_files_used->rename(part, path, 0), 0);
    DREY_CHECK_EQ(sq_files_used->sync_folder(folder), 0);
    watched_mark((uint32_t)(file | EDIT), (uint32_t)edit_number);
    return 0;
}

static DREY_ASYNC int edit_some(void *arg)
{
    const char *store = arg;
    for (int n = 1; n <= EDITS; n++) {
        for (int file = 0; file < EDITED; file++)
            DREY_CHECK_EQ(edit(store, file, n), 0);
        int rc = drey_sleep(DREY_MS(7));
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Writes that meet the edits. */
static DREY_ASYNC int write_between(void *arg)
{
    char name[16];
    for (int n = 0; n < EDITS * 2; n++) {
        sprintf(name, "c%d", IDS + n % EDITED);
        DREY_CHECK(kit_put(arg, name, n % 2 ? "{\"store\":1}" : "{\"store\":2}") > 0);
        int rc = drey_sleep(DREY_MS(3));
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int work_and_edit(sq_store *store, char *path)
{
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, edit_some, path);
    if (rc == 0)
        rc = drey_go(&scope, write_between, store);
    if (rc == 0)
        rc = write_all(store);
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int record(void)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", kit_path("live"));
    watched_register();
    watched_sync_for_real(false);
    watched_root(path);
    watched_record(true);
    DREY_SCOPE(scope);
    sq_store *store;
    sq_error error;
    DREY_CHECK_EQ(kit_open(&scope, path, NULL, &store), 0);
    DREY_CHECK_EQ(kit_put(store, "c10", "{}"), 1); /* the folder of the project is there */
    KIT_UNTIL(kit_text(path, "p/c10.json")[0]);
    DREY_CHECK_EQ(work_and_edit(store, path), 0);
    DREY_CHECK_EQ(store->ops->scrub(store, &error), 0);
    store->ops->close(store);
    watched_record(false);
    return drey_scope_close(&scope, 0);
}

/* ---- images */

static int remove_one(const char *path, const struct stat *stat_, int what, struct FTW *walk)
{
    (void)stat_, (void)what;
    return walk->level > 0 ? remove(path) : 0;
}

static void empty_folder(const char *folder)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static uint32_t edited[EDITED], began[EDITED];

static bool mark_edit(uint32_t what, uint32_t value)
{
    uint32_t file = what & ~(uint32_t)(EDIT | SUBMITTED);
    if (what & EDIT)
        *(what & SUBMITTED ? &began[file] : &edited[file]) = value;
    return what & EDIT;
}

static bool has(const char *text, int file, uint32_t number)
{
    char token[32];
    snprintf(token, sizeof token, "e%d-%u.", file, number);
    return text && strstr(text, token);
}

/* Is an edit from the last one that was durable on in a .conflict file? */
static bool in_conflicts(const char *folder, int file)
{
    char path[1200], prefix[32];
    snprintf(path, sizeof path, "%s/p", folder);
    int bytes = snprintf(prefix, sizeof prefix, "c%d.json.conflict-", IDS + file);
    DIR *dir = opendir(path);
    bool found = false;
    for (const struct dirent *entry; dir && !found && (entry = readdir(dir));) {
        if (strncmp(entry->d_name, prefix, (size_t)bytes) != 0)
            continue;
        char name[256];
        snprintf(name, sizeof name, "p/%.200s", entry->d_name);
        const char *text = kit_text(folder, name);
        for (uint32_t n = edited[file]; n <= began[file]; n++)
            found = found || has(text, file, n);
    }
    if (dir)
        closedir(dir);
    return found;
}

static DREY_ASYNC bool in_history(sq_store *store, int file)
{
    char name[16];
    sq_page page;
    sq_error error;
    bool found = false;
    sprintf(name, "c%d", IDS + file);
    if (store->ops->history(store, &(sq_history){.project = "p", .id = name, .limit = 1000, .principal = "test"}, &page,
                            &error) < 0)
        return false;
    for (size_t i = 0; i < page.count; i++) {
        for (uint32_t n = edited[file]; n <= began[file]; n++)
            found = found || has(page.items[i]->data, file, n);
    }
    sq_page_free(&page);
    return found;
}

static DREY_ASYNC bool check_edit(sq_store *store, const char *folder, int file)
{
    if (edited[file] == 0 || in_history(store, file) || in_conflicts(folder, file))
        return true;
    printf("# edit %u of file %d is lost\n", edited[file], file);
    return false;
}

/* Contexts that nobody edits have no more revisions than were asked for. */
static DREY_ASYNC bool check_no_edit(sq_store *store, int id)
{
    char name[16];
    const sq_revision *head;
    sq_error error;
    sprintf(name, "c%d", id);
    if (store->ops->get(store, "p", name, 0, &head, &error) < 0)
        return true;
    bool good = head->op != SQ_OP_EXTERNAL && head->rev <= submitted[id];
    if (!good)
        printf("# %s: rev %lld is %s, which nobody asked for\n", name, (long long)head->rev, sq_op_name(head->op));
    sq_revision_unref(head);
    return good;
}

static bool no_conflict(const char *folder, int id)
{
    char path[64];
    bool good = true;
    for (uint32_t rev = 1; rev <= submitted[id]; rev++) {
        snprintf(path, sizeof path, "p/c%d.json.conflict-%u", id, rev);
        good = good && !kit_text(folder, path)[0];
    }
    if (!good)
        printf("# c%d: a conflict without an edit\n", id);
    return good;
}

static DREY_ASYNC int check_image(const char *folder)
{
    sq_store *store;
    bool good = true;
    DREY_SCOPE(scope);
    if (kit_open(&scope, folder, NULL, &store) < 0)
        return drey_scope_close(&scope, 0);
    for (int id = 0; id < IDS; id++) {
        good = check_context(store, id) && good;
        good = check_no_edit(store, id) && good;
        good = no_conflict(folder, id) && good;
    }
    for (int file = 0; file < EDITED; file++)
        good = check_edit(store, folder, file) && good;
    good = kit_verify(store) == 0 && good;
    store->ops->close(store);
    return drey_scope_close(&scope, good);
}

DREY_TEST(what_was_answered_or_edited_survives_a_power_cut, .timeout_seconds = 200, .real_clock = true) /* S5, S27 */
{
    int images;
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK_EQ(check_images(POINTS, false, &images), 0);
    DREY_CHECK(images >= 500);
    return 0;
}

DREY_TEST(without_syncs_the_test_fails, .timeout_seconds = 200, .real_clock = true) /* S5: the mutant */
{
    int images;
    watched_ignore_files(true);
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK(check_images(POINTS, true, &images) > 0);
    return 0;
}

DREY_TEST(without_syncs_of_folders_the_test_fails, .timeout_seconds = 200, .real_clock = true) /* S5: the mutant */
{
    int images;
    watched_ignore_folders(true);
    DREY_CHECK_EQ(record(), 0);
    DREY_CHECK(check_images(POINTS, true, &images) > 0);
    return 0;
}

DREY_TEST_MAIN()
