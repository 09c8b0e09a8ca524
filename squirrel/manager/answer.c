/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "manager/wire.h"

/* One write goes where its verb belongs, so that an implementation sees the calls that its users see. */
static DREY_ASYNC int ask_write(sq_manager *manager, const sq_request *request, sq_answer *out)
{
    const sq_write *writes = request->write.writes;
    size_t count = request->write.count;
    sq_written *written = calloc(count + 1, sizeof *written);
    if (!written)
        return sq_fail_memory(&out->error);
    out->write.written = written;
    out->write.count = count;
    if (count != 1)
        return manager->ops->batch(manager, writes, count, written, &out->error);
    switch (writes->verb) {
    case SQ_CREATE:
        return manager->ops->create(manager, writes, written, &out->error);
    case SQ_REPLACE:
    case SQ_PATCH:
    case SQ_APPEND:
        return manager->ops->update(manager, writes, written, &out->error);
    case SQ_DELETE:
        return manager->ops->remove(manager, writes, written, &out->error);
    case SQ_UNDO:
        return manager->ops->undo(manager, writes, written, &out->error);
    case SQ_PURGE:
        return manager->ops->purge(manager, writes, written, &out->error);
    case SQ_IMPORT:
    case SQ_EXTERNAL:
    case SQ_VERBS:
        break;
    }
    return manager->ops->batch(manager, writes, 1, written, &out->error);
}

static DREY_ASYNC int ask_projects(sq_manager *manager, const sq_request *request, sq_answer *out)
{
    const char *after = request->projects.after ? request->projects.after : "";
    size_t count = request->projects.limit ? request->projects.limit : 100;
    sq_project *projects = calloc(count, sizeof *projects);
    if (!projects)
        return sq_fail_memory(&out->error);
    int rc = manager->ops->projects(manager, after, projects, &count, &out->error);
    if (rc < 0) {
        free(projects);
        return rc;
    }
    out->projects.projects = projects;
    out->projects.count = count;
    return 0;
}

static DREY_ASYNC int ask_process(sq_manager *manager, const sq_request *request, sq_answer *out)
{
    size_t count = request->process.count;
    sq_processed *items = calloc(count + 1, sizeof *items);
    if (!items)
        return sq_fail_memory(&out->error);
    int rc = manager->ops->process(manager, request->process.project, request->process.ids, count,
                                   request->process.schema, items, &out->error);
    if (rc < 0) {
        free(items);
        return rc;
    }
    out->process.items = items;
    out->process.count = count;
    return 0;
}

static DREY_ASYNC int ask(sq_manager *manager, const sq_request *request, sq_answer *out)
{
    const sq_manager_ops *ops = manager->ops;
    sq_error *error = &out->error;
    switch (request->ask) {
    case SQ_ASK_WRITE:
        return ask_write(manager, request, out);
    case SQ_ASK_GET:
        return ops->get(manager, request->get.project, request->get.id, request->get.rev, &out->revision, error);
    case SQ_ASK_LIST:
        return ops->list(manager, &request->list, &out->page, error);
    case SQ_ASK_HISTORY:
        return ops->history(manager, &request->history, &out->page, error);
    case SQ_ASK_PROJECTS:
        return ask_projects(manager, request, out);
    case SQ_ASK_RESOLVE:
        return ops->resolve(manager, request->get.project, request->get.id, &out->resolved, error);
    case SQ_ASK_PROCESS:
        return ask_process(manager, request, out);
    case SQ_ASK_BACKUP:
        return ops->backup(manager, request->backup.path, error);
    case SQ_ASK_VERIFY:
        return ops->verify(manager, &out->verified, error);
    case SQ_ASK_SCRUB:
        return ops->scrub(manager, error);
    case SQ_ASK_STATUS:
        return ops->status(manager, &out->status, error);
    case SQ_ASK_WATCH:
    case SQ_ASKS:
        break;
    }
    return sq_fail(error, SQ_INTERNAL, "not a request with one answer");
}

/* What the interface takes for granted of its callers, and the socket cannot. */
static int check(const sq_request *request, sq_error *error)
{
    bool given = true;
    switch (request->ask) {
    case SQ_ASK_GET:
    case SQ_ASK_RESOLVE:
        given = request->get.project && request->get.id;
        break;
    case SQ_ASK_LIST:
        given = request->list.project && request->list.principal;
        break;
    case SQ_ASK_HISTORY:
        given = request->history.project && request->history.id && request->history.principal;
        break;
    case SQ_ASK_PROCESS:
        given = request->process.project != NULL;
        break;
    case SQ_ASK_BACKUP:
        given = request->backup.path != NULL;
        break;
    case SQ_ASK_WRITE:
    case SQ_ASK_PROJECTS:
    case SQ_ASK_WATCH:
    case SQ_ASK_VERIFY:
    case SQ_ASK_SCRUB:
    case SQ_ASK_STATUS:
    case SQ_ASKS:
        break;
    }
    return given ? 0 : sq_fail(error, SQ_INVALID, "the request lacks a parameter that it needs");
}

int sq_manager_ask(sq_manager *manager, const sq_request *request, sq_answer *out)
{
    *out = (sq_answer){0};
    out->rc = check(request, &out->error);
    if (out->rc == 0)
        out->rc = ask(manager, request, out);
    return out->rc == -ECANCELED ? -ECANCELED : 0;
}

static void free_processed(sq_answer *answer)
{
    for (size_t i = 0; i < answer->process.count; i++)
        sq_resolved_free(&answer->process.items[i].resolved);
    free(answer->process.items);
}

void sq_answer_free(sq_ask ask_of, sq_answer *answer)
{
    if (ask_of == SQ_ASK_WRITE) {
        for (size_t i = 0; i < answer->write.count; i++)
            sq_written_free(&answer->write.written[i]);
        free(answer->write.written);
    } else if (ask_of == SQ_ASK_GET) {
        sq_revision_unref(answer->revision);
    } else if (ask_of == SQ_ASK_LIST || ask_of == SQ_ASK_HISTORY) {
        sq_page_free(&answer->page);
    } else if (ask_of == SQ_ASK_PROJECTS) {
        free(answer->projects.projects);
    } else if (ask_of == SQ_ASK_RESOLVE) {
        sq_resolved_free(&answer->resolved);
    } else if (ask_of == SQ_ASK_PROCESS) {
        free_processed(answer);
    } else if (ask_of == SQ_ASK_VERIFY) {
        sq_text_free(&answer->verified.report);
    }
    *answer = (sq_answer){0};
}

void sq_resolved_free(sq_resolved *resolved)
{
    sq_revision_unref(resolved->revision);
    sq_text_free(&resolved->data);
    *resolved = (sq_resolved){0};
}
