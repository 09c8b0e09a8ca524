/* SPDX-License-Identifier: MIT */
#include "process/exec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "process/load.h"

enum { COMPLAINT_BYTES = 160 };

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

static int fail_run(int failure, const char *program, size_t max_bytes, sq_error *error)
{
    if (failure == -ECANCELED)
        return failure;
    if (failure == -ENOMEM)
        return sq_fail_memory(error);
    if (failure == -EMSGSIZE)
        return sq_fail(error, SQ_TOO_LARGE, "the program wrote over %zu bytes: see --max-bytes", max_bytes);
    if (failure == -ECHILD)
        return sq_fail(error, SQ_INTERNAL, "the program's status is not known");
    if (failure == -EAGAIN)
        return sq_fail(error, SQ_QUOTA, "starting the program: too many processes: use a lower --limit");
    if (cannot_run(failure))
        return sq_fail(error, SQ_USAGE, "--exec: %.150s cannot be run: %s%s", program, strerror(-failure),
                       failure == -ENOEXEC ? "; a script begins with #! and its interpreter" : "");
    return sq_fail_errno(error, failure, "running the program");
}

static int judge(drey_process_status status, char *complaint, sq_error *error)
{
    if (status.code == 0 && status.signal == 0)
        return 0;
    complaint[strcspn(complaint, "\r\n")] = '\0';
    const char *colon = complaint[0] ? ": " : "";
    if (status.signal)
        return sq_fail(error, SQ_INVALID, "the program was ended by signal %d%s%s", status.signal, colon, complaint);
    return sq_fail(error, SQ_INVALID, "the program refused it with status %d%s%s", status.code, colon, complaint);
}

int sq_exec_run(char *const *argv, const sq_text *input, size_t max_bytes, sq_text *output, sq_error *error)
{
    drey_process_result result;
    drey_process_options options = {.argv = (const char *const *)argv, .grace = -1};
    drey_process_talk talk = {
        .input = input->data, .input_bytes = input->bytes, .out_max = max_bytes, .err_max = COMPLAINT_BYTES};
    int rc = drey_process_run(options, talk, &result);
    if (rc < 0)
        return fail_run(rc, argv[0], max_bytes, error);
    *output = (sq_text){.data = result.out, .bytes = result.out_bytes, .room = result.out_bytes + 1};
    rc = judge(result.status, result.err, error);
    free(result.err);
    return rc;
}

/* What drey_process_run uses, so that the program is looked for where it will be. */
static const char *search_path(void)
{
    const char *path = getenv("PATH");
    return path ? path : "/bin:/usr/bin";
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
