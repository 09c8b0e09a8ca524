/* SPDX-License-Identifier: MIT */
#include "store/txn.h"

#include <string.h>

bool sq_head_there(const sq_head *head, sq_time now)
{
    return head->state == SQ_LIVE && head->expires_at > now;
}

int sq_fail_absent(sq_error *error, const char *project, const char *id, const sq_head *head)
{
    if (!head)
        return sq_fail(error, SQ_NOT_FOUND, "there is no context \"%.128s\" in project \"%.60s\"", id, project);
    const char *how = head->state == SQ_PURGED ? "was purged" : head->state == SQ_LIVE ? "has expired" : "was deleted";
    return sq_fail(error, SQ_GONE, "\"%.128s\" %s: create it anew%s", id, how,
                   head->state == SQ_DELETED ? ", or undo the deletion" : "");
}

/* The hash, the rev in eight bytes from the highest, the id without a NUL. */
size_t sq_operation_pack(const sq_operation *operation, uint8_t out[SQ_OPERATION_BYTES])
{
    size_t id_bytes = strlen(operation->id);
    memcpy(out, operation->request, SQ_REQUEST_BYTES);
    for (unsigned i = 0; i < 8; i++)
        out[SQ_REQUEST_BYTES + i] = (uint8_t)((uint64_t)operation->rev >> (56 - 8 * i));
    memcpy(out + SQ_REQUEST_BYTES + 8, operation->id, id_bytes);
    return SQ_REQUEST_BYTES + 8 + id_bytes;
}

bool sq_operation_unpack(const uint8_t *blob, size_t bytes, sq_operation *out)
{
    uint64_t rev = 0;
    if (bytes <= SQ_REQUEST_BYTES + 8 || bytes > SQ_OPERATION_BYTES)
        return false;
    size_t id_bytes = bytes - SQ_REQUEST_BYTES - 8;
    memcpy(out->request, blob, SQ_REQUEST_BYTES);
    for (unsigned i = 0; i < 8; i++)
        rev = rev << 8 | blob[SQ_REQUEST_BYTES + i];
    out->rev = (int64_t)rev;
    memcpy(out->id, blob + SQ_REQUEST_BYTES + 8, id_bytes);
    out->id[id_bytes] = '\0';
    return sq_id_valid(out->id, id_bytes);
}
