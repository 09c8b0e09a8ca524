/* SPDX-License-Identifier: MIT */
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "process/child.h"
#include "stack/announce.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

enum { SIGSET_BYTES = 8, STANDARD = 3, READ_END = 0, WRITE_END = 1 };

static const char no_search_path[] = "/bin:/usr/bin"; /* as in the C library */

/* Everything that one start needs, in one block. */
struct start {
    const drey_process_options *options;
    struct drey__child child;
    int ours[STANDARD], theirs[STANDARD]; /* ends of pipes, or -1 */
    const char *path_only[2];             /* the default environment */
    const char **merged;                  /* allocated, or NULL */
};

int drey__spawn_check(const drey_process_options *o)
{
    const drey_stdio streams[STANDARD] = {o->in, o->out, o->err};
    for (int i = 0; i < STANDARD; i++)
        if (streams[i] != DREY_STDIO_NULL &&
            (streams[i] < DREY_STDIO_INHERIT || streams[i] > (i == 2 ? DREY_STDIO_OUT : DREY_STDIO_FD)))
            return -EINVAL;
    if (o->argv == NULL || o->argv[0] == NULL || o->death_signal < 0 || o->death_signal >= _NSIG)
        return -EINVAL;
    if (o->fd_count > DREY_PROCESS_FDS_MAX)
        return -E2BIG;
    for (size_t i = 0; i < o->fd_count; i++) {
        if (o->fds[i].as < STANDARD || o->fds[i].fd < 0)
            return -EINVAL;
        for (size_t j = 0; j < i; j++)
            if (o->fds[j].as == o->fds[i].as)
                return -EINVAL;
    }
    return 0;
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int open_pipe(struct start *s, int stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int our_end = stream == 0 ? WRITE_END : READ_END;
    s->ours[stream] = ends[our_end];
    s->theirs[stream] = ends[!our_end];
    fcntl(ends[our_end], F_SETFL, O_NONBLOCK); /* the program's end blocks, as programs expect */
    return 0;
}

static void add_map(struct drey__child *c, int from, int to)
{
    c->maps[c->map_count].from = from;
    c->maps[c->map_count++].to = to;
    c->beyond = to >= c->beyond ? to + 1 : c->beyond;
}

static int map_streams(struct start *s)
{
    const drey_process_options *o = s->options;
    const drey_stdio streams[STANDARD] = {o->in, o->out, o->err};
    const int given[STANDARD] = {o->in_fd, o->out_fd, o->err_fd};
    struct drey__child *c = &s->child;
    for (int i = 0; i < STANDARD; i++) {
        int rc = streams[i] == DREY_STDIO_PIPE ? open_pipe(s, i) : 0;
        if (rc < 0)
            return rc;
        int from = streams[i] == DREY_STDIO_PIPE      ? s->theirs[i]
                   : streams[i] == DREY_STDIO_FD      ? given[i]
                   : streams[i] == DREY_STDIO_INHERIT ? i
                   : streams[i] == DREY_STDIO_OUT     ? c->maps[1].from
                                                      : -1;
        if (streams[i] == DREY_STDIO_FD && from < 0)
            return -EBADF;
        add_map(c, from, i);
    }
    for (size_t i = 0; i < o->fd_count; i++)
        add_map(c, o->fds[i].fd, o->fds[i].as);
    return 0;
}

static void add_limit(struct drey__child *c, int resource, uint64_t soft, uint64_t hard)
{
    if (soft == 0)
        return;
    c->limits[c->limit_count].resource = resource;
    c->limits[c->limit_count].soft = soft;
    c->limits[c->limit_count++].hard = hard;
}

/* The entry of our environment, "PATH=..." */
static const char *path_entry(void)
{
    for (char **at = environ; at != NULL && *at != NULL; at++)
        if (strncmp(*at, "PATH=", 5) == 0)
            return *at;
    return NULL;
}

static bool is_set(const char *const *list, const char *entry)
{
    size_t bytes = strcspn(entry, "=");
    for (; *list != NULL; list++)
        if (strncmp(*list, entry, bytes) == 0 && ((*list)[bytes] == '=' || (*list)[bytes] == '\0'))
            return true;
    return false;
}

/* Ours, less what the list sets, and the list. */
static int merge_environment(struct start *s)
{
    const char *const *own = s->options->environment;
    size_t count = 1, n = 0;
    for (char **at = environ; at != NULL && *at != NULL; at++)
        count++;
    for (const char *const *at = own; *at != NULL; at++)
        count++;
    s->merged = drey__alloc(count * sizeof *s->merged);
    if (s->merged == NULL)
        return -ENOMEM;
    for (char **at = environ; at != NULL && *at != NULL; at++)
        if (!is_set(own, *at))
            s->merged[n++] = *at;
    for (; *own != NULL; own++)
        s->merged[n++] = *own;
    s->merged[n] = NULL;
    return 0;
}

static int choose_environment(struct start *s)
{
    static char *const nothing[] = {NULL};
    const drey_process_options *o = s->options;
    const char *path = path_entry();
    const char *const *chosen = s->path_only;
    int rc = 0;
    if (o->environment != NULL && o->inherit_environment) {
        rc = merge_environment(s);
        chosen = s->merged;
    } else if (o->environment != NULL) {
        chosen = o->environment;
    } else if (o->inherit_environment) {
        chosen = (const char *const *)(environ != NULL ? environ : nothing);
    } else {
        s->path_only[0] = path;
    }
    struct drey__child *c = &s->child;
    c->environment = (char *const *)(uintptr_t)chosen; /* execve does not write to it */
    c->program = o->program != NULL ? o->program : o->argv[0];
    c->search = strchr(c->program, '/') != NULL || c->program[0] == '\0' ? NULL
                : path != NULL                                           ? path + 5
                                                                         : no_search_path;
    return rc;
}

static int prepare(struct start *s)
{
    const drey_process_options *o = s->options;
    struct drey__child *c = &s->child;
    memset(c, 0, offsetof(struct drey__child, path));
    c->argv = (char *const *)(uintptr_t)o->argv; /* likewise */
    c->directory = o->directory;
    c->own_group = !o->same_group;
    c->death_signal = o->death_signal;
    c->parent = getpid();
    add_limit(c, RLIMIT_CPU, o->max_cpu_seconds, o->max_cpu_seconds + 1);
    add_limit(c, RLIMIT_AS, o->max_memory_bytes, o->max_memory_bytes);
    add_limit(c, RLIMIT_FSIZE, o->max_file_bytes, o->max_file_bytes);
    add_limit(c, RLIMIT_NOFILE, o->max_files, o->max_files);
    int rc = choose_environment(s);
    return rc < 0 ? rc : map_streams(s);
}

/* ThreadSanitizer takes every clone() for a fork, which ends badly if memory is shared: the child gets a copy. */
static DREY__UNTRACED pid_t clone_once(struct drey__child *c, int flags, int *out_pidfd)
{
    if (!DREY__KNOWN_CALLS_ONLY)
        return clone(drey__child_main, c->stack + sizeof c->stack, flags | CLONE_VM | CLONE_VFORK, c, out_pidfd);
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, out_pidfd, NULL, NULL);
    if (pid == 0)
        drey__child_main(c);
    return pid;
}

/* The child, or a negative errno. No signal reaches either of us meanwhile. */
static pid_t clone_child(struct drey__child *c, int *out_pidfd)
{
    static const int ways[] = {CLONE_PIDFD | SIGCHLD, SIGCHLD};
    uint64_t all = UINT64_MAX, old;
    pid_t pid = -1;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, (size_t)SIGSET_BYTES);
    for (size_t i = 0; i < sizeof ways / sizeof ways[0] && pid < 0; i++) {
        *out_pidfd = -1;
        pid = clone_once(c, ways[i], out_pidfd);
        if (pid < 0 && errno != EINVAL)
            break;
    }
    int error = errno;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, (size_t)SIGSET_BYTES);
    return pid < 0 ? -error : pid;
}

static const char *const step_names[] = {
    [DREY__STEP_STREAMS] = "its descriptors",
    [DREY__STEP_LIMITS] = "its limits",
    [DREY__STEP_DIRECTORY] = "its directory",
    [DREY__STEP_PROGRAM] = "its program",
};

/* Whether the child failed: a negative errno. It has run its program or ended by now, unless it got a copy of the
 * memory (qemu's user mode, too, takes vfork for fork): then it tells by a pipe, which it closes either way. */
static int outcome(struct drey__child *c, int listen, const char **out_failed)
{
    if (!c->shares) {
        ssize_t got;
        while ((got = read(listen, &c->failure, sizeof c->failure)) < 0 && errno == EINTR) {
        }
        if (got != sizeof c->failure)
            c->failure.error = 0;
    }
    if (c->failure.error != 0)
        *out_failed = step_names[c->failure.step];
    return -c->failure.error;
}

static int launch(struct start *s, struct drey__spawned *out)
{
    int ends[2];
    struct drey__child *c = &s->child;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    c->tell = ends[WRITE_END];
    pid_t pid = clone_child(c, &out->pidfd);
    close(ends[WRITE_END]);
    if (pid > 0 && out->pidfd < 0)
        out->pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* the number is the child's until it is reaped */
    int rc = pid < 0 ? pid : outcome(c, ends[READ_END], &out->failed);
    close(ends[READ_END]);
    if (rc < 0 && pid > 0) {
        close_end(&out->pidfd);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    out->pid = pid;
    return rc;
}

int drey__spawn(const drey_process_options *options, struct drey__spawned *out)
{
    struct start *s = drey__alloc_aligned(_Alignof(struct start), sizeof *s);
    out->failed = NULL;
    if (s == NULL)
        return -ENOMEM;
    s->options = options;
    s->path_only[0] = s->path_only[1] = NULL;
    s->merged = NULL;
    for (int i = 0; i < STANDARD; i++)
        s->ours[i] = s->theirs[i] = -1;
    int rc = prepare(s);
    if (rc == 0)
        rc = launch(s, out);
    for (int i = 0; i < STANDARD; i++) {
        close_end(&s->theirs[i]);
        if (rc < 0)
            close_end(&s->ours[i]);
    }
    out->in = s->ours[0];
    out->out = s->ours[1];
    out->err = s->ours[2];
    drey__free(s->merged);
    drey__free(s);
    return rc;
}
