/* SPDX-License-Identifier: MIT */
#include "process/item.h"

#include <errno.h>
#include <stdlib.h>

#include "context/lineage.h"
#include "context/schema.h"
#include "json/write.h"
#include "process/compute.h"
#include "process/exec.h"
#include "process/load.h"
#include "process/report.h"

typedef struct work {
    const sq_item *item;
    sq_outcome *outcome;
    drey_scope *scope;      /* has the input's timeout */
    drey_time deadline;     /* 0: none */
    size_t bytes;           /* of text that was read, parents included */
    sq_lineage line;
    sq_json *data;          /* resolved; NULL before */
    sq_text text;           /* for the program, then from it */
} work;

/* The index is everybody's: reading all the inputs must not use up the time of one. */
static DREY_ASYNC int wait_for_index(work *w)
{
    drey_time from = drey_now();
    drey_scope_set_deadline(w->scope, 0);
    int rc = sq_index_wait(w->item->run, &w->outcome->error);
    if (w->deadline > 0) {
        w->deadline += drey_now() - from;
        drey_scope_set_deadline(w->scope, w->deadline);
    }
    return rc;
}

static DREY_ASYNC int load_parents(work *w)
{
    sq_run *run = w->item->run;
    sq_error *error = &w->outcome->error;
    const char *wanted;
    int rc = sq_lineage_start(&w->line, &w->outcome->context, run->now, error);
    while (rc == 0 && (wanted = sq_lineage_wants(&w->line))) {
        sq_context parent;
        char *path = NULL;
        rc = wait_for_index(w);
        if (rc == 0)
            rc = sq_index_find(run, w->line.project, wanted, &path, error);
        if (rc < 0)
            break;
        rc = sq_load_context(run->compute, path, run->options->max_bytes, &parent, error);
        free(path);
        if (rc == -ECANCELED || (rc < 0 && error->code == SQ_QUOTA))
            return rc;
        if (rc < 0)
            return sq_fail(error, SQ_BROKEN_PARENT, "its parent \"%s\" could not be read again", wanted);
        w->bytes += parent.bytes;
        rc = sq_lineage_add(&w->line, &parent, error);
        sq_load_free(run->compute, &parent);
    }
    return rc;
}

/* Paths of errors begin at the data; places are of the file only for a root, whose data is what the file says. */
static int check_schema(work *w)
{
    if (!w->item->run->schema)
        return 0;
    return sq_schema_validate(w->item->run->schema, w->data, &w->outcome->error);
}

/* All that only computes, on the deep stack: merging, writing and counting recurse. */
static int digest(void *arg)
{
    work *w = arg;
    sq_outcome *o = w->outcome;
    size_t limit = w->item->run->options->max_bytes;
    w->data = sq_lineage_resolve(&w->line);
    if (!w->data)
        return sq_fail_memory(&o->error);
    if (check_schema(w) < 0)
        return -EINVAL;
    if (sq_measure_take(w->data, &o->measure) < 0)
        return sq_fail_memory(&o->error);
    if (o->measure.bytes > limit)
        return sq_fail(&o->error, SQ_TOO_LARGE, "with its parents' data it has %zu bytes: at most %zu are accepted, "
                       "see --max-bytes", o->measure.bytes, limit);
    o->ancestors = w->line.count - 1;
    o->expired = sq_context_expired(&o->context, w->item->run->now);
    return 0;
}

/* What a program reads: the document with its data resolved, its id and project filled in, and its fingerprint. */
static int write_document(void *arg)
{
    work *w = arg;
    const sq_outcome *o = w->outcome;
    sq_json *own = o->context.document, *document = sq_json_new_object();
    if (!document)
        return -ENOMEM;
    int rc = 0;
    for (sq_json_member m = sq_json_first(own); m.key && rc == 0; m = sq_json_next(own, m))
        rc = sq_json_set(document, m.key, sq_json_ref(m.value));
    if (rc == 0)
        rc = sq_json_set(document, "id", sq_json_new_string(o->context.id));
    if (rc == 0)
        rc = sq_json_set(document, "project", sq_json_new_string(o->context.project));
    if (rc == 0)
        rc = sq_json_set(document, "data", sq_json_ref(w->data));
    if (rc == 0)
        rc = sq_json_set(document, "fingerprint", sq_json_new_string(o->measure.fingerprint));
    if (rc == 0)
        sq_json_write(&w->text, document, SQ_JSON_COMPACT);
    sq_json_unref(document);
    sq_text_char(&w->text, '\n');
    return w->text.failed ? -ENOMEM : rc;
}

static int read_answer(void *arg)
{
    work *w = arg;
    sq_json_error refused;
    sq_json *answer;
    const char *text = w->text.data ? w->text.data : "";
    /* A program may answer with the document that it got: one level more than data may have. */
    if (sq_json_parse(text, w->text.bytes, SQ_JSON_DEPTH_MAX + 1, &answer, &refused) < 0) {
        sq_error *error = &w->outcome->error;
        if (refused.code == SQ_JSON_NO_MEMORY)
            return sq_fail_memory(error);
        return sq_fail(error, SQ_INVALID, "the program's output is not JSON, at %zu:%zu: %.150s", refused.place.line,
                       refused.place.column, refused.message);
    }
    sq_json_write(&w->outcome->answer, answer, SQ_JSON_COMPACT);
    sq_json_unref(answer);
    return w->outcome->answer.failed ? sq_fail_memory(&w->outcome->error) : 0;
}

static DREY_ASYNC int ask_program(work *w)
{
    const sq_process_options *options = w->item->run->options;
    sq_text answer = {0};
    int rc = sq_compute(w->item->run->compute, w->bytes, write_document, w);
    if (rc < 0)
        return rc == -ENOMEM ? sq_fail_memory(&w->outcome->error) : rc;
    rc = sq_exec_run(options->exec, &w->text, options->max_bytes, &answer, &w->outcome->error);
    sq_text_free(&w->text);
    w->text = answer;
    return rc < 0 ? rc : sq_compute(w->item->run->compute, w->text.bytes, read_answer, w);
}

/* 0, -ECANCELED, or another failure with the error in the outcome. */
static DREY_ASYNC int process(work *w)
{
    sq_outcome *o = w->outcome;
    const sq_item *item = w->item;
    if (item->failure < 0)
        return sq_fail_errno(&o->error, item->failure, "listing the directory");
    int rc = sq_load_context(item->run->compute, item->path, item->run->options->max_bytes, &o->context, &o->error);
    w->bytes = rc == 0 ? o->context.bytes : 0;
    if (rc == 0)
        rc = load_parents(w);
    if (rc == 0)
        rc = sq_compute(item->run->compute, w->bytes, digest, w);
    if (rc == 0 && item->run->options->exec)
        rc = ask_program(w);
    return rc;
}

static DREY_ASYNC void report(const sq_item *item, const sq_outcome *outcome)
{
    sq_run *run = item->run;
    sq_result result = {0};
    if (run->lines.fd >= 0)
        sq_report_json(&result.json, outcome);
    if (run->table)
        sq_report_row(&result.human, outcome);
    atomic_fetch_add(&run->failures[outcome->error.code], 1);
    if (outcome->error.code == SQ_OK) {
        atomic_fetch_add(&run->good, 1);
        atomic_fetch_add(&run->bytes, outcome->measure.bytes);
        atomic_fetch_add(&run->tokens_estimated, outcome->measure.tokens);
    } else {
        atomic_fetch_add(&run->failed, 1);
    }
    sq_window_fill(&run->window, item->slot, &result);
}

static int release(void *arg)
{
    work *w = arg;
    sq_lineage_free(&w->line);
    sq_json_unref(w->data);
    sq_text_free(&w->text);
    return 0;
}

static DREY_ASYNC int run_item(const sq_item *item, sq_outcome *outcome)
{
    drey_duration limit = item->run->options->timeout;
    DREY_SCOPE(scope, .timeout = limit, .name = "input");
    work w = {.item = item, .outcome = outcome, .scope = &scope, .deadline = limit > 0 ? drey_now() + limit : 0};
    int rc = drey_scope_close(&scope, process(&w));
    sq_compute_uncut(item->run->compute, w.bytes, release, &w);
    if (rc == -ETIMEDOUT)
        sq_fail(&outcome->error, SQ_TIMEOUT, "it was not done within %lld ms: see --timeout",
                (long long)(limit / DREY_MS(1)));
    else if (rc < 0 && rc != -ECANCELED && outcome->error.code == SQ_OK)
        sq_fail_errno(&outcome->error, rc, "processing");
    return rc;
}

/* The run was cancelled: by its own deadline? */
static void note_cause(sq_run *run)
{
    drey_reason reason;
    if (drey_cancel_reason(&reason) && reason.cause == DREY_CAUSE_DEADLINE)
        atomic_store(&run->expired, true);
}

int sq_item_run(void *arg)
{
    const sq_item *item = arg;
    sq_run *run = item->run;
    sq_outcome outcome = {.input = item->path};
    int rc = drey_token_cancelled(run->tokens.drain) ? -ECANCELED : 0;
    if (rc == 0) {
        atomic_fetch_add(&run->taken, 1);
        rc = run_item(item, &outcome);
        if (rc == -ECANCELED) {
            note_cause(run);
            atomic_fetch_sub(&run->taken, 1);
        } else {
            report(item, &outcome);
        }
        if (rc < 0 && rc != -ECANCELED && run->options->fail_fast) {
            atomic_store(&run->cut, true);
            drey_scope_cancel(&run->work, 0, "--fail-fast: an input failed");
        } else if (rc < 0 && outcome.error.code == SQ_USAGE) {
            drey_scope_cancel(&run->work, 0, "--exec: the program cannot be run");
        }
    }
    sq_load_free(run->compute, &outcome.context);
    sq_text_free(&outcome.answer);
    free(item->path);
    return rc;
}
