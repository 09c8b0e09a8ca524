/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/wall.h"
#include "transport/remote_inside.h"

/* A changing request of one write or of many. Each has a key; those that are made here differ by their number. They are
 * UUIDs that begin with the time, so that keys of one time are neighbours in the store's table of operations, and a
 * group of writes changes a page of it, not one each. */
static DREY_ASYNC int write_all(sq_manager *manager, const sq_write *writes, size_t count, sq_written *out,
                                sq_error *error)
{
    char base[SQ_UUID_BYTES], (*keys)[SQ_UUID_BYTES + 12] = calloc(count, sizeof *keys);
    sq_write *copies = calloc(count, sizeof *copies);
    sq_answer answer;
    int rc = keys && copies ? 0 : sq_fail_memory(error);
    sq_uuid7(sq_wall(), base);
    for (size_t i = 0; i < count && rc == 0; i++) {
        copies[i] = writes[i];
        if (!copies[i].key) {
            snprintf(keys[i], sizeof keys[i], "%s.%u", base, (unsigned)i);
            copies[i].key = keys[i];
        }
    }
    if (rc == 0) {
        sq_request request = {.ask = SQ_ASK_WRITE, .write = {copies, count}};
        memset(&answer, 0, sizeof answer);
        rc = sq_remote_ask((sq_remote *)manager, &request, copies[0].key, &answer, error);
        if (answer.write.written && answer.write.count == count) {
            memcpy(out, answer.write.written, count * sizeof *out);
            answer.write.count = 0; /* the references are the caller's now */
        } else if (rc == 0) {
            rc = sq_fail(error, SQ_INTERNAL, "the owner of the store answered with another number of results");
        }
        sq_answer_free(SQ_ASK_WRITE, &answer);
    }
    free(copies);
    free(keys);
    return rc;
}

static DREY_ASYNC int write_one(sq_manager *manager, const sq_write *write, sq_written *out, sq_error *error)
{
    return write_all(manager, write, 1, out, error);
}

static DREY_ASYNC int get(sq_manager *manager, const char *project, const char *id, int64_t rev,
                          const sq_revision **out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_GET, .get = {project, id, rev}};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.revision;
    return rc;
}

static DREY_ASYNC int list(sq_manager *manager, const sq_list *list, sq_page *out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_LIST, .list = *list};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.page;
    return rc;
}

static DREY_ASYNC int history(sq_manager *manager, const sq_history *history, sq_page *out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_HISTORY, .history = *history};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.page;
    return rc;
}

static DREY_ASYNC int projects(sq_manager *manager, const char *after, sq_project *out, size_t *count, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_PROJECTS,
                          .projects = {after, *count < SQ_PAGE_MAX ? (uint32_t)*count : SQ_PAGE_MAX}};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc < 0)
        return rc;
    if (answer.projects.count <= *count) {
        *count = answer.projects.count;
        if (*count > 0)
            memcpy(out, answer.projects.projects, *count * sizeof *out);
    } else {
        rc = sq_fail(error, SQ_INTERNAL, "the owner of the store answered with too many projects");
    }
    sq_answer_free(SQ_ASK_PROJECTS, &answer);
    return rc;
}

static DREY_ASYNC int resolve(sq_manager *manager, const char *project, const char *id, sq_resolved *out,
                              sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_RESOLVE, .get = {project, id, 0}};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.resolved;
    return rc;
}

static DREY_ASYNC int process(sq_manager *manager, const char *project, const char *const *ids, size_t count,
                              const char *schema, sq_processed *out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_PROCESS, .process = {project, (const char **)(uintptr_t)ids, count, schema}};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc < 0)
        return rc;
    if (answer.process.count == count) {
        memcpy(out, answer.process.items, count * sizeof *out);
        answer.process.count = 0; /* what they hold is the caller's now */
    } else {
        rc = sq_fail(error, SQ_INTERNAL, "the owner of the store answered with another number of results");
    }
    sq_answer_free(SQ_ASK_PROCESS, &answer);
    return rc;
}

static DREY_ASYNC int backup(sq_manager *manager, const char *path, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_BACKUP, .backup = {path}};
    sq_answer answer;
    return sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
}

static DREY_ASYNC int verify(sq_manager *manager, sq_verified *out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_VERIFY};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.verified;
    return rc;
}

static DREY_ASYNC int scrub(sq_manager *manager, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_SCRUB};
    sq_answer answer;
    return sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
}

static DREY_ASYNC int status(sq_manager *manager, sq_status *out, sq_error *error)
{
    sq_request request = {.ask = SQ_ASK_STATUS};
    sq_answer answer;
    int rc = sq_remote_ask((sq_remote *)manager, &request, NULL, &answer, error);
    if (rc == 0)
        *out = answer.status;
    return rc;
}

static DREY_ASYNC void close_remote(sq_manager *manager)
{
    sq_remote *remote = (sq_remote *)manager;
    sq_client_close(&remote->client);
    free(remote);
}

static const sq_manager_ops ops = {
    .create = write_one,
    .update = write_one,
    .remove = write_one,
    .undo = write_one,
    .purge = write_one,
    .batch = write_all,
    .get = get,
    .list = list,
    .history = history,
    .projects = projects,
    .resolve = resolve,
    .process = process,
    .watch_open = sq_remote_watch_open,
    .watch_next = sq_remote_watch_next,
    .watch_close = sq_remote_watch_close,
    .backup = backup,
    .verify = verify,
    .scrub = scrub,
    .status = status,
    .close = close_remote,
};

int sq_remote_open(drey_scope *scope, sq_connector connector, sq_manager **out, sq_error *error)
{
    sq_remote *remote = calloc(1, sizeof *remote);
    if (!remote)
        return sq_fail_memory(error);
    int rc = sq_client_open(&remote->client, scope, connector);
    if (rc < 0) {
        free(remote);
        return rc == -ENOMEM ? sq_fail_memory(error) : rc;
    }
    remote->manager.ops = &ops;
    *out = &remote->manager;
    return 0;
}
