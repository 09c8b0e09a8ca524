/* SPDX-License-Identifier: MIT */
/* Many contexts at once, each a write of its own, so that the store commits them in groups. A context whose parent
 * is not there yet is tried again when the others are written. */
#include "cli/import.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/client.h"
#include "context/context.h"
#include "context/error_json.h"
#include "json/write.h"
#include "process/load.h"
#include "process/report.h"
#include "process/walk.h"
#include "store/heavy.h"

enum { AT_ONCE = 48 };

typedef struct importing importing;

typedef struct job {
    importing *in;
    sq_import_item item;
    struct job *next;
    /* The context, read. */
    sq_context context;
    sq_text data, metadata;
    sq_error error;
} job;

struct importing {
    sq_cli *cli;
    drey_scope *scope;
    drey_sem output; /* one at a time */
    drey_mutex lock; /* guards the list below, and the command's error */
    job *waiting;    /* for their parents */
    _Atomic uint64_t written, failed;
};

static void free_job(job *j)
{
    sq_context_free(&j->context);
    sq_text_free(&j->data);
    sq_text_free(&j->metadata);
    free(j->item.text);
    free(j);
}

/* Needs a deep stack. */
static int read_context(void *arg)
{
    job *j = arg;
    const sq_import_item *item = &j->item;
    if (!item->text) {
        j->error = item->error;
        return -EINVAL;
    }
    int rc =
        sq_context_read(item->text, item->bytes, item->default_id[0] ? item->default_id : NULL, &j->context, &j->error);
    if (rc < 0)
        return rc;
    sq_json *metadata = sq_json_get(j->context.document, "metadata");
    sq_json_write(&j->data, j->context.data, SQ_JSON_COMPACT);
    if (metadata && sq_json_typeof(metadata) == SQ_JSON_OBJECT)
        sq_json_write(&j->metadata, metadata, SQ_JSON_COMPACT);
    return j->data.failed || j->metadata.failed ? sq_fail_memory(&j->error) : 0;
}

static const char *source_member(const job *j, const char *key)
{
    sq_json *source = sq_json_get(j->context.document, "source");
    sq_json *value = source && sq_json_typeof(source) == SQ_JSON_OBJECT ? sq_json_get(source, key) : NULL;
    return value && sq_json_typeof(value) == SQ_JSON_STRING ? sq_json_string(value, NULL) : NULL;
}

/* --project, else what the context says itself, else what is derived. */
static const char *project_of(const job *j)
{
    const sq_cli *cli = j->in->cli;
    bool own = !cli->args.project && sq_json_get(j->context.document, "project");
    return own ? j->context.project : cli->project.name;
}

static sq_write write_of(const job *j)
{
    const sq_context *c = &j->context;
    sq_write write = {
        .verb = SQ_IMPORT,
        .project = project_of(j),
        .id = c->id,
        .set = SQ_SET_DATA | SQ_SET_NAME | SQ_SET_METADATA | SQ_SET_PARENT | SQ_SET_EXPIRY,
        .data = j->data.data,
        .data_bytes = j->data.bytes,
        .name = c->name,
        .metadata = j->metadata.bytes > 0 ? j->metadata.data : NULL,
        .parent_id = c->parent_id,
        .expires_at = c->expires ? c->expires_at : SQ_NEVER,
        .expected_rev = SQ_REV_FORCE,
        .principal = j->in->cli->principal,
        .agent = source_member(j, "agent"),
        .tool = source_member(j, "tool"),
        .trust = source_member(j, "trust"),
    };
    sq_json *created = sq_json_get(c->document, "created_at");
    size_t bytes;
    if (created && sq_json_typeof(created) == SQ_JSON_STRING) {
        const char *text = sq_json_string(created, &bytes);
        if (sq_time_read(text, bytes, &write.created_at))
            write.set |= SQ_SET_CREATED;
    }
    return write;
}

static void describe(const job *j, const sq_revision *revision, sq_text *out)
{
    sq_text_string(out, "{\"input\":");
    sq_text_quote(out, j->item.where, strlen(j->item.where));
    if (revision) {
        sq_text_format(out, ",\"id\":\"%s\",\"project\":\"%s\",\"rev\":%lld}\n", revision->id, revision->project,
                       (long long)revision->rev);
    } else {
        sq_text_string(out, ",\"error\":");
        sq_error_write(out, &j->error);
        sq_text_string(out, "}\n");
    }
}

/* For programs a line each; for people only what failed. */
static DREY_ASYNC int tell(job *j, const sq_revision *revision)
{
    sq_text out = {0};
    sq_cli *cli = j->in->cli;
    if (cli->json) {
        describe(j, revision, &out);
    } else if (!revision) {
        sq_text_string(&out, "FAILED  ");
        sq_text_printable(&out, j->item.where);
        sq_text_format(&out, ": %s: ", sq_code_name(j->error.code));
        sq_text_printable(&out, j->error.message);
        sq_text_char(&out, '\n');
    }
    int rc = drey_sem_acquire(&j->in->output, 1);
    if (rc == 0) {
        rc = sq_cli_write(cli, &out);
        drey_sem_release(&j->in->output, 1);
    }
    sq_text_free(&out);
    return rc;
}

static DREY_ASYNC void put_off(job *j)
{
    DREY_LOCKED(&j->in->lock);
    j->next = j->in->waiting;
    j->in->waiting = j;
}

/* The rest would fare no better. */
static DREY_ASYNC void give_up(job *j)
{
    {
        DREY_LOCKED(&j->in->lock);
        j->in->cli->error = j->error;
    }
    free_job(j);
}

static DREY_ASYNC int refuse(job *j)
{
    atomic_fetch_add(&j->in->failed, 1);
    int rc = tell(j, NULL);
    free_job(j);
    return rc;
}

static DREY_ASYNC int store(void *arg)
{
    job *j = arg;
    sq_manager *manager = j->in->cli->manager;
    sq_written written = {0};
    int rc = j->context.document ? 0 : sq_heavy(j->item.bytes, read_context, j);
    if (rc < 0 && rc != -ECANCELED && j->error.code == SQ_OK)
        sq_fail_errno(&j->error, rc, "reading the context");
    if (rc == 0) {
        sq_write write = write_of(j);
        rc = manager->ops->batch(manager, &write, 1, &written, &j->error);
    }
    if (rc == 0) {
        atomic_fetch_add(&j->in->written, 1);
        rc = tell(j, written.revision);
        free_job(j);
    } else if (rc == -EINVAL && j->error.code == SQ_BROKEN_PARENT) {
        put_off(j);
        rc = 0;
    } else if (rc == -ECANCELED) {
        free_job(j);
    } else if (j->error.code == SQ_STORE_BUSY || j->error.code == SQ_STORE_FAILED || j->error.code == SQ_DISK_FULL ||
               j->error.code == SQ_STORE_UNREACHABLE || j->error.code == SQ_UNKNOWN_OUTCOME) {
        give_up(j);
    } else {
        rc = refuse(j);
    }
    sq_written_free(&written);
    return rc;
}

static DREY_ASYNC int take(void *arg, const sq_import_item *item)
{
    importing *in = arg;
    job *j = calloc(1, sizeof *j);
    if (!j) {
        free(item->text);
        return -ENOMEM;
    }
    j->in = in;
    j->item = *item;
    int rc = drey_go(in->scope, store, j);
    if (rc < 0)
        free_job(j);
    return rc;
}

static DREY_ASYNC int import_paths(importing *in)
{
    sq_walk *walk = malloc(sizeof *walk);
    char *path;
    int failure, rc;
    if (!walk)
        return -ENOMEM;
    DREY_SCOPE(scope, .limit = AT_ONCE, .name = "importing");
    in->scope = &scope;
    sq_walk_open(walk, in->cli->args.plain, in->cli->args.plain_count);
    while ((rc = sq_walk_next(walk, &path, &failure)) > 0) {
        rc = sq_import_file(path, take, in);
        free(path);
        if (rc < 0)
            break;
    }
    rc = drey_scope_close(&scope, rc);
    sq_walk_close(walk);
    free(walk);
    return rc;
}

/* One more round for those that wait for parents. */
static DREY_ASYNC int import_waiting(importing *in)
{
    job *list = in->waiting;
    int rc = 0;
    in->waiting = NULL;
    DREY_SCOPE(scope, .limit = AT_ONCE, .name = "importing children");
    while (list) {
        job *j = list;
        list = j->next;
        rc = rc < 0 ? rc : drey_go(&scope, store, j);
        if (rc < 0)
            free_job(j);
    }
    return drey_scope_close(&scope, rc);
}

static DREY_ASYNC int import_all(importing *in)
{
    int rc = import_paths(in);
    for (uint64_t before = UINT64_MAX; rc == 0 && in->waiting && before != atomic_load(&in->written);) {
        before = atomic_load(&in->written);
        rc = import_waiting(in);
    }
    while (in->waiting) {
        job *j = in->waiting;
        in->waiting = j->next;
        if (rc == 0)
            rc = refuse(j);
        else
            free_job(j);
    }
    return rc;
}

static DREY_ASYNC int import(sq_cli *cli)
{
    importing in = {.cli = cli};
    drey_sem_init(&in.output, 1, 1);
    int rc = import_all(&in);
    drey_sem_deinit(&in.output);
    drey_mutex_deinit(&in.lock);
    if (rc == -ENOMEM)
        return sq_fail_memory(&cli->error);
    if (rc < 0)
        return rc;
    if (!cli->json) {
        sq_text out = {0};
        uint64_t failed = atomic_load(&in.failed);
        sq_text_format(&out, "Imported %llu context%s", (unsigned long long)in.written, in.written == 1 ? "" : "s");
        if (failed > 0)
            sq_text_format(&out, "; %llu failed", (unsigned long long)failed);
        sq_text_string(&out, ".\n");
        rc = sq_cli_write(cli, &out);
        sq_text_free(&out);
    }
    return rc < 0 ? rc : sq_code_exit(in.failed > 0 ? SQ_SOME_FAILED : SQ_OK);
}

static const sq_option options[] = {SQ_ARG_FLAG("--with-parent"), SQ_ARGS_PROJECT};

const sq_command sq_command_import = {
    .name = "import",
    .arguments = "PATH...",
    .project = true,
    .plain_least = 1,
    .plain_most = SIZE_MAX,
    .body = import,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .summary = "Reads contexts into the store: files of one context, JSON lines (as export writes them), directories\n"
               "(every *.json at every level), - for standard input, and the file of the reference MCP memory\n"
               "server, whose entities become contexts. A context that is there is replaced if it differs.",
    .help = "  A context goes into --project, else into the project that it names, else into the default one.\n"
            "\n"
            "  --with-parent      end with the process that started this: for programs that feed it through a pipe\n",
};
