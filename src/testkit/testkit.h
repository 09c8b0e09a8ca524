/* SPDX-License-Identifier: MIT */
/*
 * The test kit: each test runs in a forked child, so that an abort, a hang or a leak fails that test only.
 *
 *   kit.c        main: options, choice of tests, the plan
 *   tap.c        parent: one test's child, its output as comments, its result line
 *   child.c      forking a function with its output in a pipe, for a limited time
 *   case.c       child: one test under its seeds; what must be as before when it ends
 *   alarm.c      child: a run that does not end is dumped and ended
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <drey/test.h>

enum { DREY__TEST_SECONDS = 30, DREY__TEST_REASON_MAX = 256, DREY__TEST_DIR_MAX = 512 };

/* How this program was called. Written by main before the first test. */
struct drey__kit {
    bool seeded; /* --seed: one run under `seed`, whatever the test says */
    uint64_t seed;
    bool no_fork;       /* --no-fork: for debuggers; no time limit either */
    unsigned workers;   /* DREY_TEST_WORKERS, or 0 */
    unsigned schedules; /* DREY_TEST_SCHEDULES, or 1 */
};
extern struct drey__kit drey__kit;

/* What a test's process tells its parent, in memory that both share: it outlives a crash. */
struct drey__test_note {
    bool finished;                       /* the test returned */
    char skipped[DREY__TEST_REASON_MAX]; /* why, if it asked for that */
    char directory[DREY__TEST_DIR_MAX];  /* drey_test_dir's, while it exists */
};
extern struct drey__test_note *drey__note;

/* tap.c: run a test and print its line; whether it passed. */
bool drey__tap_run(const drey_test *test, unsigned number);

/* case.c: run a test in this process, under each of its seeds; whether it passed. */
bool drey__case_run(const drey_test *test);
/* Real milliseconds until the running test has failed; 0 or less: now. */
int64_t drey__case_time_left(void);
int64_t drey__real_ms(void);

/* child.c */
struct drey__child_job {
    void (*fn)(void *arg); /* in the child; returning means exit(0) */
    void *arg;
    int64_t limit_ms;
    void (*output)(void *to, const char *bytes, size_t n); /* in the parent, as it comes */
    void *to;
};
struct drey__child_end {
    int status; /* as of waitpid */
    bool late;  /* it was killed, because its time was up */
    bool left;  /* it ended, but something that it started still held its output, and was killed */
};
/* 0, or a negative errno if it could not be run. */
int drey__child_run(const struct drey__child_job *job, struct drey__child_end *out_end);
/* "exited with status 3", "was killed by signal 6 (Aborted)", ...; returns buffer. */
const char *drey__child_describe(const struct drey__child_end *end, char *buffer, size_t n);

/* directory.c: remove the note's directory, if there is one. */
void drey__directory_remove(void);

/* descriptors.c: which descriptors below the limit are open. */
enum { DREY__FDS_MAX = 4096 };
struct drey__open_fds {
    uint8_t open[DREY__FDS_MAX / 8];
};
void drey__open_fds_take(struct drey__open_fds *out);
/* Say which were opened or closed since; whether none was. */
bool drey__open_fds_same(const struct drey__open_fds *before, const char *what);

/* alarm.c: around a drey_run. `what` is said when time is up; it may change meanwhile. */
void drey__alarm_start(const char *what);
void drey__alarm_stop(void);
