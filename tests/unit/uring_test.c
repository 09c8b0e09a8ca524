/* SPDX-License-Identifier: MIT */
/* Parts of io_uring that a kernel lacks, or that are switched off: io/features.h. What is missing is done otherwise. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/io.h"
#include "net_kit.h"
#include "sched/worker.h"

static const char *const FEATURES[] = {"open",   "read",   "write", "sync", "sync_data", "close",
                                       "rename", "unlink", "calls", "coop", "defer"};
enum { COUNT = sizeof FEATURES / sizeof FEATURES[0], PAIRS = 6 };

/* Each operation on files. Creating, syncing, closing, renaming and removing are never done on the spot. */
static DREY_ASYNC int use_files(const char *directory)
{
    char path[512], other[520], got[16] = "";
    snprintf(path, sizeof path, "%s/file", directory);
    snprintf(other, sizeof other, "%s.old", path);
    int fd = drey_file_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_file_write(fd, "0123456789", 10), 10);
    DREY_CHECK_EQ(drey_file_sync(fd), 0);
    DREY_CHECK_EQ(drey_file_sync_data(fd), 0);
    DREY_CHECK_EQ(drey_file_pread(fd, got, 4, 3), 4);
    DREY_CHECK_STR(got, "3456");
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    DREY_CHECK_EQ(drey_file_rename(path, other), 0);
    DREY_CHECK_EQ(drey_file_unlink(path), -ENOENT);
    DREY_CHECK_EQ(drey_file_unlink(other), 0);
    return 0;
}

struct side {
    int fd;
    char letter;
};

static DREY_ASYNC int play(void *arg)
{
    const struct side *s = arg;
    char ball = s->letter;
    for (int i = 0; i < 20; i++) {
        if (drey_write(s->fd, &ball, 1) != 1 || drey_read(s->fd, &ball, 1) != 1)
            return -EIO;
        if (ball != 'a' && ball != 'b')
            return -EILSEQ;
    }
    return 0;
}

static DREY_ASYNC int use_sockets(void)
{
    struct side sides[2 * PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        int fds[2];
        DREY_CHECK_EQ(drey_socket_pair(fds), 0);
        sides[2 * i] = (struct side){fds[0], 'a'};
        sides[2 * i + 1] = (struct side){fds[1], 'b'};
    }
    DREY_SCOPE(scope);
    for (int i = 0; i < 2 * PAIRS; i++)
        DREY_CHECK_EQ(drey_go(&scope, play, &sides[i]), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < 2 * PAIRS; i++)
        drey_close(sides[i].fd);
    return 0;
}

static DREY_ASYNC int use_all(void *arg)
{
    int rc = use_files(arg);
    return rc < 0 ? rc : use_sockets();
}

static int run_without(const char *features, drey_fn *fn, void *arg)
{
    drey_config config = {.workers = 1};
    setenv("DREY_URING_WITHOUT", features, 1);
    int rc = drey_run(&config, fn, arg);
    unsetenv("DREY_URING_WITHOUT");
    return rc;
}

/* Each feature alone, each pair of them, and all. */
DREY_TEST(without_each_and_each_two, .no_runtime = true, .timeout_seconds = 120)
{
    char off[256] = "";
    void *directory = (void *)(uintptr_t)drey_test_dir();
    DREY_CHECK_EQ(run_without("", use_all, directory), 0);
    for (int i = 0; i < COUNT; i++)
        for (int k = i; k < COUNT; k++) {
            snprintf(off, sizeof off, "%s,%s", FEATURES[i], FEATURES[k]);
            DREY_CHECK_EQ(run_without(off, use_all, directory), 0);
        }
    off[0] = '\0';
    for (int i = 0; i < COUNT; i++)
        snprintf(off + strlen(off), sizeof off - strlen(off), "%s%s", i > 0 ? "," : "", FEATURES[i]);
    DREY_CHECK_EQ(run_without(off, use_all, directory), 0);
    return 0;
}

static int look(void *arg)
{
    *(bool *)arg = drey__self->io->calls.gathers;
    return 0;
}

DREY_TEST(switched_off_is_off, .no_runtime = true)
{
    bool with = false, without = true;
    DREY_CHECK_EQ(run_without("", look, &with), 0);
    DREY_CHECK_EQ(run_without("calls", look, &without), 0);
    DREY_CHECK(!without);
    if (!with)
        DREY_SKIP("io_uring is not in use here");
    return 0;
}

DREY_TEST(names_that_are_none, .no_runtime = true)
{
    bool ignored;
    if (!DREY_HAVE_URING)
        DREY_SKIP("this build has no io_uring");
    DREY_CHECK_EQ(run_without("call", look, &ignored), -EINVAL);
    DREY_CHECK_EQ(run_without("calls,,defer", look, &ignored), -EINVAL);
    DREY_CHECK_EQ(run_without("calls,defer,", look, &ignored), 0);
    return 0;
}

DREY_TEST_MAIN()
