/* SPDX-License-Identifier: MIT */
#include "store/revision.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/limits.h"

static const struct { const char *name; sq_state state; } ops[SQ_OPS] = {
    [SQ_OP_CREATE] = {"create", SQ_LIVE},     [SQ_OP_REPLACE] = {"replace", SQ_LIVE},
    [SQ_OP_PATCH] = {"patch", SQ_LIVE},       [SQ_OP_APPEND] = {"append", SQ_LIVE},
    [SQ_OP_DELETE] = {"delete", SQ_DELETED},  [SQ_OP_UNDO] = {"undo", SQ_LIVE},
    [SQ_OP_PURGE] = {"purge", SQ_PURGED},     [SQ_OP_IMPORT] = {"import", SQ_LIVE},
    [SQ_OP_EXPIRE] = {"expire", SQ_DELETED},  [SQ_OP_EXTERNAL] = {"external", SQ_LIVE},
};

const char *sq_op_name(sq_op op)
{
    return ops[op].name;
}

bool sq_op_read(const char *name, sq_op *out)
{
    for (size_t i = 0; i < SQ_OPS; i++) {
        if (strcmp(ops[i].name, name) == 0) {
            *out = (sq_op)i;
            return true;
        }
    }
    return false;
}

sq_state sq_op_state(sq_op op)
{
    return ops[op].state;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

static const char *copy_text(char **at, const char *text, size_t bytes)
{
    if (!text)
        return NULL;
    char *copy = *at;
    memcpy(copy, text, bytes);
    *at += bytes;
    return copy;
}

sq_revision sq_revision_fields(const sq_revision *revision)
{
    sq_revision fields;
    memcpy(&fields, revision, offsetof(sq_revision, refs)); /* others may be counting */
    fields.refs = 0;
    return fields;
}

sq_revision *sq_revision_new(const sq_revision *from)
{
    const char *const texts[] = {from->project, from->id, from->name, from->parent_id, from->metadata, from->source};
    size_t bytes = sizeof *from + (from->data ? from->data_bytes + 1 : 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bytes += text_bytes(texts[i]);
    sq_revision *made = malloc(bytes);
    if (!made)
        return NULL;
    char *at = (char *)(made + 1);
    *made = sq_revision_fields(from);
    made->refs = 1;
    made->project = copy_text(&at, from->project, text_bytes(from->project));
    made->id = copy_text(&at, from->id, text_bytes(from->id));
    made->name = copy_text(&at, from->name, text_bytes(from->name));
    made->parent_id = copy_text(&at, from->parent_id, text_bytes(from->parent_id));
    made->metadata = copy_text(&at, from->metadata, text_bytes(from->metadata));
    made->source = copy_text(&at, from->source, text_bytes(from->source));
    if (from->data) {
        made->data = at;
        memcpy(at, from->data, from->data_bytes);
        at[from->data_bytes] = '\0';
    }
    return made;
}

sq_revision *sq_revision_ref(const sq_revision *revision)
{
    sq_revision *counted = (sq_revision *)(uintptr_t)revision;
    __atomic_fetch_add(&counted->refs, 1, __ATOMIC_RELAXED);   /* the caller's own reference keeps it alive */
    return counted;
}

void sq_revision_unref(const sq_revision *revision)
{
    sq_revision *counted = (sq_revision *)(uintptr_t)revision;
    /* Release: what this holder read comes before the free. Acquire: the last one sees that of all the others. */
    if (counted && __atomic_sub_fetch(&counted->refs, 1, __ATOMIC_ACQ_REL) == 0)
        free(counted);
}

sq_state sq_revision_state(const sq_revision *revision)
{
    return ops[revision->op].state;
}

int64_t sq_revision_charge(size_t data_bytes, size_t metadata_bytes)
{
    return (int64_t)(data_bytes + metadata_bytes + SQ_REVISION_OVERHEAD);
}

bool sq_revision_there(const sq_revision *revision, sq_time now)
{
    return sq_revision_state(revision) == SQ_LIVE && revision->expires_at > now;
}
