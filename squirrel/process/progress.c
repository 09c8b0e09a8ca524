/* SPDX-License-Identifier: MIT */
#include "process/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process/walk.h"

enum { BAR_CELLS = 24 };

/* Counts names without opening anything, while the work is under way. */
static DREY_ASYNC int count_inputs(void *arg)
{
    sq_run *run = arg;
    sq_walk *walk = malloc(sizeof *walk);
    if (!walk)
        return 0;
    sq_walk_open(walk, run->options->paths, run->options->path_count);
    uint64_t total = 0;
    char *path;
    int rc, failure;
    while ((rc = sq_walk_next(walk, &path, &failure)) > 0) {
        free(path);
        total++;
    }
    if (rc == 0)
        atomic_store(&run->total, total);
    sq_walk_close(walk);
    free(walk);
    return 0;
}

static void draw_bar(sq_text *line, uint64_t done, uint64_t total)
{
    uint64_t cells = total ? done * BAR_CELLS / total : 0;
    sq_text_char(line, '[');
    for (uint64_t i = 0; i < BAR_CELLS; i++)
        sq_text_char(line, i < cells ? '#' : '.');
    sq_text_string(line, "] ");
}

static void draw(sq_text *line, const sq_run *run)
{
    uint64_t failed = atomic_load(&run->failed), done = atomic_load(&run->good) + failed;
    uint64_t taken = atomic_load(&run->taken), total = atomic_load(&run->total);
    double seconds = (double)(drey_now() - run->started) / 1e9, rate = seconds > 0 ? (double)done / seconds : 0;
    sq_text_clear(line);
    sq_text_string(line, SQ_PROGRESS_WIPE);
    if (total >= done && total > 0) {
        draw_bar(line, done, total);
        sq_text_format(line, "%" PRIu64 "/%" PRIu64, done, total);
    } else {
        sq_text_format(line, "%" PRIu64 " done", done);
    }
    uint64_t running = taken > done ? taken - done : 0;
    sq_text_format(line, "  %" PRIu64 " failed  %" PRIu64 " running  %.0f/s", failed, running, rate);
    if (total > done && rate > 0)
        sq_text_format(line, "  %.0f s left", (double)(total - done) / rate);
}

int sq_progress(void *arg)
{
    sq_run *run = arg;
    sq_output terminal;
    sq_text line = {0};
    drey_interval tick;
    sq_output_use(&terminal, 2);
    DREY_SCOPE(scope, .name = "progress");
    int rc = drey_interval_init(&tick, DREY_MS(100), DREY_MISSED_SKIP);
    if (rc == 0)
        rc = drey_go_daemon(&scope, count_inputs, run);
    while (rc == 0) {
        uint64_t missed;
        rc = drey_interval_wait(&tick, &missed);
        if (rc < 0)
            break;
        draw(&line, run);
        rc = sq_output_write(&terminal, line.data, line.bytes);
    }
    sq_text_free(&line);
    return drey_scope_close(&scope, rc);
}

static void summarize(sq_text *text, const sq_run *run, bool terminal)
{
    uint64_t good = atomic_load(&run->good), failed = atomic_load(&run->failed);
    double seconds = (double)(drey_now() - run->started) / 1e9;
    const char *how = drey_token_cancelled(run->tokens.drain) ? ", interrupted"
                      : atomic_load(&run->expired)            ? ", out of time (--total-timeout)"
                      : atomic_load(&run->cut)                ? ", stopped at the first failure (--fail-fast)"
                                                              : "";
    sq_text_format(text, "%ssquirrel: %" PRIu64 " processed, %" PRIu64 " failed in %.2f s%s\n",
                   terminal ? SQ_PROGRESS_WIPE : "", good, failed, seconds, how);
    if (!terminal)
        return;
    sq_text_format(text, "  %12" PRIu64 " bytes of resolved data, about %" PRIu64 " tokens\n", atomic_load(&run->bytes),
                   atomic_load(&run->tokens_estimated));
    for (int code = 1; code < SQ_CODES; code++) {
        uint64_t count = atomic_load(&run->failures[code]);
        if (count > 0)
            sq_text_format(text, "  %12" PRIu64 " %s\n", count, sq_code_name((sq_code)code));
    }
}

void sq_progress_summary(const sq_run *run, bool terminal)
{
    sq_output people;
    sq_text text = {0};
    summarize(&text, run, terminal);
    sq_output_use(&people, 2);
    bool stopped = drey_token_cancelled(run->tokens.stop);
    bool hurried = stopped || atomic_load(&run->expired);
    DREY_SCOPE(scope, .token = stopped ? NULL : run->tokens.stop, .timeout = hurried ? DREY_SEC(1) : 0,
               .name = "summary");
    int ignored = text.failed ? 0 : sq_output_write(&people, text.data, text.bytes);
    ignored = drey_scope_close(&scope, ignored);
    (void)ignored;
    sq_text_free(&text);
}

void sq_progress_hint(const char *line)
{
    struct pollfd room = {2, POLLOUT, 0};
    if (poll(&room, 1, 0) > 0) {
        ssize_t ignored = write(2, line, strlen(line));
        (void)ignored;
    }
}
