/* SPDX-License-Identifier: MIT */
#include "context/diff.h"

#include "json/text.h"

typedef struct walk {
    sq_change_fn *fn;
    void *arg;
    sq_text path;
} walk;

static bool compare(walk *w, sq_json *old, sq_json *new);

static bool tell(walk *w, sq_json *old, sq_json *new)
{
    sq_change change = {w->path.data ? w->path.data : "", w->path.bytes, old, new};
    return !w->path.failed && w->fn(w->arg, &change);
}

static void go_up(walk *w, size_t bytes)
{
    w->path.bytes = bytes;
    if (w->path.data)
        w->path.data[bytes] = '\0';
}

/* Below a member of an object. */
static bool compare_member(walk *w, const sq_json_member *member, sq_json *old, sq_json *new)
{
    size_t above = w->path.bytes;
    sq_text_char(&w->path, '/');
    for (size_t i = 0; i < member->key_bytes; i++) {
        char c = member->key[i];
        if (c == '~' || c == '/')
            sq_text_string(&w->path, c == '~' ? "~0" : "~1");
        else
            sq_text_char(&w->path, c);
    }
    bool more = compare(w, old, new);
    go_up(w, above);
    return more;
}

static bool compare_objects(walk *w, sq_json *old, sq_json *new)
{
    for (sq_json_member m = sq_json_first(old); m.key; m = sq_json_next(old, m)) {
        if (!compare_member(w, &m, m.value, sq_json_get(new, m.key)))
            return false;
    }
    for (sq_json_member m = sq_json_first(new); m.key; m = sq_json_next(new, m)) {
        if (!sq_json_get(old, m.key) && !compare_member(w, &m, NULL, m.value))
            return false;
    }
    return true;
}

static bool compare_element(walk *w, size_t index, sq_json *old, sq_json *new)
{
    size_t above = w->path.bytes;
    sq_text_format(&w->path, "/%zu", index);
    bool more = compare(w, old, new);
    go_up(w, above);
    return more;
}

static bool compare_arrays(walk *w, sq_json *old, sq_json *new)
{
    size_t olds = sq_json_size(old), news = sq_json_size(new), at = 0;
    while (at < olds && at < news && sq_json_equal(sq_json_at(old, at), sq_json_at(new, at)))
        at++;
    while (olds > at && news > at && sq_json_equal(sq_json_at(old, olds - 1), sq_json_at(new, news - 1))) {
        olds--;
        news--;
    }
    for (; at < olds || at < news; at++) {
        sq_json *before = at < olds ? sq_json_at(old, at) : NULL, *after = at < news ? sq_json_at(new, at) : NULL;
        if (!compare_element(w, at, before, after))
            return false;
    }
    return true;
}

static bool both(const sq_json *old, const sq_json *new, sq_json_type type)
{
    return old && new &&sq_json_typeof(old) == type &&sq_json_typeof(new) == type;
}

static bool compare(walk *w, sq_json *old, sq_json *new)
{
    if (both(old, new, SQ_JSON_OBJECT))
        return compare_objects(w, old, new);
    if (both(old, new, SQ_JSON_ARRAY))
        return compare_arrays(w, old, new);
    if (old == new || (old && new &&sq_json_equal(old, new)))
        return true;
    return tell(w, old, new);
}

bool sq_diff(sq_json *old, sq_json *new, sq_change_fn *fn, void *arg)
{
    walk w = {.fn = fn, .arg = arg};
    bool done = compare(&w, old, new);
    sq_text_free(&w.path);
    return done;
}
