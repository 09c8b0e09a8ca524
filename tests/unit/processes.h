/* SPDX-License-Identifier: MIT */
/* What the tests of processes share. */
#pragma once

#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "on_both.h"

/* The options of a shell script: SH("echo 1", .out = DREY_STDIO_PIPE) */
#define SH(script, ...) \
    ((drey_process_options){.argv = (const char *[]){"/bin/sh", "-c", (script), NULL}, ##__VA_ARGS__})

/* Run a script to its end: what it printed, which the caller frees, or NULL with the reason printed. */
static inline DREY_ASYNC char *printed_by(drey_process_options options)
{
    drey_process_result result;
    int rc = drey_process_run(options, (drey_process_talk){.out_max = 1 << 20, .err_max = 1000}, &result);
    if (rc < 0) {
        fprintf(stderr, "the program could not be run: %s\n", strerror(-rc));
        return NULL;
    }
    if (result.status.code != 0 || result.status.signal != 0 || result.err_bytes > 0)
        fprintf(stderr, "status %d, signal %d: %s\n", result.status.code, result.status.signal, result.err);
    free(result.err);
    return result.out;
}

/* A process that has ended, perhaps not reaped yet by whom it was left to. */
static inline bool is_gone(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return true;
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    const char *end = strrchr(line, ')');
    return got == NULL || end == NULL || end[2] == 'Z' || end[2] == 'X';
}

/* Within ten seconds; what was killed needs a moment to die. */
static inline bool goes(pid_t pid)
{
    for (int i = 0; i < 1000 && !is_gone(pid); i++)
        usleep(10000);
    return is_gone(pid);
}

/* No child is left, not even one that has ended. */
static inline bool no_children(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

/* For what a script prints about itself: its first number. */
static inline long number_in(char *text)
{
    long n = text != NULL ? strtol(text, NULL, 10) : -1;
    free(text);
    return n;
}
