/* SPDX-License-Identifier: MIT */
#include "cli/diff.h"

#include <errno.h>
#include <string.h>

#include "cli/show.h"
#include "context/diff.h"
#include "json/write.h"
#include "process/report.h"

enum {
    DIFF_BYTES = 64 << 10, /* of one revision's changes */
    VALUE_BYTES = 4096,    /* a longer value is told by its size */
    ROWS = 50,             /* for people */
    CELL_BYTES = 60,
};

typedef struct listing {
    bool json;
    sq_text changes;
    unsigned count;
    bool more; /* than there is room for */
} listing;

static void add_value(sq_text *out, const char *name, sq_json *value)
{
    sq_text text = {0};
    if (!value)
        return;
    sq_json_write(&text, value, SQ_JSON_COMPACT);
    out->failed |= text.failed;
    if (text.bytes > VALUE_BYTES) {
        sq_text_format(out, ",\"%s_bytes\":%zu", name, text.bytes);
    } else {
        sq_text_format(out, ",\"%s\":", name);
        sq_text_add(out, text.data, text.bytes);
    }
    sq_text_free(&text);
}

static void add_object(sq_text *out, const sq_change *change, bool first)
{
    sq_text_string(out, first ? "{\"path\":" : ",{\"path\":");
    sq_text_quote(out, change->path, change->path_bytes);
    add_value(out, "old", change->old);
    add_value(out, "new", change->new);
    sq_text_char(out, '}');
}

/* The beginning of a text. */
static void add_cut(sq_text *out, const char *text, size_t bytes, size_t most)
{
    char cut[2 * CELL_BYTES + 1];
    size_t length = bytes < most ? bytes : most;
    while (length < bytes && length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    memcpy(cut, text, length);
    cut[length] = '\0';
    sq_text_printable(out, cut);
    if (length < bytes)
        sq_text_string(out, "...");
}

static void add_cell(sq_text *out, sq_json *value)
{
    sq_text text = {0};
    sq_json_write(&text, value, SQ_JSON_COMPACT);
    out->failed |= text.failed;
    if (!text.failed)
        add_cut(out, text.data, text.bytes, CELL_BYTES);
    sq_text_free(&text);
}

static void add_row(sq_text *out, const sq_change *change)
{
    sq_text_format(out, "  %c ", !change->old ? '+' : !change->new ? '-' : '~');
    add_cut(out, change->path, change->path_bytes, 2 * (size_t)CELL_BYTES);
    sq_text_string(out, "  ");
    if (change->old)
        add_cell(out, change->old);
    if (change->old && change->new)
        sq_text_string(out, " -> ");
    if (change->new)
        add_cell(out, change->new);
    sq_text_char(out, '\n');
}

static bool add_change(void *arg, const sq_change *change)
{
    listing *l = arg;
    sq_text one = {0};
    if (l->json)
        add_object(&one, change, l->count == 0);
    else
        add_row(&one, change);
    l->changes.failed |= one.failed;
    l->more = l->json ? l->changes.bytes + one.bytes > DIFF_BYTES : l->count == ROWS;
    if (!l->more)
        sq_text_add(&l->changes, one.data, one.bytes);
    l->count++;
    sq_text_free(&one);
    return !l->more && !l->changes.failed;
}

static int set_text(sq_json *object, const char *key, const char *text)
{
    return text ? sq_json_set(object, key, sq_json_new_string(text)) : 0;
}

static int set_parsed(sq_json *object, const char *key, const char *text, size_t bytes)
{
    sq_json *value;
    sq_json_error refused;
    int rc = sq_json_parse(text, bytes, SQ_JSON_DEPTH_MAX, &value, &refused);
    return rc < 0 ? rc : sq_json_set(object, key, value);
}

static int set_content(sq_json *object, const sq_revision *r)
{
    char expires[SQ_TIME_BYTES];
    if (r->expires_at != SQ_NEVER)
        sq_time_write(r->expires_at, expires);
    int rc = set_text(object, "name", r->name);
    if (rc == 0)
        rc = set_parsed(object, "data", r->data, r->data_bytes);
    if (rc == 0 && r->metadata)
        rc = set_parsed(object, "metadata", r->metadata, strlen(r->metadata));
    if (rc == 0)
        rc = set_text(object, "parent_id", r->parent_id);
    return rc < 0 ? rc : set_text(object, "expires_at", r->expires_at != SQ_NEVER ? expires : NULL);
}

/* What the client may set; NULL, or what ended the context: nothing. Without memory, or from data that cannot be read:
 * NULL. */
static sq_json *content_of(const sq_revision *r)
{
    sq_json *made = sq_json_new_object();
    bool live = r && sq_revision_state(r) == SQ_LIVE && r->data;
    int rc = !made ? -ENOMEM : live ? set_content(made, r) : 0;
    /* Empty containers, so that what comes into them is told member by member. */
    if (rc == 0 && !sq_json_get(made, "data"))
        rc = sq_json_set(made, "data", sq_json_new_object());
    if (rc == 0 && !sq_json_get(made, "metadata"))
        rc = sq_json_set(made, "metadata", sq_json_new_object());
    if (rc == 0)
        return made;
    sq_json_unref(made);
    return NULL;
}

typedef struct difference {
    const sq_revision *revision, *before; /* NULL: there was nothing */
    bool known;                           /* what there was before */
    bool json;
    sq_text *out;
} difference;

static void add_json_line(const difference *d, const listing *l)
{
    sq_text diff = {0};
    sq_text_string(&diff, d->known ? "[" : "null");
    if (d->known) {
        sq_text_add(&diff, l->changes.data, l->changes.bytes);
        sq_text_string(&diff, l->more ? "],\"diff_more\":true" : "]");
    }
    d->out->failed |= diff.failed || l->changes.failed;
    if (!diff.failed)
        sq_show_changed(d->out, d->revision, diff.data);
    sq_text_free(&diff);
}

static void add_rows(const difference *d, const listing *l)
{
    sq_show_row(d->out, d->revision, true);
    sq_text_add(d->out, l->changes.data, l->changes.bytes);
    if (!d->known)
        sq_text_string(d->out, "    what it was before is no longer in the history\n");
    if (l->more)
        sq_text_string(d->out, "    and more: see --json, or get --rev\n");
    d->out->failed |= l->changes.failed;
}

/* On a deep stack. */
static int show(void *arg)
{
    const difference *d = arg;
    listing l = {.json = d->json};
    if (d->known && sq_revision_state(d->revision) == SQ_LIVE) {
        sq_json *old = content_of(d->before), *new = content_of(d->revision);
        if (old && new)
            (void)sq_diff(old, new, add_change, &l);
        l.changes.failed |= !old || !new;
        sq_json_unref(old);
        sq_json_unref(new);
    }
    if (d->json)
        add_json_line(d, &l);
    else
        add_rows(d, &l);
    sq_text_free(&l.changes);
    return d->out->failed ? -ENOMEM : 0;
}

/* The one before the page's last, which the next page begins with. *out NULL: it is not there. */
static DREY_ASYNC int get_before(sq_cli *cli, const sq_revision *last, const sq_revision **out)
{
    *out = NULL;
    if (last->rev == 1)
        return 0;
    int rc = cli->manager->ops->get(cli->manager, last->project, last->id, last->rev - 1, out, &cli->error);
    return rc == -EINVAL && cli->error.code == SQ_NOT_FOUND ? 0 : rc;
}

static DREY_ASYNC int add_one(sq_cli *cli, const sq_revision *r, const sq_revision *before, sq_text *out)
{
    if (before && before->rev != r->rev - 1)
        before = NULL;
    difference d = {.revision = r, .before = before, .json = cli->json, .out = out};
    d.known = before || r->rev == 1 || r->op == SQ_OP_CREATE || sq_revision_state(r) != SQ_LIVE;
    if (r->op == SQ_OP_CREATE)
        d.before = NULL; /* what had expired was not there any more */
    return drey_call_deep(show, &d) < 0 ? sq_fail_memory(&cli->error) : 0;
}

int sq_cli_diffs(sq_cli *cli, const sq_page *page, sq_text *out)
{
    const sq_revision *before = NULL;
    int rc = page->count > 0 ? get_before(cli, page->items[page->count - 1], &before) : 0;
    for (size_t i = 0; i < page->count && rc == 0; i++)
        rc = add_one(cli, page->items[i], i + 1 < page->count ? page->items[i + 1] : before, out);
    sq_revision_unref(before);
    return rc;
}
