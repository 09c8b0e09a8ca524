/* SPDX-License-Identifier: MIT */
#include "context/lineage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "context/merge.h"
#include "json/text.h"

/* "a, b, a": the way around, for the message. */
static int fail_cycle(const sq_lineage *line, unsigned from, sq_error *error)
{
    sq_text way = {0};
    for (unsigned i = from; i < line->count; i++)
        sq_text_format(&way, "%s -> ", line->line[i].id);
    sq_fail(error, SQ_CYCLE, "its parents form a cycle: %.150s%s", way.data ? way.data : "", line->wanted);
    sq_text_free(&way);
    return -EINVAL;
}

/* Checks what the newest context in the line asks for. */
static int check_wanted(sq_lineage *line, const char *parent_id, sq_error *error)
{
    snprintf(line->wanted, sizeof line->wanted, "%s", parent_id ? parent_id : "");
    for (unsigned i = 0; parent_id && i < line->count; i++) {
        if (strcmp(line->line[i].id, parent_id) == 0)
            return fail_cycle(line, i, error);
    }
    if (parent_id && line->count > SQ_ANCESTORS_MAX)
        return sq_fail(error, SQ_TOO_DEEP, "it has over %d ancestors: shorten the line of parents", SQ_ANCESTORS_MAX);
    return 0;
}

static void push(sq_lineage *line, const sq_context *context)
{
    snprintf(line->line[line->count].id, sizeof line->line[0].id, "%s", context->id);
    line->line[line->count++].data = sq_json_ref(context->data);
}

int sq_lineage_start(sq_lineage *line, const sq_context *leaf, sq_time now, sq_error *error)
{
    line->count = 0;
    line->now = now;
    snprintf(line->project, sizeof line->project, "%s", leaf->project);
    push(line, leaf);
    return check_wanted(line, leaf->parent_id, error);
}

const char *sq_lineage_wants(const sq_lineage *line)
{
    return line->wanted[0] ? line->wanted : NULL;
}

int sq_lineage_add(sq_lineage *line, const sq_context *parent, sq_error *error)
{
    if (strcmp(parent->id, line->wanted) != 0 || strcmp(parent->project, line->project) != 0)
        return sq_fail(error, SQ_BROKEN_PARENT, "the parent \"%.60s\" was replaced by \"%.60s\" meanwhile",
                       line->wanted, parent->id);
    if (sq_context_expired(parent, line->now))
        return sq_fail(error, SQ_BROKEN_PARENT, "its parent \"%.128s\" has expired: extend it, or take another parent",
                       parent->id);
    push(line, parent);
    return check_wanted(line, parent->parent_id, error);
}

sq_json *sq_lineage_resolve(const sq_lineage *line)
{
    if (line->count == 1)
        return sq_json_ref(line->line[0].data);
    sq_json *data = sq_json_copy(line->line[line->count - 1].data);
    for (unsigned i = line->count - 1; data && i > 0; i--)
        data = sq_merge(data, line->line[i - 1].data);
    return data;
}

void sq_lineage_free(sq_lineage *line)
{
    for (unsigned i = 0; i < line->count; i++)
        sq_json_unref(line->line[i].data);
    line->count = 0;
}
