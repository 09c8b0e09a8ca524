/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "testkit/testkit.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void make(char *path)
{
    const char *base = getenv("TMPDIR");
    if (base == NULL || *base == '\0')
        base = "/tmp";
    int n = snprintf(path, DREY__TEST_DIR_MAX, "%s/drey-test-XXXXXX", base);
    if (n >= DREY__TEST_DIR_MAX)
        drey__panic("drey_test_dir: TMPDIR is longer than %d bytes: %s", DREY__TEST_DIR_MAX - 18, base);
    if (mkdtemp(path) == NULL)
        drey__panic("drey_test_dir: no directory in %s: %s; set TMPDIR to a place to write", base, strerror(errno));
}

const char *drey_test_dir(void)
{
    if (drey__note == NULL)
        drey__panic("drey_test_dir: called outside a test");
    pthread_mutex_lock(&lock);
    if (drey__note->directory[0] == '\0')
        make(drey__note->directory);
    pthread_mutex_unlock(&lock);
    return drey__note->directory;
}

/* Depth first, so a directory comes when it is empty; the walk cannot enter one that lacks permission. */
static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)at;
    if (remove(path) < 0)
        fprintf(stderr, "cannot remove %s of the test's directory: %s\n", path,
                kind == FTW_DNR ? "it cannot be read" : strerror(errno));
    return 0;
}

void drey__directory_remove(void)
{
    enum { OPEN_AT_ONCE = 16 };
    if (drey__note->directory[0] == '\0')
        return;
    nftw(drey__note->directory, remove_one, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS);
    drey__note->directory[0] = '\0';
}
