/* SPDX-License-Identifier: MIT */
/* The owner is a grandchild: the program that is spawned here forks once more before it starts its runtime, and ends
 * (sq_owner_detach). So nobody has an owner as a child that it would have to wait for, and posix_spawn, unlike fork,
 * may be used while a runtime with its threads is running. */
#include "service/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/owned.h"

/* A log that is no file is opened without waiting for whoever reads it. */
enum { FIRST_FREE = 16, LOG_FLAGS = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY };

/* What an owner needs of the environment: where things are, and how its runtime and a sanitizer are set. */
static const char *const kept_names[] = {
    "PATH",           "HOME",         "XDG_RUNTIME_DIR", "DREY_WORKERS", "DREY_IO",      "DREY_SEED",
    "DREY_LOCK_RULE", "ASAN_OPTIONS", "UBSAN_OPTIONS",   "TSAN_OPTIONS", "LSAN_OPTIONS",
};

enum { KEPT_NAMES = sizeof kept_names / sizeof *kept_names, KEPT_MAX = KEPT_NAMES + 1 };

static void keep_environment(char *out[KEPT_MAX])
{
    size_t count = 0;
    for (char **entry = environ; *entry; entry++) {
        for (size_t i = 0; i < KEPT_NAMES && count + 1 < KEPT_MAX; i++) {
            size_t bytes = strlen(kept_names[i]);
            if (strncmp(*entry, kept_names[i], bytes) == 0 && (*entry)[bytes] == '=')
                out[count++] = *entry;
        }
    }
    out[count] = NULL;
}

/* The standard streams, and our two at their numbers. `lock` and `ready` are above all of these. */
static int set_files(posix_spawn_file_actions_t *files, const char *log, int lock, int ready)
{
    int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_addopen(files, 1, log, LOG_FLAGS, 0600);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, 1, 2);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, lock, SQ_OWNED_LOCK);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(files, ready, SQ_OWNED_READY);
    if (rc == 0)
        rc = posix_spawn_file_actions_addchdir_np(files, "/");
    return rc ? rc : posix_spawn_file_actions_addclosefrom_np(files, SQ_OWNED_READY + 1);
}

/* A session of its own, and signals as if nobody had touched them. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    return rc ? rc : posix_spawnattr_setsigmask(attributes, &none);
}

/* 0 or an errno. */
static int spawn(const sq_launch *launch, int lock, int ready, pid_t *out_pid)
{
    const char *program = launch->program ? launch->program : "/proc/self/exe";
    char idle[32], *environment[KEPT_MAX];
    snprintf(idle, sizeof idle, "%lldms", (long long)launch->idle_ms);
    const char *argv[] = {
        "squirrel", "serve", "--owned", "--store", launch->site->url, launch->idle_ms > 0 ? "--idle" : NULL,
        idle,       NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    keep_environment(environment);
    int rc = posix_spawn_file_actions_init(&files);
    if (rc)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = set_files(&files, launch->site->log, lock, ready);
        if (rc == 0)
            rc = set_attributes(&attributes);
        if (rc == 0)
            rc = posix_spawn(out_pid, program, &files, &attributes, (char *const *)(uintptr_t)argv, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* What was spawned forks and ends at once. Whoever ignores SIGCHLD is not told how. */
static int wait_for_fork(pid_t pid)
{
    int status, rc;
    do {
        rc = waitpid(pid, &status, 0);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? (errno == ECHILD ? 0 : errno) : WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EAGAIN;
}

static int launch_with(const sq_launch *launch, int lock, int ready)
{
    pid_t pid;
    int high_lock = fcntl(lock, F_DUPFD_CLOEXEC, FIRST_FREE), high_ready = fcntl(ready, F_DUPFD_CLOEXEC, FIRST_FREE);
    int code = high_lock < 0 || high_ready < 0 ? errno : spawn(launch, high_lock, high_ready, &pid);
    if (high_lock >= 0)
        close(high_lock);
    if (high_ready >= 0)
        close(high_ready);
    return code ? code : wait_for_fork(pid);
}

int sq_launch_owner(const sq_launch *launch, int *out_ready, sq_error *error)
{
    int ends[2] = {-1, -1};
    int code = pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? errno : launch_with(launch, launch->lock, ends[1]);
    if (ends[1] >= 0)
        close(ends[1]);
    if (code == 0) {
        *out_ready = ends[0];
        return 0;
    }
    if (ends[0] >= 0)
        close(ends[0]);
    return sq_fail(error,
                   code == EMFILE || code == ENFILE || code == EAGAIN || code == ENOMEM ? SQ_QUOTA : SQ_STORE_FAILED,
                   "the owner of the store cannot be started (its log: %.120s): %s", launch->site->log, strerror(code));
}
