/* SPDX-License-Identifier: MIT */
/* Requests to a manager and their replies as bytes: one JSON object, a newline, and then the texts of documents one
 * after the other, as they are. Where the object has "data_bytes", that many bytes follow for it, in the order in which
 * the object names them; nobody reads documents on their way.
 *
 *     {"op":"write","writes":[{"verb":"create","project":"p","principal":"local:1000","data_bytes":9}]}
 *     {"n":[1]}
 *     {"written":[{"revision":{"project":"p","id":"a","rev":1,"seq":1,...,"data_bytes":9}}]}
 *     {"n":[1]}
 *     {"error":{"code":"exists","message":"..."},"written":[{"failed":true,"current":{...,"data_bytes":9}}]}
 *     {"n":[1]}
 *
 * The transport puts a frame and a request's number around it. */
#pragma once
#include "manager/manager.h"

typedef enum sq_ask {
    SQ_ASK_WRITE,                    /* create … batch: one or several writes */
    SQ_ASK_GET, SQ_ASK_LIST, SQ_ASK_HISTORY, SQ_ASK_PROJECTS, SQ_ASK_RESOLVE, SQ_ASK_PROCESS,
    SQ_ASK_WATCH,                    /* answered by a stream of events: see sq_wire_write_event */
    SQ_ASK_BACKUP, SQ_ASK_VERIFY, SQ_ASK_SCRUB, SQ_ASK_STATUS,
    SQ_ASKS
} sq_ask;

/* A request. What it points to belongs to its maker; of one that was read, to it and to the bytes it was read of. */
typedef struct sq_request {
    sq_ask ask;
    union {
        struct { sq_write *writes; size_t count; } write;
        struct { const char *project, *id; int64_t rev; } get;                 /* resolve: without rev */
        sq_list list;
        sq_history history;
        struct { const char *after; uint32_t limit; } projects;
        struct { const char *project; const char **ids; size_t count; const char *schema; } process;
        struct { const char *project; int64_t after; } watch;
        struct { const char *path; } backup;
    };
    sq_json *document;
    void *memory;
} sq_request;

/* What a manager made of a request. */
typedef struct sq_answer {
    int rc;                          /* 0; else error is set, and after a write `written` may say more */
    sq_error error;
    union {
        struct { sq_written *written; size_t count; } write;
        const sq_revision *revision;
        sq_page page;                /* list, history */
        struct { sq_project *projects; size_t count; } projects;
        sq_resolved resolved;
        struct { sq_processed *items; size_t count; } process;
        sq_verified verified;
        sq_status status;
    };
} sq_answer;

/* Carries a request out, all but SQ_ASK_WATCH. *out is to be freed, whatever the result: 0, or -ECANCELED. */
DREY_ASYNC int sq_manager_ask(sq_manager *manager, const sq_request *request, sq_answer *out);
void sq_answer_free(sq_ask ask, sq_answer *answer);

/* Writing adds to `out`; a failed allocation shows in out->failed. Reading: 0, -EINVAL or -ENOMEM; `payload` must live
 * as long as the request. They need 64 KiB of stack. */
void sq_wire_write_request(sq_text *out, const sq_request *request);
int sq_wire_read_request(const char *payload, size_t bytes, sq_request *out, sq_error *error);
void sq_request_free(sq_request *request);                   /* of one that was read */

void sq_wire_write_answer(sq_text *out, sq_ask ask, const sq_answer *answer);
int sq_wire_read_answer(const char *payload, size_t bytes, sq_ask ask, sq_answer *out, sq_error *error);

void sq_wire_write_event(sq_text *out, const sq_event *event);
int sq_wire_read_event(const char *payload, size_t bytes, sq_event *out, sq_error *error);
