/* SPDX-License-Identifier: MIT */
/* What must hold of a shelf, whatever was written. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/memory/tables.h"

__attribute__((format(printf, 4, 5)))
static void expect(sq_verified *out, bool holds, const sq_shelf *shelf, const char *format, ...)
{
    char text[256];
    va_list args;
    if (holds)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    out->problems++;
    sq_text_format(&out->report, "project %s: %s\n", shelf->name, text);
}

static void verify_node(const sq_shelf *shelf, const sq_node *node, sq_verified *out, int64_t *live, int64_t *bytes)
{
    const sq_stored *newest = sq_node_newest(node, shelf->row.seq);
    if (!newest)
        return;   /* of the transaction under way */
    out->contexts++;
    *live += sq_revision_state(newest->revision) == SQ_LIVE;
    for (size_t i = 0; i < node->count; i++) {
        const sq_revision *revision = node->stored[i].revision;
        if (revision->seq > shelf->row.seq)
            break;
        out->revisions++;
        *bytes += sq_revision_charge(revision->data_bytes, revision->metadata ? strlen(revision->metadata) : 0);
        expect(out, i == 0 || revision->rev > node->stored[i - 1].revision->rev, shelf,
               "the revs of %s are not in order", node->id);
        size_t at = sq_log_find(shelf, revision->seq);
        expect(out, at < shelf->log_count && shelf->log[at].revision == revision, shelf,
               "rev %lld of %s is not in the log", (long long)revision->rev, node->id);
    }
}

void sq_shelf_verify(const sq_shelf *shelf, sq_verified *out)
{
    int64_t live = 0, bytes = 0, seq = shelf->row.pruned_seq;
    if (shelf->row.num == 0)
        return;
    out->projects++;
    for (size_t i = 0; i < shelf->node_count; i++)
        verify_node(shelf, shelf->by_id[i], out, &live, &bytes);
    expect(out, live == shelf->row.live, shelf, "%lld contexts are live, %lld were counted", (long long)live,
           (long long)shelf->row.live);
    expect(out, bytes == shelf->row.bytes, shelf, "revisions have %lld bytes, %lld were counted", (long long)bytes,
           (long long)shelf->row.bytes);
    for (size_t i = sq_log_find(shelf, seq + 1); seq < shelf->row.seq; i++) {
        seq++;
        if (i < shelf->log_count && shelf->log[i].seq == seq && shelf->log[i].revision)
            continue;
        expect(out, false, shelf, "the log has a hole at %lld (S9)", (long long)seq);
        return;
    }
}
