/* SPDX-License-Identifier: MIT */
/* Testing async code: a test is a task. It runs under the virtual clock, with the lock rule at abort. */
#include "context.h"

#include <drey/test.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Write a file into the test's own directory; its path goes to `path`. */
static DREY_ASYNC int write_file(const char *name, const char *text, char *path, size_t bytes)
{
    snprintf(path, bytes, "%s/%s", drey_test_dir(), name);
    return drey_file_store(path, text, strlen(text), 0644);
}

DREY_TEST(load_context)
{
    char path[1024];
    context loaded;
    DREY_CHECK_EQ(write_file("test-context.json", "{\"id\": \"test\", \"data\": {\"step\": 1}}", path, sizeof path), 0);

    DREY_CHECK_EQ(context_load(path, &loaded), 0);

    DREY_CHECK_STR(loaded.id, "test");
    DREY_CHECK_EQ(json_object_size(loaded.data), 1);
    context_deinit(&loaded);
    return 0;
}

DREY_TEST(load_context_refuses_what_is_no_context)
{
    char path[1024];
    context loaded;
    DREY_CHECK_EQ(write_file("broken.json", "{\"id\": \"test\"", path, sizeof path), 0);
    DREY_CHECK_EQ(context_load(path, &loaded), -EINVAL);
    DREY_CHECK_EQ(write_file("no-data.json", "{\"id\": \"test\"}", path, sizeof path), 0);
    DREY_CHECK_EQ(context_load(path, &loaded), -EINVAL);
    DREY_CHECK_EQ(context_load("no/such/context.json", &loaded), -ENOENT);
    return 0;
}

/* A service that takes an hour to answer: the test takes none, since time is virtual. */
static DREY_ASYNC int slow_service(void *arg)
{
    (void)arg;
    return drey_sleep(DREY_SEC(3600));
}

DREY_TEST(a_slow_service_is_cut_off_by_the_timeout)
{
    drey_time before = drey_now();
    DREY_CHECK_EQ(drey_timeout(DREY_SEC(5), slow_service, NULL), -ETIMEDOUT);
    DREY_CHECK_EQ(drey_now() - before, DREY_SEC(5));
    return 0;
}

static DREY_ASYNC int load_twice(void *arg)
{
    const char *path = arg;
    for (int i = 0; i < 2; i++) {
        context c;
        int rc = context_load(path, &c);
        if (rc < 0)
            return rc;
        context_deinit(&c);
    }
    return 0;
}

/* Cancel at every suspension point in turn: no descriptor, lock or task may be left behind. */
DREY_TEST(load_context_can_be_cancelled_anywhere, .no_runtime = true)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/context.json", drey_test_dir());
    FILE *file = fopen(path, "w");
    DREY_CHECK(file != NULL);
    fputs("{\"id\": \"test\", \"data\": {}}", file);
    DREY_CHECK_EQ(fclose(file), 0);
    DREY_CHECK(drey_test_cancel_everywhere(load_twice, path, 1) > 0);
    return 0;
}

DREY_TEST_MAIN()
