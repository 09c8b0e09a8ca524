/* SPDX-License-Identifier: MIT */
#include "process/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/load.h"

enum { COMPLAINT_BYTES = 160, CHUNK_BYTES = 32768, REAP_TRIES = 100, REAP_PAUSE_MS = 10 };

typedef struct exec_job {
    char *const *argv;
    const sq_text *input;
    size_t max_bytes, written;
    sq_text *output;
    sq_error *error;
    char complaint[COMPLAINT_BYTES + 1]; /* the start of standard error */
    size_t complaint_bytes;
    int in, out, err;     /* our ends of the pipes; -1: closed */
    int wake;             /* eventfd: the job was interrupted */
    int leader;           /* pidfd: the program itself, without what it started */
    pthread_mutex_t lock; /* guards the two below, against killing a process that was reaped */
    pid_t pid;            /* 0: not running */
    bool interrupted;
} exec_job;

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* With the lock held. A program may have left the group that it was started in, so that it is killed by itself too. */
static void kill_locked(const exec_job *job)
{
    if (job->pid > 0) {
        kill(-job->pid, SIGKILL);
        kill(job->pid, SIGKILL);
    }
}

static void kill_program(exec_job *job)
{
    pthread_mutex_lock(&job->lock);
    kill_locked(job);
    pthread_mutex_unlock(&job->lock);
}

static void interrupt(void *arg)
{
    exec_job *job = arg;
    pthread_mutex_lock(&job->lock);
    job->interrupted = true;
    kill_locked(job);
    pthread_mutex_unlock(&job->lock);
    uint64_t one = 1;
    ssize_t ignored = write(job->wake, &one, sizeof one);
    (void)ignored;
}

/* What posix_spawnp uses, so that the program is looked for where it was found. */
static const char *search_path(void)
{
    const char *path = getenv("PATH");
    return path ? path : "/bin:/usr/bin";
}

static int spawn_with(exec_job *job, const int in[2], const int out[2], const int err[2])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    char *path;
    if (asprintf(&path, "PATH=%s", search_path()) < 0)
        return -ENOMEM;
    char *environment[] = {path, NULL};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    pthread_mutex_lock(&job->lock);
    pid_t pid = 0;
    int rc = ECANCELED;
    if (!job->interrupted)
        rc = posix_spawnp(&pid, job->argv[0], &actions, &attributes, job->argv, environment);
    job->pid = rc == 0 ? pid : 0;
    pthread_mutex_unlock(&job->lock);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    free(path);
    return -rc;
}

static int start(exec_job *job)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    int rc = pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ? -errno : 0;
    if (rc == 0)
        rc = spawn_with(job, in, out, err);
    close_end(&in[0]);
    close_end(&out[1]);
    close_end(&err[1]);
    job->in = in[1];
    job->out = out[0];
    job->err = err[0];
    if (rc < 0)
        return rc;
    /* The other ends belong to the program, which must not block us. */
    fcntl(job->in, F_SETFL, O_NONBLOCK);
    fcntl(job->out, F_SETFL, O_NONBLOCK);
    fcntl(job->err, F_SETFL, O_NONBLOCK);
    job->leader = (int)syscall(SYS_pidfd_open, job->pid, 0);
    return job->leader < 0 ? -errno : 0;
}

static void feed(exec_job *job)
{
    size_t left = job->input->bytes - job->written;
    ssize_t done = left > 0 ? write(job->in, job->input->data + job->written, left) : 0;
    if (done > 0)
        job->written += (size_t)done;
    /* A program may stop reading early: what counts is its answer. */
    if (job->written == job->input->bytes || (done < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&job->in);
}

static int collect(exec_job *job)
{
    char chunk[CHUNK_BYTES];
    ssize_t got = read(job->out, chunk, sizeof chunk);
    if (got <= 0) {
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            close_end(&job->out);
        return 0;
    }
    if (job->output->bytes + (size_t)got > job->max_bytes)
        return sq_fail(job->error, SQ_TOO_LARGE, "the program wrote over %zu bytes: see --max-bytes", job->max_bytes);
    sq_text_add(job->output, chunk, (size_t)got);
    return job->output->failed ? sq_fail_memory(job->error) : 0;
}

static void listen_to_complaint(exec_job *job)
{
    char chunk[1024];
    ssize_t got = read(job->err, chunk, sizeof chunk);
    if (got <= 0) {
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            close_end(&job->err);
        return;
    }
    size_t room = COMPLAINT_BYTES - job->complaint_bytes, kept = (size_t)got < room ? (size_t)got : room;
    memcpy(job->complaint + job->complaint_bytes, chunk, kept);
    job->complaint_bytes += kept;
}

/* Takes what is in the pipes and no more: another process may hold them, and write for ever. */
static int take_rest(exec_job *job)
{
    int rc = 0, left = 0;
    if (job->err >= 0)
        listen_to_complaint(job);
    if (job->out >= 0 && ioctl(job->out, FIONREAD, &left) < 0)
        return sq_fail_errno(job->error, -errno, "reading from the program");
    for (; rc == 0 && left > 0 && job->out >= 0; left -= CHUNK_BYTES)
        rc = collect(job);
    return rc;
}

/* Until the program itself has ended. What it started ends with it. */
static int converse(exec_job *job)
{
    int rc = 0;
    while (rc == 0) {
        struct pollfd fds[] = {
            {job->in, POLLOUT, 0},  {job->out, POLLIN, 0},    {job->err, POLLIN, 0},
            {job->wake, POLLIN, 0}, {job->leader, POLLIN, 0},
        };
        if (poll(fds, 5, -1) < 0) {
            if (errno == EINTR)
                continue;
            return sq_fail_errno(job->error, -errno, "waiting for the program");
        }
        if (fds[3].revents)
            return -ECANCELED;
        if (fds[4].revents) {
            kill_program(job);
            return take_rest(job);
        }
        if (fds[0].revents)
            feed(job);
        if (fds[2].revents)
            listen_to_complaint(job);
        if (fds[1].revents)
            rc = collect(job);
    }
    return rc;
}

static bool was_interrupted(exec_job *job)
{
    pthread_mutex_lock(&job->lock);
    bool interrupted = job->interrupted;
    pthread_mutex_unlock(&job->lock);
    return interrupted;
}

/* Reaps a program that has ended or was killed; its number is its own until then. The wait is bounded, because a
 * program of another user cannot be killed, and one that is traced is its tracer's first. False: it was left alone. */
static bool reap(exec_job *job, int *status)
{
    struct pollfd ended = {job->leader, POLLIN, 0};
    pid_t got = 0;
    for (int i = 0; i < REAP_TRIES && got == 0; i++) {
        if (poll(&ended, 1, REAP_PAUSE_MS) != 0 && i > 0)
            poll(NULL, 0, REAP_PAUSE_MS);
        pthread_mutex_lock(&job->lock);
        got = waitpid(job->pid, status, WNOHANG);
        if (got != 0 || i + 1 == REAP_TRIES)
            job->pid = 0;
        pthread_mutex_unlock(&job->lock);
    }
    return got > 0;
}

static int judge(exec_job *job, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    job->complaint[strcspn(job->complaint, "\r\n")] = '\0';
    const char *colon = job->complaint[0] ? ": " : "";
    if (WIFSIGNALED(status))
        return sq_fail(job->error, SQ_INVALID, "the program was ended by signal %d%s%s", WTERMSIG(status), colon,
                       job->complaint);
    return sq_fail(job->error, SQ_INVALID, "the program refused it with status %d%s%s", WEXITSTATUS(status), colon,
                   job->complaint);
}

/* The program is there, but the system will not run it, for this input as for any other. */
static bool cannot_run(int failure)
{
    static const int all[] = {ENOENT, EACCES, EPERM, ENOEXEC, ENOTDIR, EISDIR, ELOOP, ELIBBAD, E2BIG};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (failure == -all[i])
            return true;
    }
    return false;
}

static int fail_start(exec_job *job, int failure)
{
    if (failure == -ECANCELED)
        return failure;
    if (failure == -EAGAIN)
        return sq_fail(job->error, SQ_QUOTA, "starting the program: too many processes: use a lower --limit");
    if (cannot_run(failure))
        return sq_fail(job->error, SQ_USAGE, "--exec: %.150s cannot be run: %s%s", job->argv[0], strerror(-failure),
                       failure == -ENOEXEC ? "; a script begins with #! and its interpreter" : "");
    return sq_fail_errno(job->error, failure, "starting the program");
}

static int run_program(void *arg)
{
    exec_job *job = arg;
    int rc = start(job), status = 0;
    if (rc < 0)
        rc = fail_start(job, rc);
    else
        rc = converse(job);
    close_end(&job->in);
    if (job->pid > 0) {
        kill_program(job);
        bool reaped = reap(job, &status);
        if (rc == 0 && was_interrupted(job))
            rc = -ECANCELED;
        else if (rc == 0)
            rc = reaped ? judge(job, status) : sq_fail(job->error, SQ_INTERNAL, "the program's status is not known");
    }
    close_end(&job->out);
    close_end(&job->err);
    close_end(&job->leader);
    return rc;
}

int sq_exec_run(drey_pool *pool, char *const *argv, const sq_text *input, size_t max_bytes, sq_text *output,
                sq_error *error)
{
    exec_job job = {.argv = argv,
                    .input = input,
                    .max_bytes = max_bytes,
                    .output = output,
                    .error = error,
                    .in = -1,
                    .out = -1,
                    .err = -1,
                    .leader = -1,
                    .lock = PTHREAD_MUTEX_INITIALIZER};
    job.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (job.wake < 0)
        return sq_fail(error, SQ_QUOTA, "starting the program: %s", strerror(errno));
    int rc = drey_pool_call(pool, &(drey_job){.fn = run_program, .arg = &job, .interrupt = interrupt});
    close(job.wake);
    pthread_mutex_destroy(&job.lock);
    return rc;
}

static bool can_run(const char *path)
{
    struct stat stat_of;
    return stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode) && access(path, X_OK) == 0;
}

bool sq_exec_exists(const char *program, sq_error *error)
{
    if (!*program) {
        sq_fail(error, SQ_USAGE, "--exec: the program has an empty name");
        return false;
    }
    if (strchr(program, '/')) {
        if (can_run(program))
            return true;
        sq_fail(error, SQ_USAGE, "--exec: %.150s is no program that can be run", program);
        return false;
    }
    for (const char *at = search_path();; at++) {
        char full[4096];
        size_t bytes = strcspn(at, ":");
        /* An empty entry means the current directory. */
        int length = snprintf(full, sizeof full, "%.*s%s%s", (int)bytes, at, bytes > 0 ? "/" : "", program);
        if (length < (int)sizeof full && can_run(full))
            return true;
        at += bytes;
        if (!*at)
            break;
    }
    sq_fail(error, SQ_USAGE, "--exec: no program %.150s in PATH", program);
    return false;
}
