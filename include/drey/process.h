/* SPDX-License-Identifier: MIT */
/**
 * Running other programs.
 *
 * When to use: drey_process_run to hand a program its input and get its answer; drey_process_start to talk with it
 * while it runs, or to let it run beside other work.
 * Structure: a process is a child of a scope, as a task is, and counts against its limit. Closing the scope waits for
 * it. Cancelling the scope sends SIGTERM to the process and its group, SIGKILL after `.grace`, and waits for the end;
 * so no process outlives its scope. How it ends is no failure of the scope: drey_process_wait tells.
 * Leaks: a process gets no descriptor and no variable of the environment that you did not name, except PATH; its
 * signals are unblocked and have their default meaning. What is left of its group when the process itself has ended is
 * killed.
 * Threads: task only. Under the virtual clock time stands still while a process runs, and its grace takes none.
 *
 *     const char *argv[] = {"sort", "-u", NULL};
 *     drey_process_talk talk = {.input = text, .input_bytes = strlen(text), .out_max = 1 << 20};
 *     drey_process_result result;
 *     int rc = drey_process_run((drey_process_options){.argv = argv}, talk, &result);
 *     if (rc == 0 && result.status.code == 0)
 *         puts(result.out);
 */
#pragma once

#include <drey/base.h>
#include <drey/scope.h>
#include <drey/select.h>
#include <drey/sync.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a standard stream of a process is. (No value but 0 is near a descriptor's, so one by mistake is refused.) */
typedef enum drey_stdio {
    DREY_STDIO_NULL = 0,       /* /dev/null */
    DREY_STDIO_INHERIT = 1001, /* ours */
    DREY_STDIO_PIPE,           /* a pipe; our end is in the drey_process */
    DREY_STDIO_FD,             /* the descriptor in_fd, out_fd or err_fd */
    DREY_STDIO_OUT,            /* for .err: the same as .out */
} drey_stdio;

/** A further descriptor that a process gets. */
typedef struct drey_process_fd {
    int fd; /* ours, borrowed until started */
    int as; /* its number in the process, from 3 */
} drey_process_fd;

enum { DREY_PROCESS_FDS_MAX = 64 }; /* further descriptors at most */

/** Zero in any field means its default. In C++ designators follow this order. Borrowed until started. */
typedef struct drey_process_options {
    const char *const *argv;        /* ends with NULL; argv[0] is the program, unless .program is set */
    const char *program;            /* a path, or a name without a slash, which is searched in our PATH */
    const char *const *environment; /* "NAME=value" each, ends with NULL; default PATH as ours, and nothing else */
    bool inherit_environment;       /* ours, where .environment does not set the same name */
    const char *directory;          /* where it starts, and what relative paths count from; default ours */
    drey_stdio in, out, err;        /* default /dev/null */
    int in_fd, out_fd, err_fd;      /* for DREY_STDIO_FD */
    const drey_process_fd *fds;     /* all other descriptors are closed */
    size_t fd_count;
    bool same_group;            /* stays in our process group, as what uses the terminal must; signals reach it alone */
    int death_signal;           /* sent to it when we die, as by SIGKILL; lost if it changes its user; default none */
    drey_duration grace;        /* from SIGTERM to SIGKILL; default 3 s; a negative one: SIGKILL at once */
    uint64_t max_cpu_seconds;   /* of processor time, then SIGXCPU, a second later SIGKILL */
    uint64_t max_memory_bytes;  /* of address space */
    uint64_t max_file_bytes;    /* of a file that it writes, then SIGXFSZ */
    uint64_t max_files;         /* descriptors; limits that are lower already stay */
} drey_process_options;

/** How a process ended. */
typedef struct drey_process_status {
    int code;   /* its exit status, if signal is 0 */
    int signal; /* the signal that ended it, or 0 */
} drey_process_status;

/** A process. Yours; it must stay where it is until its scope is closed. Needs no initialisation and no end of life. */
typedef struct drey_process {
    int in;             /* our end of its standard input, if .in is a pipe, else -1; yours to close, which ends it */
    int out, err;       /* our ends of its output; likewise. All three are non-blocking and closed on exec */
    pid_t pid;
    const char *failed; /* after a failed start: at what, as "its program"; a static string */
    DREY_INTERNAL(14);
} drey_process;

/**
 * Start a program as a child of the scope.
 *
 * @param scope    as drey_go
 * @param process  its fields are set on success
 * @return 0: it runs.
 *         -ECANCELED  the caller's scope or this one was cancelled; nothing runs
 *         -EDEADLK    as drey_go
 *         -EINVAL     no argv, or a field has no such value
 *         -E2BIG      over DREY_PROCESS_FDS_MAX descriptors, or argv and environment are too long for the system
 *         -ENOENT     no such program or directory
 *         -EACCES     it may not be run, or the directory not be entered
 *         -ENOEXEC    the system does not know how to run it, as a script without #!
 *         -EAGAIN     no more processes are allowed
 *         -EMFILE     no more descriptors are allowed
 *         -EBADF      a given descriptor is not open
 *         -ENOMEM     no memory, or as drey_go
 *         or another negative errno of the system's. Nothing runs then, and process->failed says what failed. A program
 *         that is being written (-ETXTBSY) is tried again for a tenth of a second
 *
 * Suspends: while the scope is at its limit, and until the program runs.
 * Cancel:   gives the place in the line up; uncut once there is room.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_process_start(drey_scope *scope, drey_process_options options, drey_process *process);

/**
 * Wait for a process to end. Several tasks may, and again after its end.
 *
 * @param out_status  how it ended
 * @return 0: it has ended, and all of its group.
 *         -ECANCELED  the caller's scope was cancelled
 *         -ECHILD     it has ended, but how is not known: the program ignores SIGCHLD, or another part of it took the
 *                     answer; or it was left alone, because it did not end and may not be killed by us
 *
 * Suspends: until it has ended.
 * Cancel:   no effect on the process, unless it is the same scope's.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_process_wait(drey_process *process, drey_process_status *out_status);

/**
 * Send a signal to a process and its group, and to the process if it has left the group. 0 only asks.
 *
 * @return 0: it is sent.
 *         -ESRCH   it has ended
 *         -EPERM   it belongs to another user by now; or the caller is no task
 *         -EINVAL  no such signal
 */
DREY_API DREY_MUST_USE
int drey_process_kill(drey_process *process, int signal);

/** A case for drey_select: happens when the process has ended; drey_process_wait then tells how, without waiting. */
static inline drey_case drey_on_process(drey_process *process)
{
    return drey_on_gate((drey_gate *)(void *)process->_private);
}

/** What drey_process_run says to a program, and how much it listens to. */
typedef struct drey_process_talk {
    const void *input;  /* for its standard input; borrowed until the call returns */
    size_t input_bytes; /* a program that stops reading before the end is no failure */
    size_t out_max;     /* bytes of standard output; more ends the program and fails with -EMSGSIZE */
    size_t err_max;     /* bytes of standard error; what is over is read and dropped */
} drey_process_talk;

/** What came of a run. */
typedef struct drey_process_result {
    drey_process_status status;
    char *out; /* what was written; a NUL follows, not counted. The caller ends both by free(); NULL if the max is 0 */
    size_t out_bytes;
    char *err;
    size_t err_bytes;
    bool err_cut; /* there was more */
} drey_process_result;

/**
 * Run a program to its end: feed it, and collect what it writes. The scope's deadline is its time limit.
 *
 * What counts is what was written when the program itself ended; a process that left its group is not waited for, even
 * if it holds the output open.
 *
 * @param options     .in becomes a pipe if there is input, .out and .err if their max is not 0; none may be one
 * @param out_result  set if 0 is returned
 * @return 0: it has ended; see out_result->status.
 *         -ECANCELED  the scope was cancelled; the program was stopped, or did not start
 *         -EMSGSIZE   over out_max bytes; it was stopped
 *         -ECHILD     as drey_process_wait
 *         -ENOMEM     no memory
 *         -EINVAL     a stream is a pipe in the options
 *         or as drey_process_start
 *
 * Suspends: until it has ended.
 * Cancel:   stops the program, which takes up to `.grace`.
 */
DREY_API DREY_ASYNC DREY_MUST_USE
int drey_process_run(drey_process_options options, drey_process_talk talk, drey_process_result *out_result);

#ifdef __cplusplus
}
#endif
