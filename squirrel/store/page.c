/* SPDX-License-Identifier: MIT */
#include "store/page.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT = 20, MAX_BYTES = 1 << 20, FIELDS_BYTES = 512 };

static size_t limit_of(uint32_t limit)
{
    return limit == 0 ? LIMIT : limit > SQ_PAGE_MAX ? SQ_PAGE_MAX : limit;
}

static size_t max_bytes_of(size_t max_bytes)
{
    return max_bytes ? max_bytes : MAX_BYTES;
}

sq_filling sq_filling_start(sq_page *page, uint32_t limit, size_t max_bytes)
{
    return (sq_filling){.page = page, .limit = limit_of(limit), .max_bytes = max_bytes_of(max_bytes)};
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) : 0;
}

int sq_filling_add(sq_filling *f, const sq_revision *revision, sq_error *error)
{
    sq_page *page = f->page;
    size_t bytes = revision->data ? revision->data_bytes : 0;
    size_t texts = FIELDS_BYTES + bytes + text_bytes(revision->name) + text_bytes(revision->metadata) +
                   text_bytes(revision->source);
    bool fits = f->bytes + bytes <= f->max_bytes && f->texts + texts <= SQ_PAGE_BYTES;
    if (page->count == f->limit || (page->count > 0 && !fits)) {
        sq_revision_unref(revision);
        return SQ_PAGE_FULL;
    }
    if (page->count == f->room) {
        size_t room = f->room ? 2 * f->room : 32;
        const sq_revision **items = realloc(page->items, room * sizeof *items);
        if (!items) {
            sq_revision_unref(revision);
            return sq_fail_memory(error);
        }
        page->items = items;
        f->room = room;
    }
    page->items[page->count++] = revision;
    f->bytes += bytes;
    f->texts += texts;
    return 0;
}

bool sq_list_goes_on(const sq_list *list, const sq_project *project)
{
    size_t most = max_bytes_of(list->max_bytes);
    return (list->cursor && *list->cursor) || project->live > (int64_t)limit_of(list->limit) ||
           project->bytes > (int64_t)(most < MAX_BYTES ? most : MAX_BYTES);
}
