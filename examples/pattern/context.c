/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <errno.h>
#include <stdio.h>

typedef struct parse_job {
    const void *text;
    size_t bytes;
    context *out;
} parse_job;

static int context_parse(void *arg)
{
    parse_job *job = arg;
    json_t *document = json_loadb(job->text, job->bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *id = json_string_value(json_object_get(document, "id"));
    json_t *data = json_object_get(document, "data");
    int rc = -EINVAL;
    if (id != NULL && json_is_object(data)) {
        int length = snprintf(job->out->id, sizeof job->out->id, "%s", id);
        job->out->data = json_incref(data);
        rc = length <= CONTEXT_ID_MAX ? 0 : -ENAMETOOLONG;
        if (rc < 0)
            context_deinit(job->out);
    }
    json_decref(document);
    return rc;
}

/* Load a context from the file system. The file may have any size; what is read of it has a limit. */
DREY_ASYNC int context_load(const char *path, context *out)
{
    void *text;
    size_t bytes;
    int rc = drey_file_load(path, CONTEXT_BYTES_MAX, &text, &bytes);
    if (rc < 0)
        return rc;
    parse_job job = {text, bytes, out};
    rc = drey_call_deep(context_parse, &job);   /* the JSON library recurses: not on a task's small stack */
    free(text);
    return rc;
}

void context_deinit(context *c)
{
    json_decref(c->data);
    c->data = NULL;
}
