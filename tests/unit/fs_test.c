/* SPDX-License-Identifier: MIT */
/* Files and directories on both backends: results, limits, cancellation (R4, R5). */
#include <dirent.h>
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

TEST_ON_BOTH(write_and_read)
{
    char text[32];
    int fd = drey_file_open(path_of("a"), O_RDWR | O_CREAT | O_EXCL, 0600);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
    DREY_CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    DREY_CHECK_EQ(drey_file_write(fd, "hello ", 6), 6);
    DREY_CHECK_EQ(drey_file_write(fd, "world", 5), 5);
    DREY_CHECK_EQ(drey_file_pwrite(fd, "W", 1, 6), 1);
    DREY_CHECK_EQ(drey_file_sync_data(fd), 0);
    DREY_CHECK_EQ(drey_file_sync(fd), 0);
    DREY_CHECK_EQ(drey_file_read(fd, text, sizeof text), 0);
    DREY_CHECK_EQ(drey_file_pread(fd, text, sizeof text, 0), 11);
    DREY_CHECK(memcmp(text, "hello World", 11) == 0);
    DREY_CHECK_EQ(lseek(fd, 9, SEEK_SET), 9);
    DREY_CHECK_EQ(drey_file_read(fd, text, sizeof text), 2);
    DREY_CHECK_EQ(drey_file_read(fd, text, sizeof text), 0);
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    return 0;
}

TEST_ON_BOTH(errors)
{
    char byte;
    DREY_CHECK_EQ(make_file("a", "text"), 0);
    DREY_CHECK_EQ(drey_file_open(path_of("none"), O_RDONLY, 0), -ENOENT);
    DREY_CHECK_EQ(drey_file_open(path_of("a"), O_WRONLY | O_CREAT | O_EXCL, 0600), -EEXIST);
    DREY_CHECK_EQ(drey_file_open(path_of("a/b"), O_RDONLY, 0), -ENOTDIR);
    DREY_CHECK_EQ(drey_file_read(-1, &byte, 1), -EBADF);
    DREY_CHECK_EQ(drey_file_pread(0, &byte, 1, -1), -EINVAL);
    DREY_CHECK_EQ(drey_file_pwrite(0, &byte, 1, -1), -EINVAL);
    DREY_CHECK_EQ(drey_file_close(-1), -EBADF);
    DREY_CHECK_EQ(drey_file_sync(-1), -EBADF);
    int fd = drey_file_open(drey_test_dir(), O_RDONLY | O_DIRECTORY, 0);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_file_read(fd, &byte, 1), -EISDIR);
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    return 0;
}

TEST_ON_BOTH(full_disk)
{
    int fd = drey_file_open("/dev/full", O_WRONLY, 0);
    DREY_CHECK(fd >= 0);
    ssize_t put = drey_file_write(fd, "x", 1);
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    DREY_CHECK_EQ(put, -ENOSPC);
    return 0;
}

DREY_TEST(r12_outside_a_task, .no_runtime = true)
{
    struct stat st;
    size_t n;
    char byte;
    void *data;
    drey_dir_entry *entries;
    DREY_CHECK_EQ(drey_file_open("/", O_RDONLY, 0), -EPERM);
    DREY_CHECK_EQ(drey_file_read(0, &byte, 1), -EPERM);
    DREY_CHECK_EQ(drey_file_close(1000), -EPERM);
    DREY_CHECK_EQ(drey_file_stat("/", &st), -EPERM);
    DREY_CHECK_EQ(drey_dir_list("/", 1, &entries, &n), -EPERM);
    DREY_CHECK_EQ(drey_file_load("/", 1, &data, &n), -EPERM);
    DREY_CHECK_EQ(drey_file_store("/", "", 0, 0), -EPERM);
    return 0;
}

TEST_ON_BOTH(names)
{
    struct stat st;
    DREY_CHECK_EQ(make_file("a", "text"), 0);
    DREY_CHECK_EQ(symlink("a", path_of("link")), 0);
    DREY_CHECK_EQ(drey_file_stat(path_of("link"), &st), 0);
    DREY_CHECK(S_ISREG(st.st_mode) && st.st_size == 4);
    DREY_CHECK_EQ(drey_file_lstat(path_of("link"), &st), 0);
    DREY_CHECK(S_ISLNK(st.st_mode));
    DREY_CHECK_EQ(drey_file_stat(path_of("none"), &st), -ENOENT);
    DREY_CHECK_EQ(drey_file_stat(path_of("a/b"), &st), -ENOTDIR);
    DREY_CHECK_EQ(drey_file_rename(path_of("a"), path_of("b")), 0);
    DREY_CHECK_EQ(drey_file_rename(path_of("a"), path_of("b")), -ENOENT);
    DREY_CHECK_EQ(drey_file_stat(path_of("b"), &st), 0);
    DREY_CHECK_EQ(drey_dir_make(path_of("dir"), 0700), 0);
    DREY_CHECK_EQ(drey_dir_make(path_of("dir"), 0700), -EEXIST);
    DREY_CHECK_EQ(drey_file_unlink(path_of("dir")), -EISDIR);
    DREY_CHECK_EQ(drey_dir_remove(path_of("dir")), 0);
    DREY_CHECK_EQ(drey_dir_remove(path_of("dir")), -ENOENT);
    DREY_CHECK_EQ(drey_file_unlink(path_of("b")), 0);
    DREY_CHECK_EQ(drey_file_unlink(path_of("b")), -ENOENT);
    return 0;
}

TEST_ON_BOTH(fstat)
{
    struct stat st;
    int fd = drey_file_open("/dev/null", O_RDONLY, 0);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_file_fstat(fd, &st), 0);
    DREY_CHECK(S_ISCHR(st.st_mode));
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    DREY_CHECK_EQ(drey_file_fstat(fd, &st), -EBADF);
    return 0;
}

TEST_ON_BOTH(list)
{
    drey_dir_entry *entries = NULL;
    size_t count = 9;
    DREY_CHECK_EQ(make_file("b", ""), 0);
    DREY_CHECK_EQ(make_file("\xc3\xa4", ""), 0);
    DREY_CHECK_EQ(make_file("a", ""), 0);
    DREY_CHECK_EQ(drey_dir_make(path_of("Z"), 0700), 0);
    DREY_CHECK_EQ(drey_dir_list(drey_test_dir(), 3, &entries, &count), -E2BIG);
    DREY_CHECK_EQ(drey_dir_list(path_of("a"), 3, &entries, &count), -ENOTDIR);
    DREY_CHECK_EQ(drey_dir_list(path_of("none"), 3, &entries, &count), -ENOENT);
    DREY_CHECK_EQ(count, 9);
    DREY_CHECK_EQ(drey_dir_list(drey_test_dir(), 4, &entries, &count), 0);
    DREY_CHECK_EQ(count, 4);
    DREY_CHECK_STR(entries[0].name, "Z");
    DREY_CHECK_STR(entries[1].name, "a");
    DREY_CHECK_STR(entries[2].name, "b");
    DREY_CHECK_STR(entries[3].name, "\xc3\xa4");
    DREY_CHECK(entries[0].type == DT_DIR || entries[0].type == DT_UNKNOWN);
    free(entries);
    DREY_CHECK_EQ(drey_dir_list(path_of("Z"), 0, &entries, &count), 0);
    DREY_CHECK_EQ(count, 0);
    free(entries);
    return 0;
}

static DREY_ASYNC int refused_or(int rc)
{
    return rc == -ECANCELED ? 0 : -EINVAL;
}

TEST_ON_BOTH(r4_deadline_while_waiting_for_a_fifo)
{
    void *data;
    size_t bytes;
    char byte;
    int fds[2];
    const char *path = path_of("fifo");
    DREY_CHECK_EQ(mkfifo(path, 0600), 0);
    DREY_CHECK_EQ(pipe(fds), 0);
    DREY_SCOPE(scope, .timeout = DREY_SEC(10));
    int loaded = drey_file_load(path, 100, &data, &bytes);
    int rc = drey_scope_close(&scope, loaded);
    DREY_SCOPE(second, .timeout = DREY_SEC(10));
    int opened = drey_file_open(path, O_WRONLY, 0);
    int rc2 = drey_scope_close(&second, opened);
    DREY_SCOPE(third, .timeout = DREY_SEC(10));
    ssize_t got = drey_file_read(fds[0], &byte, 1);
    int rc3 = drey_scope_close(&third, (int)got);
    close(fds[0]);
    close(fds[1]);
    DREY_CHECK_EQ(loaded, -ECANCELED);
    DREY_CHECK_EQ(opened, -ECANCELED);
    DREY_CHECK_EQ(got, -ECANCELED);
    DREY_CHECK(rc == -ETIMEDOUT && rc2 == -ETIMEDOUT && rc3 == -ETIMEDOUT);
    return 0;
}

/* Everything is refused, but closing. */
TEST_ON_BOTH(r4_already_cancelled)
{
    struct stat st;
    char byte = 0;
    void *data;
    size_t n;
    drey_dir_entry *entries;
    DREY_CHECK_EQ(make_file("a", "text"), 0);
    int fd = drey_file_open(path_of("a"), O_RDWR, 0);
    DREY_CHECK(fd >= 0);
    DREY_SCOPE(scope);
    drey_scope_cancel(&scope, 0, "test");
    int wrong = refused_or(drey_file_open(path_of("a"), O_RDONLY, 0));
    wrong += refused_or((int)drey_file_read(fd, &byte, 1));
    wrong += refused_or((int)drey_file_write(fd, &byte, 1));
    wrong += refused_or((int)drey_file_pread(fd, &byte, 1, 0));
    wrong += refused_or((int)drey_file_pwrite(fd, &byte, 1, 0));
    wrong += refused_or(drey_file_sync(fd));
    wrong += refused_or(drey_file_sync_data(fd));
    wrong += refused_or(drey_file_fstat(fd, &st));
    wrong += refused_or(drey_file_stat(path_of("a"), &st));
    wrong += refused_or(drey_file_lstat(path_of("a"), &st));
    wrong += refused_or(drey_file_rename(path_of("a"), path_of("b")));
    wrong += refused_or(drey_file_unlink(path_of("a")));
    wrong += refused_or(drey_dir_make(path_of("c"), 0700));
    wrong += refused_or(drey_dir_remove(path_of("c")));
    wrong += refused_or(drey_dir_list(path_of("."), 10, &entries, &n));
    wrong += refused_or(drey_file_load(path_of("a"), 10, &data, &n));
    wrong += refused_or(drey_file_load_into(path_of("a"), &byte, 1, &n));
    wrong += refused_or(drey_file_store(path_of("a"), "x", 1, 0600));
    int closed = drey_file_close(fd);
    int rc = drey_scope_close(&scope, 0);
    DREY_CHECK_EQ(wrong, 0);
    DREY_CHECK_EQ(closed, 0);
    DREY_CHECK_EQ(count_names(), 1);
    return rc;
}

DREY_TEST_MAIN()
