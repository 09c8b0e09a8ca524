/* SPDX-License-Identifier: MIT */
/* Whole files on both backends: limits, pipes, all or nothing (R4), many at once, virtual time (R17). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs_kit.h"
#include "on_both.h"

TEST_ON_BOTH(load)
{
    void *data = NULL;
    size_t bytes = 99;
    char small[4];
    DREY_CHECK_EQ(make_file("a", "12345"), 0);
    DREY_CHECK_EQ(make_file("empty", ""), 0);
    DREY_CHECK_EQ(drey_file_load(path_of("a"), 4, &data, &bytes), -EFBIG);
    DREY_CHECK_EQ(drey_file_load(drey_test_dir(), 4, &data, &bytes), -EISDIR);
    DREY_CHECK_EQ(drey_file_load(path_of("none"), 4, &data, &bytes), -ENOENT);
    DREY_CHECK_EQ(drey_file_load_into(path_of("a"), small, 4, &bytes), -EFBIG);
    DREY_CHECK_EQ(bytes, 99);
    DREY_CHECK_EQ(drey_file_load(path_of("a"), 5, &data, &bytes), 0);
    DREY_CHECK_EQ(bytes, 5);
    DREY_CHECK_STR((char *)data, "12345");
    free(data);
    DREY_CHECK_EQ(drey_file_load(path_of("empty"), 0, &data, &bytes), 0);
    DREY_CHECK_EQ(bytes, 0);
    DREY_CHECK_STR((char *)data, "");
    free(data);
    DREY_CHECK_EQ(make_file("b", "1234"), 0);
    DREY_CHECK_EQ(drey_file_load_into(path_of("b"), small, 4, &bytes), 0);
    DREY_CHECK_EQ(bytes, 4);
    DREY_CHECK(memcmp(small, "1234", 4) == 0);
    return 0;
}

/* Into a buffer that is larger than the file; sizes around the borders of blocks and of pages, cached and not, and with
 * only the first page cached, where a read that does not wait ends early. */
TEST_ON_BOTH(load_into_a_larger_buffer)
{
    static const size_t sizes[] = {0, 1, 511, 512, 513, 4095, 4096, 4097, 8192, 12388, 65536, 66000};
    static char text[70000], data[70000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i % 251);
    for (size_t i = 0; i < 3 * (sizeof sizes / sizeof sizes[0]); i++) {
        size_t size = sizes[i / 3], bytes = 99999;
        DREY_CHECK_EQ(drey_file_store(path_of("a"), text, size, 0600), 0);
        int fd = open(path_of("a"), O_RDONLY | O_CLOEXEC);
        DREY_CHECK(fd >= 0);
        if (i % 3 > 0)
            posix_fadvise(fd, i % 3 == 1 ? 0 : 4096, 0, POSIX_FADV_DONTNEED);
        close(fd);
        memset(data, 'x', sizeof data);
        DREY_CHECK_EQ(drey_file_load_into(path_of("a"), data, sizeof data, &bytes), 0);
        DREY_CHECK_EQ(bytes, size);
        DREY_CHECK(memcmp(data, text, size) == 0 && data[size] == 'x');
        DREY_CHECK_EQ(drey_file_load_into(path_of("a"), data, size, &bytes), 0);
        DREY_CHECK_EQ(bytes, size);
        if (size > 0)
            DREY_CHECK_EQ(drey_file_load_into(path_of("a"), data, size - 1, &bytes), -EFBIG);
    }
    return 0;
}

/* Files that do not say their size: the limit counts all the same. */
TEST_ON_BOTH(load_without_a_size)
{
    void *data;
    size_t bytes;
    char small[8];
    DREY_CHECK_EQ(drey_file_load("/proc/self/status", 1 << 20, &data, &bytes), 0);
    DREY_CHECK(bytes > 100 && memcmp(data, "Name:", 5) == 0);
    free(data);
    DREY_CHECK_EQ(drey_file_load("/proc/self/status", 100, &data, &bytes), -EFBIG);
    DREY_CHECK_EQ(drey_file_load_into("/proc/self/status", small, sizeof small, &bytes), -EFBIG);
    DREY_CHECK_EQ(drey_file_load_into("/dev/zero", small, sizeof small, &bytes), -EFBIG);
    DREY_CHECK_EQ(drey_file_load_into(drey_test_dir(), small, sizeof small, &bytes), -EISDIR);
    DREY_CHECK_EQ(drey_file_load("/dev/zero", 100000, &data, &bytes), -EFBIG);
    DREY_CHECK_EQ(drey_file_load("/dev/null", 0, &data, &bytes), 0);
    DREY_CHECK_EQ(bytes, 0);
    free(data);
    return 0;
}

TEST_ON_BOTH(load_large)
{
    enum { BYTES = 5000001 };
    char *text = malloc(BYTES);
    DREY_CHECK(text != NULL);
    for (size_t i = 0; i < BYTES; i++)
        text[i] = (char)(i % 251);
    void *data;
    size_t bytes;
    DREY_CHECK_EQ(drey_file_store(path_of("large"), text, BYTES, 0600), 0);
    DREY_CHECK_EQ(drey_file_load(path_of("large"), BYTES, &data, &bytes), 0);
    DREY_CHECK_EQ(bytes, BYTES);
    DREY_CHECK(memcmp(data, text, BYTES) == 0);
    free(data);
    free(text);
    return 0;
}

static DREY_ASYNC int write_fifo(void *arg)
{
    int fd = drey_file_open(arg, O_WRONLY, 0);
    if (fd < 0)
        return fd;
    int rc = drey_sleep(DREY_SEC(1));
    ssize_t put = rc == 0 ? drey_file_write(fd, "thr", 3) : rc;
    rc = put == 3 ? drey_sleep(DREY_SEC(1)) : (int)put;
    put = rc == 0 ? drey_file_write(fd, "ough", 4) : rc;
    int closed = drey_file_close(fd);
    return put < 0 ? (int)put : closed;
}

/* A named pipe: the reader waits for the writer, the writer for the reader, and neither blocks the only worker. What
 * is in the pipe when the reader looks is not all that comes. */
TEST_ON_BOTH(load_fifo)
{
    void *data = NULL;
    char small[100];
    size_t bytes = 0;
    const char *path = path_of("fifo");
    DREY_CHECK_EQ(mkfifo(path, 0600), 0);
    DREY_SCOPE(scope);
    int rc = drey_go(&scope, write_fifo, (void *)(uintptr_t)path);
    if (rc == 0)
        rc = drey_sleep(DREY_SEC(1));
    int loaded = drey_file_load(path, 100, &data, &bytes);
    if (rc == 0)
        rc = drey_go(&scope, write_fifo, (void *)(uintptr_t)path);
    int into = drey_file_load_into(path, small, sizeof small, &bytes);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(loaded, 0);
    DREY_CHECK_STR((char *)data, "through");
    DREY_CHECK_EQ(into, 0);
    DREY_CHECK(bytes == 7 && memcmp(small, "through", 7) == 0);
    free(data);
    return rc;
}

TEST_ON_BOTH(store)
{
    void *data;
    size_t bytes;
    struct stat st;
    mode_t mask = umask(022);
    int rc = drey_file_store(path_of("a"), "first", 5, 0666);
    umask(mask);
    DREY_CHECK_EQ(rc, 0);
    DREY_CHECK_EQ(drey_file_stat(path_of("a"), &st), 0);
    DREY_CHECK_EQ(st.st_mode & 0777, 0644);
    DREY_CHECK_EQ(drey_file_store(path_of("a"), "2", 1, 0600), 0);
    DREY_CHECK_EQ(drey_file_load(path_of("a"), 10, &data, &bytes), 0);
    DREY_CHECK_STR((char *)data, "2");
    free(data);
    DREY_CHECK_EQ(drey_file_store(path_of("empty"), "", 0, 0600), 0);
    DREY_CHECK_EQ(count_names(), 2);
    return 0;
}

TEST_ON_BOTH(store_fails_without_a_trace)
{
    struct stat st;
    DREY_CHECK_EQ(drey_file_store(path_of("none/a"), "x", 1, 0600), -ENOENT);
    DREY_CHECK_EQ(drey_dir_make(path_of("dir"), 0700), 0);
    DREY_CHECK_EQ(drey_file_store(path_of("dir"), "x", 1, 0600), -EISDIR);
    DREY_CHECK_EQ(drey_file_stat(path_of("dir"), &st), 0);
    DREY_CHECK(S_ISDIR(st.st_mode));
    DREY_CHECK_EQ(count_names(), 1);
    return 0;
}

static char cut_path[512];

static DREY_ASYNC int store_and_look(void *arg)
{
    (void)arg;
    int rc = drey_file_store(cut_path, "new content", 11, 0600);
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(5));
    void *data = NULL;
    size_t bytes = 0, count = 0;
    drey_dir_entry *entries = NULL;
    char folder[512];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(cut_path, '/') - cut_path), cut_path);
    int loaded = drey_file_load(cut_path, 100, &data, &bytes);
    int listed = drey_dir_list(folder, 10, &entries, &count);
    bool whole = loaded == 0 && strcmp(data, rc == 0 ? "new content" : "old") == 0;
    free(data);
    free(entries);
    int restored = drey_file_store(cut_path, "old", 3, 0600);
    int closed = drey_scope_close(&shield, 0);
    DREY_CHECK_EQ(listed, 0);
    DREY_CHECK_EQ(count, 1);
    DREY_CHECK(whole);
    DREY_CHECK_EQ(restored, 0);
    DREY_CHECK_EQ(closed, 0);
    return rc;
}

/* R4: wherever it is cut, the old content or the new is there, and nothing else. */
DREY_TEST(r4_store_cut_everywhere, .no_runtime = true)
{
    snprintf(cut_path, sizeof cut_path, "%s", path_of("a"));
    DREY_CHECK_EQ(make_file("a", "old"), 0);
    DREY_CHECK(drey_test_cancel_everywhere(store_and_look, NULL, 1) > 3);
    return 0;
}

static DREY_ASYNC int load_self(void *arg)
{
    (void)arg;
    void *data;
    size_t bytes;
    int rc = drey_file_load("/proc/self/status", 1 << 16, &data, &bytes);
    if (rc == 0)
        free(data);
    return rc;
}

DREY_TEST(r4_load_cut_everywhere, .no_runtime = true)
{
    DREY_CHECK(drey_test_cancel_everywhere(load_self, NULL, 1) > 1);
    return 0;
}

/* Memory that is out in any place is -ENOMEM and leaves nothing behind. */
TEST_ON_BOTH(memory_is_out)
{
    void *data;
    size_t bytes;
    DREY_CHECK_EQ(make_file("a", "old"), 0);
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_file_load(path_of("a"), 10, &data, &bytes), -ENOMEM);
    drey_test_fail_alloc(1);
    DREY_CHECK_EQ(drey_file_store(path_of("a"), "x", 1, 0600), -ENOMEM);
    drey_test_fail_alloc(0);
    DREY_CHECK_EQ(drey_file_load(path_of("a"), 10, &data, &bytes), 0);
    DREY_CHECK_STR((char *)data, "old");
    free(data);
    return 0;
}

enum { FILES = 200, READERS = 16 };

static struct {
    char paths[FILES][512];
    _Atomic int next, wrong;
} many;

static DREY_ASYNC int read_some(void *arg)
{
    (void)arg;
    for (int i; (i = atomic_fetch_add(&many.next, 1)) < FILES * 10;) {
        char text[64] = "";
        size_t bytes;
        int rc = drey_file_load_into(many.paths[i % FILES], text, sizeof text - 1, &bytes);
        if (rc < 0)
            return rc;
        if (bytes != 4 || atoi(text) != 1000 + i % FILES)
            atomic_fetch_add(&many.wrong, 1);
    }
    return 0;
}

static DREY_ASYNC int write_one(void *arg)
{
    int i = (int)(intptr_t)arg;
    char text[16];
    snprintf(text, sizeof text, "%d", 1000 + i);
    return drey_file_store(many.paths[i], text, 4, 0600);
}

TEST_ON_BOTH(many_at_once, .workers = 4, .real_clock = true)
{
    int rc = 0;
    for (int i = 0; i < FILES; i++)
        snprintf(many.paths[i], sizeof many.paths[i], "%s/%d", drey_test_dir(), i);
    many.next = many.wrong = 0;
    DREY_SCOPE(writing, .limit = 32, .spread = true);
    for (int i = 0; i < FILES && rc == 0; i++)
        rc = drey_go(&writing, write_one, (void *)(intptr_t)i);
    rc = drey_scope_close(&writing, rc);
    DREY_CHECK_EQ(rc, 0);
    DREY_SCOPE(reading, .spread = true);
    for (int i = 0; i < READERS && rc == 0; i++)
        rc = drey_go(&reading, read_some, NULL);
    rc = drey_scope_close(&reading, rc);
    DREY_CHECK_EQ(many.wrong, 0);
    return rc;
}

struct slow {
    const char *path;
    int rc;
};

static DREY_ASYNC int store_slowly(void *arg)
{
    struct slow *s = arg;
    static char block[1 << 20];
    s->rc = drey_file_store(s->path, block, sizeof block, 0600);
    return 0;
}

/* R5, R17: operations in flight hold the virtual clock, so a deadline that is far away does not come. */
TEST_ON_BOTH(r17_operations_hold_the_clock)
{
    struct slow s = {.path = path_of("a"), .rc = 1};
    DREY_SCOPE(scope, .timeout = DREY_SEC(3600));
    int rc = drey_go(&scope, store_slowly, &s);
    rc = drey_scope_close(&scope, rc);
    DREY_CHECK_EQ(s.rc, 0);
    return rc;
}

DREY_TEST_MAIN()
