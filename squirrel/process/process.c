/* SPDX-License-Identifier: MIT */
/* The shape of a run:
 *
 *     top     writer            results from the window to the outputs, in order
 *             progress, watch   daemons: the line on a terminal; what the signals ask for
 *             body: work        limit, total timeout, token quit; its children are the inputs
 *
 * The writer is not in `work`, so that what was finished is still written when the work is cancelled. */
#include "process/process.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "context/schema.h"
#include "process/compute.h"
#include "process/exec.h"
#include "process/interrupt.h"
#include "process/item.h"
#include "process/load.h"
#include "process/progress.h"
#include "process/report.h"
#include "process/walk.h"

enum { WINDOW_FACTOR = 4, WINDOW_MIN = 64, BATCH_BYTES = 65536 };

static DREY_ASYNC int write_to(sq_run *run, sq_output *output, const sq_text *text)
{
    int rc = text->failed ? -ENOMEM : text->bytes > 0 ? sq_output_write(output, text->data, text->bytes) : 0;
    if (rc < 0 && rc != -ECANCELED) {
        run->output_failure = rc;
        run->failed_output = output;
    }
    return rc;
}

/* Waits for a result, adds those that are ready behind it, and writes them together. */
static DREY_ASYNC int write_batch(sq_run *run)
{
    sq_result result, batch = {0};
    int rc = sq_window_take(&run->window, true, &batch);
    if (rc < 0)
        return rc;
    while (batch.json.bytes + batch.human.bytes < BATCH_BYTES && sq_window_take(&run->window, false, &result) == 0) {
        sq_text_add(&batch.json, result.json.data, result.json.bytes);
        sq_text_add(&batch.human, result.human.data, result.human.bytes);
        batch.json.failed |= result.json.failed;
        batch.human.failed |= result.human.failed;
        sq_result_free(&result);
    }
    rc = write_to(run, &run->lines, &batch.json);
    if (rc == 0 && batch.human.bytes > 0 && isatty(2))
        rc = sq_output_write(&run->people, SQ_PROGRESS_WIPE, strlen(SQ_PROGRESS_WIPE));
    if (rc == 0)
        rc = write_to(run, &run->people, &batch.human);
    sq_result_free(&batch);
    return rc;
}

static DREY_ASYNC int write_results(void *arg)
{
    sq_run *run = arg;
    int rc = 0;
    while (rc == 0)
        rc = write_batch(run);
    if (run->output_failure < 0)
        drey_token_cancel(run->tokens.quit, "the output failed");
    return 0;
}

static DREY_ASYNC int start_inputs(sq_run *run, sq_walk *walk)
{
    sq_item item = {.run = run};
    int rc = 0;
    while (rc == 0) {
        rc = sq_window_reserve(&run->window, run->tokens.drain, &item.slot);
        if (rc == 0)
            rc = sq_walk_next(walk, &item.path, &item.failure);
        if (rc <= 0)
            break;
        rc = drey_go_copy(&run->work, sq_item_run, &item, sizeof item);
        if (rc < 0)
            free(item.path);
    }
    return rc;
}

static DREY_ASYNC int run_inputs(sq_run *run)
{
    sq_walk *walk = malloc(sizeof *walk);
    if (!walk)
        return -ENOMEM;
    sq_walk_open(walk, run->options->paths, run->options->path_count);
    drey_scope_open(&run->work, .limit = run->options->limit, .timeout = run->options->total_timeout,
                    .token = run->tokens.quit, .keep_going = true, .name = "inputs");
    int rc = start_inputs(run, walk);
    drey_reason reason;
    if (rc == -ECANCELED && drey_cancel_reason(&reason) && reason.cause == DREY_CAUSE_DEADLINE)
        atomic_store(&run->expired, true);
    /* Draining: who runs, finishes. Otherwise the scope is cancelled already. */
    rc = drey_scope_close(&run->work, rc == -ECANCELED ? 0 : rc);
    sq_walk_close(walk);
    free(walk);
    return rc == -ECANCELED || rc == -ETIMEDOUT ? 0 : rc;
}

typedef struct watch_job {
    sq_run *run;
    drey_scope *top;
} watch_job;

/* First signal: say what happens. Second: an output that takes nothing must not hold us either. */
static DREY_ASYNC int watch_signals(void *arg)
{
    const watch_job *job = arg;
    static const char said[] = "\nsquirrel: finishing what is running; interrupt again to stop at once\n";
    int rc = drey_token_wait(job->run->tokens.drain);
    if (rc < 0)
        return rc;
    if (!drey_token_cancelled(job->run->tokens.stop))
        sq_progress_hint(said);
    rc = drey_token_wait(job->run->tokens.stop);
    if (rc == 0)
        drey_scope_set_deadline(job->top, drey_now() + DREY_SEC(1));
    return rc;
}

static DREY_ASYNC int run_all(sq_run *run)
{
    drey_duration total = run->options->total_timeout;
    DREY_SCOPE(top, .timeout = total > 0 ? total + DREY_SEC(1) : 0, .name = "process");
    watch_job watch = {run, &top};
    int rc = drey_go(&top, write_results, run);
    if (rc == 0)
        rc = drey_go_daemon(&top, watch_signals, &watch);
    if (rc == 0 && isatty(2))
        rc = drey_go_daemon(&top, sq_progress, run);
    if (rc == 0)
        rc = run_inputs(run);
    sq_window_close(&run->window);
    return drey_scope_close(&top, rc);
}

typedef struct schema_job {
    char *text;
    size_t bytes;
    sq_json *schema;
    sq_error *error;
} schema_job;

static int read_schema(void *arg)
{
    schema_job *job = arg;
    sq_json_error refused;
    int rc = sq_json_parse(job->text, job->bytes, SQ_JSON_DEPTH_MAX, &job->schema, &refused);
    return rc < 0 ? sq_fail_json(job->error, &refused) : sq_schema_check(job->schema, job->error);
}

static DREY_ASYNC int load_schema(sq_run *run, sq_error *error)
{
    schema_job job = {.error = error};
    sq_error plain;
    if (!run->options->schema)
        return 0;
    int rc = sq_load_text(run->options->schema, run->options->max_bytes, &job.text, &job.bytes, error);
    if (rc == 0)
        rc = sq_compute(run->compute, job.bytes, read_schema, &job);
    free(job.text);
    run->schema = job.schema;
    if (rc < 0) {
        plain = *error;
        snprintf(error->message, sizeof error->message, "--schema %.80s: %.160s", run->options->schema, plain.message);
    }
    return rc;
}

static DREY_ASYNC int open_outputs(sq_run *run, sq_error *error)
{
    run->lines.fd = run->people.fd = -1;
    run->table = isatty(1) && !run->options->json;
    if (run->table)
        sq_output_use(&run->people, 1);
    if (run->options->out)
        return sq_output_open(&run->lines, run->options->out, error);
    if (!run->table)
        sq_output_use(&run->lines, 1);
    return 0;
}

static DREY_ASYNC int prepare(sq_run *run, sq_error *error)
{
    const sq_process_options *options = run->options;
    size_t window = (size_t)options->limit * WINDOW_FACTOR;
    run->now = drey_wall() / 1000000;
    run->started = drey_now();
    if (sq_compute_open(&run->compute) < 0)
        return sq_fail_memory(error);
    if (sq_index_init(&run->index) < 0)
        return sq_fail(error, SQ_INTERNAL, "the system gives no random numbers");
    int rc = load_schema(run, error);
    if (rc == 0 && sq_window_open(&run->window, window < WINDOW_MIN ? WINDOW_MIN : window) < 0)
        rc = sq_fail_memory(error);
    return rc < 0 ? rc : open_outputs(run, error);
}

static sq_code output_code(int failure)
{
    sq_error error;
    if (failure == -EPIPE)
        return SQ_SOME_FAILED;
    sq_fail_errno(&error, failure, "");
    return error.code == SQ_INTERNAL ? SQ_DISK_FULL : error.code; /* closed, or broken: it takes nothing more */
}

static int complain(const sq_error *error)
{
    sq_text line = {0};
    sq_text_printable(&line, error->message);
    fprintf(stderr, "squirrel: %s", line.data ? line.data : "");
    if (error->place.line > 0)
        fprintf(stderr, " (line %zu, column %zu)", error->place.line, error->place.column);
    if (error->path[0]) {
        sq_text_clear(&line);
        sq_text_printable(&line, error->path);
        fprintf(stderr, " at %s", line.data ? line.data : "");
    }
    fputc('\n', stderr);
    sq_text_free(&line);
    return sq_code_exit(error->code);
}

/* Says that the output failed. The inputs that were lost with it are not in any result. */
static int complain_output(const sq_run *run, int failure)
{
    bool file = run->options->out && run->failed_output == &run->lines;
    const char *where = file ? "the file of --out" : "standard output";
    if (failure == -EPIPE)
        fprintf(stderr, "squirrel: nobody reads %s any more: stopped\n", where);
    else
        fprintf(stderr, "squirrel: writing to %s: %s%s\n", where, strerror(-failure),
                file ? "; an older file is as it was" : "");
    return sq_code_exit(output_code(failure));
}

static DREY_ASYNC int conclude(sq_run *run, int rc)
{
    if (run->options->out && run->failed_output == &run->lines) {
        sq_output_discard(&run->lines);
    } else if (run->options->out) {
        int committed = sq_output_commit(&run->lines);
        if (committed < 0) {
            run->output_failure = committed;
            run->failed_output = &run->lines;
        }
    }
    sq_progress_summary(run, isatty(2));
    if (atomic_load(&run->failures[SQ_USAGE]) > 0) {
        sq_error error;
        sq_fail(&error, SQ_USAGE, "--exec: %.150s cannot be run: the results say why", run->options->exec[0]);
        return complain(&error);
    }
    if (run->output_failure < 0)
        return complain_output(run, run->output_failure);
    if (drey_token_cancelled(run->tokens.drain))
        return sq_code_exit(SQ_INTERRUPTED);
    if (atomic_load(&run->expired) || rc == -ETIMEDOUT)
        return sq_code_exit(SQ_TIMEOUT);
    if (rc < 0) {
        sq_error error;
        sq_fail_errno(&error, rc, "processing");
        return complain(&error);
    }
    return sq_code_exit(atomic_load(&run->failed) > 0 ? SQ_SOME_FAILED : SQ_OK);
}

static DREY_ASYNC int process_main(void *arg)
{
    sq_run *run = arg;
    sq_error error;
    int rc = prepare(run, &error);
    int status = rc < 0 ? complain(&error) : conclude(run, run_all(run));
    if (run->compute && drey_pool_close(run->compute) < 0)
        status = status == 0 ? sq_code_exit(SQ_INTERNAL) : status;
    sq_json_unref(run->schema);
    sq_index_deinit(&run->index);
    sq_window_deinit(&run->window);
    return status;
}

int sq_process(const sq_process_options *options)
{
    sq_run run = {.options = options};
    sq_error error;
    if (options->exec && !sq_exec_exists(options->exec[0], &error))
        return complain(&error);
    sq_json_keep_memory();
    int rc = sq_interrupt_open(&run.tokens);
    if (rc == 0)
        rc = drey_run(&(drey_config){.name = "squirrel process"}, process_main, &run);
    sq_interrupt_close(&run.tokens);
    if (rc >= 0)
        return rc;
    if (rc == -EINVAL) /* all that squirrel sets itself is good */
        sq_fail(&error, SQ_USAGE,
                "the environment has no good value in DREY_WORKERS (1 to 256), DREY_IO (uring, epoll), "
                "DREY_SEED (a number) or DREY_LOCK_RULE (warn, abort, off)");
    else
        sq_fail_errno(&error, rc, "starting the runtime");
    return complain(&error);
}
