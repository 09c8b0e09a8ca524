/* SPDX-License-Identifier: MIT */
#include "context/merge.h"

static bool merge_member(sq_json *target, const sq_json_member *member)
{
    if (sq_json_typeof(member->value) == SQ_JSON_NULL) {
        sq_json_remove(target, member->key);
        return true;
    }
    sq_json *old = sq_json_get(target, member->key);
    sq_json *merged = sq_merge(old ? sq_json_ref(old) : NULL, member->value);
    return merged && sq_json_set(target, member->key, merged) == 0;
}

sq_json *sq_merge(sq_json *target, sq_json *patch)
{
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
        if (!merge_member(target, &m)) {
            sq_json_unref(target);
            return NULL;
        }
    }
    return target;
}
