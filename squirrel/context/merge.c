/* SPDX-License-Identifier: MIT */
#include "context/merge.h"

static sq_json *merge(sq_json *target, sq_json *patch, bool append);

static sq_json *drop(sq_json *value)
{
    sq_json_unref(value);
    return NULL;
}

static bool merge_member(sq_json *target, const sq_json_member *member, bool append)
{
    if (sq_json_typeof(member->value) == SQ_JSON_NULL) {
        sq_json_remove(target, member->key);
        return true;
    }
    sq_json *old = sq_json_get(target, member->key);
    sq_json *merged = merge(old ? sq_json_ref(old) : NULL, member->value, append);
    return merged && sq_json_set(target, member->key, merged) == 0;
}

static sq_json *push_all(sq_json *target, sq_json *patch)
{
    size_t count = sq_json_size(patch);
    for (size_t i = 0; i < count; i++) {
        sq_json *element = sq_json_copy(sq_json_at(patch, i));
        if (!element || sq_json_push(target, element) < 0)
            return drop(target);
    }
    return target;
}

static sq_json *merge(sq_json *target, sq_json *patch, bool append)
{
    if (append && target && sq_json_typeof(target) == SQ_JSON_ARRAY && sq_json_typeof(patch) == SQ_JSON_ARRAY)
        return push_all(target, patch);
    if (sq_json_typeof(patch) != SQ_JSON_OBJECT) {
        sq_json_unref(target);
        return sq_json_copy(patch);
    }
    if (!target || sq_json_typeof(target) != SQ_JSON_OBJECT) {
        sq_json_unref(target);
        target = sq_json_new_object();
        if (!target)
            return NULL;
    }
    for (sq_json_member m = sq_json_first(patch); m.key; m = sq_json_next(patch, m)) {
        if (!merge_member(target, &m, append))
            return drop(target);
    }
    return target;
}

sq_json *sq_merge(sq_json *target, sq_json *patch)
{
    return merge(target, patch, false);
}

sq_json *sq_merge_append(sq_json *target, sq_json *patch)
{
    return merge(target, patch, true);
}
