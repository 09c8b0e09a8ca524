/* SPDX-License-Identifier: MIT */
#include "store/write.h"

#include <string.h>

static const char *const verbs[SQ_VERBS] = {
    [SQ_CREATE] = "create", [SQ_REPLACE] = "replace", [SQ_PATCH] = "patch",
    [SQ_APPEND] = "append", [SQ_DELETE] = "delete",   [SQ_UNDO] = "undo",
    [SQ_PURGE] = "purge",   [SQ_IMPORT] = "import",   [SQ_EXTERNAL] = "external",
};

const char *sq_verb_name(sq_verb verb)
{
    return verbs[verb];
}

bool sq_verb_read(const char *name, sq_verb *out)
{
    for (size_t i = 0; i < SQ_VERBS; i++) {
        if (strcmp(verbs[i], name) == 0) {
            *out = (sq_verb)i;
            return true;
        }
    }
    return false;
}

void sq_written_free(sq_written *written)
{
    sq_revision_unref(written->revision);
    sq_revision_unref(written->current);
    *written = (sq_written){0};
}

sq_limits sq_limits_with_defaults(sq_limits limits)
{
    static const int64_t hour_ms = 3600 * 1000;
    if (limits.data_bytes == 0)
        limits.data_bytes = SQ_DATA_BYTES;
    if (limits.history_revisions == 0)
        limits.history_revisions = 100;
    if (limits.history_ms == 0)
        limits.history_ms = 30 * 24 * hour_ms;
    if (limits.operation_ms == 0)
        limits.operation_ms = 24 * hour_ms;
    if (limits.project_live == 0)
        limits.project_live = 1000000;
    if (limits.project_bytes == 0)
        limits.project_bytes = INT64_C(16) << 30;
    return limits;
}
