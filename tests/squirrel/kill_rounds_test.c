/* SPDX-License-Identifier: MIT */
/* kill -9 at random moments: a child process writes and reports every answer through a pipe; after its death the store
 * holds every write that was answered, and is sound. 25 rounds, 1,000 in a soak. Built for each store (KIT_SCHEME). */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_kit.h"

enum { IDS = 16, ROUNDS = 25, SOAK_ROUNDS = 1000 };

typedef struct answer {
    uint32_t id, rev;
} answer;

typedef struct writing {
    sq_store *store;
    uint32_t id, rev;
    int out;
} writing;

static void data_of(uint32_t id, uint32_t rev, char out[1024])
{
    int at = sprintf(out, "{\"id\":%u,\"rev\":%u,\"text\":\"", id, rev);
    for (uint32_t i = 0; i < (id * 37 + rev * 11) % 800; i++)
        out[at++] = (char)('a' + (id + rev + i) % 26);
    memcpy(out + at, "\"}", 3);
}

/* One task an id, until the process is killed. */
static DREY_ASYNC int write_on(void *arg)
{
    writing *w = arg;
    char name[16], data[1024];
    sprintf(name, "c%u", w->id);
    for (;;) {
        data_of(w->id, w->rev + 1, data);
        int64_t rev = kit_put(w->store, name, data);
        if (rev != w->rev + 1)
            return -EIO;
        w->rev++;
        answer a = {w->id, w->rev};
        if (write(w->out, &a, sizeof a) != sizeof a)
            return -EPIPE;
    }
}

typedef struct life {
    const char *path;
    const uint32_t *revs;
    int out;
} life;

static DREY_ASYNC int child_main(void *arg)
{
    const life *l = arg;
    sq_store *store;
    writing writings[IDS];
    DREY_SCOPE(scope);
    int rc = kit_open(&scope, l->path, NULL, &store);
    for (uint32_t i = 0; i < IDS && rc == 0; i++) {
        writings[i] = (writing){store, i, l->revs[i], l->out};
        rc = drey_go(&scope, write_on, &writings[i]);
    }
    return drey_scope_close(&scope, rc);
}

/* The child writes until it is killed after so many answers; what it answered goes into `revs`. */
static int one_life(const char *path, uint32_t revs[IDS], unsigned answers, unsigned delay_us)
{
    int ends[2];
    DREY_CHECK_EQ(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        life l = {path, revs, ends[1]};
        _exit(drey_run(&(drey_config){.workers = 1}, child_main, &l) < 0 ? 1 : 0);
    }
    close(ends[1]);
    answer a;
    unsigned count = 0;
    while (read(ends[0], &a, sizeof a) == sizeof a) {
        DREY_CHECK_EQ(a.rev, revs[a.id] + 1);
        revs[a.id] = a.rev;
        if (++count == answers) {
            usleep(delay_us);
            kill(child, SIGKILL);
        }
    }
    close(ends[0]);
    int status;
    DREY_CHECK_EQ(waitpid(child, &status, 0), child);
    DREY_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return 0;
}

typedef struct checking {
    const char *path;
    uint32_t *revs;
} checking;

/* A write that was not answered may be there: at most one a context. `revs` become what is there. */
static DREY_ASYNC int check_main(void *arg)
{
    const checking *c = arg;
    sq_store *store;
    sq_error error;
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(kit_open(&scope, c->path, NULL, &store), 0);
    for (uint32_t i = 0; i < IDS; i++) {
        char name[16], data[1024];
        const sq_revision *found = NULL;
        sprintf(name, "c%u", i);
        int rc = store->ops->get(store, "p", name, 0, &found, &error);
        uint32_t rev = rc == 0 ? (uint32_t)found->rev : 0;
        DREY_CHECK(rev == c->revs[i] || rev == c->revs[i] + 1);
        data_of(i, rev, data);
        if (found)
            DREY_CHECK_STR(found->data, data);
        sq_revision_unref(found);
        c->revs[i] = rev;
    }
    DREY_CHECK_EQ(kit_verify(store), 0);
    store->ops->close(store);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(no_answered_write_is_lost_by_kill, .no_runtime = true, .timeout_seconds = 3600) /* S4 */
{
    uint32_t revs[IDS] = {0};
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    unsigned rounds = getenv("DREY_SOAK") ? SOAK_ROUNDS : ROUNDS, total = 0;
    for (unsigned round = 0; round < rounds; round++) {
        unsigned answers = 1 + round * 2654435761u % 150;
        DREY_CHECK_EQ(one_life(path, revs, answers, round * 977 % 2000), 0);
        checking c = {path, revs};
        DREY_CHECK_EQ(drey_run(&(drey_config){.workers = 1}, check_main, &c), 0);
    }
    for (uint32_t i = 0; i < IDS; i++)
        total += revs[i];
    printf("# note: %u rounds, %u writes\n", rounds, total);
    return 0;
}

DREY_TEST_MAIN()
