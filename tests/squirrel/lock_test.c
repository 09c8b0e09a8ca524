/* SPDX-License-Identifier: MIT */
/* Where a store and its socket are, and who owns it. */
#include <drey.h>
#include <drey/test.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/lock.h"
#include "service/site.h"
#include "store/filesystem.h"

static const char *in_dir(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", drey_test_dir(), name);
    return path;
}

/* S21 */
DREY_TEST(a_lock_has_one_holder_and_goes_with_its_last_descriptor, .no_runtime = true)
{
    const char *path = in_dir("a.lock");
    sq_error error;
    int first, second;
    DREY_CHECK_EQ(sq_lock_take(path, &first, &error), 0);
    DREY_CHECK_EQ(sq_lock_take(path, &second, &error), -EAGAIN);
    int copy = dup(first);
    close(first);
    DREY_CHECK_EQ(sq_lock_take(path, &second, &error), -EAGAIN); /* as an owner gets it from its starter */
    close(copy);
    DREY_CHECK_EQ(sq_lock_take(path, &second, &error), 0);
    close(second);
    DREY_CHECK_EQ(access(path, F_OK), 0);
    return 0;
}

DREY_TEST(a_lock_is_gone_with_a_process_that_is_killed, .no_runtime = true)
{
    const char *path = in_dir("a.lock");
    sq_error error;
    int ready[2], fd;
    DREY_CHECK_EQ(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        bool good = sq_lock_take(path, &fd, &error) == 0 && write(ready[1], "x", 1) == 1;
        while (good)
            pause();
        _exit(1);
    }
    char got;
    DREY_CHECK_EQ(read(ready[0], &got, 1), 1);
    DREY_CHECK_EQ(sq_lock_take(path, &fd, &error), -EAGAIN);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    DREY_CHECK_EQ(sq_lock_take(path, &fd, &error), 0);
    close(fd);
    close(ready[0]);
    close(ready[1]);
    return 0;
}

/* Somebody deletes the file although it is never to be: the lock on what was deleted is not taken for the lock. */
DREY_TEST(a_lock_file_that_was_replaced_is_not_trusted, .no_runtime = true)
{
    const char *path = in_dir("a.lock");
    sq_error error;
    int old, fresh;
    DREY_CHECK_EQ(sq_lock_take(path, &old, &error), 0);
    unlink(path);
    DREY_CHECK_EQ(sq_lock_take(path, &fresh, &error), 0);
    struct stat of_fresh, named;
    DREY_CHECK_EQ(fstat(fresh, &of_fresh), 0);
    DREY_CHECK_EQ(stat(path, &named), 0);
    DREY_CHECK_EQ(of_fresh.st_ino, named.st_ino);
    close(old);
    close(fresh);
    return 0;
}

DREY_TEST(a_link_is_no_lock, .no_runtime = true)
{
    const char *path = in_dir("a.lock"), *target = in_dir("target");
    sq_error error;
    int fd;
    DREY_CHECK_EQ(symlink(target, path), 0);
    DREY_CHECK_EQ(sq_lock_take(path, &fd, &error), -EINVAL);
    DREY_CHECK(access(target, F_OK) < 0);
    return 0;
}

DREY_TEST(what_the_holder_says_is_read_back, .no_runtime = true)
{
    const char *path = in_dir("a.lock");
    sq_lock_info info = {.pid = 1234567, .started = "2026-11-23T05:00:00.000Z", .version = "0.1.0",
                         .socket = "/a/long/path/to/a/socket"}, read;
    sq_error error;
    int fd;
    DREY_CHECK_EQ(sq_lock_read(path, &read), -ENOENT);
    DREY_CHECK_EQ(sq_lock_take(path, &fd, &error), 0);
    DREY_CHECK_EQ(sq_lock_read(path, &read), -ENODATA);
    DREY_CHECK_EQ(sq_lock_write(fd, &info), 0);
    info.socket[0] = '\0';
    DREY_CHECK_EQ(sq_lock_write(fd, &info), 0); /* the shorter text leaves nothing of the longer one */
    DREY_CHECK_EQ(sq_lock_read(path, &read), 0);
    DREY_CHECK_EQ(read.pid, 1234567);
    DREY_CHECK_STR(read.started, info.started);
    DREY_CHECK_STR(read.version, "0.1.0");
    DREY_CHECK_STR(read.socket, "");
    DREY_CHECK_EQ(pwrite(fd, "{{{{", 4, 0), 4);
    DREY_CHECK_EQ(sq_lock_read(path, &read), -ENODATA); /* torn */
    close(fd);
    return 0;
}

DREY_TEST(a_store_has_one_place_however_its_path_is_written, .no_runtime = true)
{
    sq_site a, b;
    sq_error error;
    char url[600], linked[600];
    DREY_CHECK_EQ(mkdir(in_dir("real"), 0700), 0);
    DREY_CHECK_EQ(symlink("real", in_dir("other")), 0);
    snprintf(url, sizeof url, "sqlite:%s", in_dir("real/../real/x.db"));
    snprintf(linked, sizeof linked, "sqlite:%s", in_dir("other//x.db"));
    DREY_CHECK_EQ(sq_site_find(url, &a, &error), 0);
    DREY_CHECK_EQ(sq_site_find(linked, &b, &error), 0);
    DREY_CHECK_STR(a.url, b.url);
    DREY_CHECK_STR(a.lock, b.lock);
    sq_site_free(&a);
    close(open(in_dir("real/x.db"), O_CREAT | O_WRONLY, 0600)); /* and once it is there */
    DREY_CHECK_EQ(sq_site_find(linked, &a, &error), 0);
    DREY_CHECK_STR(a.lock, b.lock);
    sq_site_free(&a);
    sq_site_free(&b);
    return 0;
}

DREY_TEST(what_is_no_store_is_refused_with_what_to_do, .no_runtime = true)
{
    static const struct { const char *url, *part; sq_code code; } bad[] = {
        {"notes.db", "say sqlite:PATH", SQ_USAGE},
        {"sqlite:", "lacks its path", SQ_USAGE},
        {"redis:x", "say sqlite:PATH", SQ_USAGE},
        {"sqlite:/nowhere/at/all/x.db", "make it first", SQ_NOT_FOUND},
        {"sqlite:/tmp", "say dir:PATH", SQ_INVALID},
        {"dir:/etc/passwd", "say sqlite:PATH", SQ_INVALID},
        {"sqlite:/proc/self/x.db", "", SQ_OK},
    };
    for (size_t i = 0; bad[i].code != SQ_OK; i++) {
        sq_site site;
        sq_error error;
        DREY_CHECK_EQ(sq_site_find(bad[i].url, &site, &error), -EINVAL);
        DREY_CHECK_EQ(error.code, bad[i].code);
        DREY_CHECK(strstr(error.message, bad[i].part) != NULL);
    }
    return 0;
}

/* S22 */
DREY_TEST(a_socket_is_where_nobody_else_can_write, .no_runtime = true)
{
    char url[600], socket[SQ_SOCKET_BYTES + 1], beside[600];
    sq_error error;
    sq_site site;
    snprintf(url, sizeof url, "sqlite:%s", in_dir("x.db"));
    DREY_CHECK_EQ(sq_site_find(url, &site, &error), 0);
    snprintf(beside, sizeof beside, "%s", in_dir("x.db.sock"));
    DREY_CHECK_EQ(chmod(drey_test_dir(), 0700), 0);
    DREY_CHECK_EQ(sq_site_socket(&site, socket, &error), 0);
    if (strlen(beside) <= SQ_SOCKET_BYTES)
        DREY_CHECK_STR(socket, beside);
    DREY_CHECK_EQ(mkdir(in_dir("run"), 0700), 0);
    DREY_CHECK_EQ(setenv("XDG_RUNTIME_DIR", in_dir("run"), 1), 0);
    DREY_CHECK_EQ(chmod(drey_test_dir(), 0755), 0); /* others can look in */
    DREY_CHECK_EQ(sq_site_socket(&site, socket, &error), 0);
    DREY_CHECK(strstr(socket, "/run/squirrel/") != NULL);
    DREY_CHECK_EQ(chmod(in_dir("run"), 0770), 0); /* a group can write there */
    DREY_CHECK_EQ(sq_site_socket(&site, socket, &error), 0);
    DREY_CHECK(strncmp(socket, "/tmp/squirrel-", 14) == 0);
    sq_site_free(&site);
    return 0;
}

DREY_TEST(a_socket_path_is_never_too_long, .no_runtime = true)
{
    char folder[700], url[800], socket[SQ_SOCKET_BYTES + 1];
    sq_error error;
    sq_site site;
    snprintf(folder, sizeof folder, "%s/%0100d", drey_test_dir(), 1);
    DREY_CHECK_EQ(mkdir(folder, 0700), 0);
    snprintf(url, sizeof url, "sqlite:%s/x.db", folder);
    DREY_CHECK_EQ(unsetenv("XDG_RUNTIME_DIR"), 0);
    DREY_CHECK_EQ(sq_site_find(url, &site, &error), 0);
    DREY_CHECK_EQ(sq_site_socket(&site, socket, &error), 0);
    DREY_CHECK(strncmp(socket, "/tmp/squirrel-", 14) == 0);
    sq_site_free(&site);
    return 0;
}

/* S23 */
DREY_TEST(file_systems_whose_locks_cannot_be_trusted_are_refused, .no_runtime = true)
{
    sq_error error;
    DREY_CHECK_EQ(sq_filesystem_check(drey_test_dir(), &error), 0);
    DREY_CHECK_EQ(sq_filesystem_check(in_dir("nowhere"), &error), -EINVAL);
    DREY_CHECK_EQ(error.code, SQ_NOT_FOUND);
    DREY_CHECK_STR(sq_filesystem_refused(0x6969), "NFS");
    DREY_CHECK_STR(sq_filesystem_refused(0xff534d42), "CIFS");
    DREY_CHECK_STR(sq_filesystem_refused(0x01021997), "9p");
    DREY_CHECK_STR(sq_filesystem_refused(0x65735546), "FUSE or virtiofs");
    DREY_CHECK(sq_filesystem_refused(0xef53) == NULL);     /* ext4 */
    DREY_CHECK(sq_filesystem_refused(0x9123683e) == NULL); /* btrfs */
    return 0;
}

DREY_TEST_MAIN()
