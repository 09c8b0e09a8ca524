/* SPDX-License-Identifier: MIT */
/* Making a revision: its numbers, the quota, the history. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/decision.h"
#include "store/disk.h"

static int64_t charge_of(const sq_content *content)
{
    return sq_revision_charge(content->data_bytes, content->metadata ? strlen(content->metadata) : 0);
}

static int drop_one(sq_decision *d, const char *id, const sq_head *head, const sq_oldest *oldest, bool purge)
{
    int rc = d->txn->ops->drop(d->txn, &d->project, id, head, oldest->rev, purge, d->error);
    if (rc < 0)
        return rc;
    d->project.bytes -= oldest->charge;
    if (oldest->seq > d->project.pruned_seq)
        d->project.pruned_seq = oldest->seq;
    return 0;
}

/* What readers see as the project's seq until this transaction commits. */
static int64_t seq_before(const sq_decision *d)
{
    for (size_t i = 0; i < d->txn->made_count; i++) {
        const sq_revision *made = d->txn->made[i];
        if (strcmp(made->project, d->project.name) == 0)
            return made->seq - 1;
    }
    return d->project.seq;
}

/* Is the revision of use to a list that is under way? `next` is the one after it. A list may begin, and set its pin,
 * while we decide: it sees what was there before us. */
static bool wanted(sq_decision *d, const sq_oldest *one, const sq_oldest *next)
{
    int64_t before = seq_before(d);
    if (one->seq <= before && before < next->seq)
        return true;
    return d->txn->pins && sq_pinned(d->txn->pins, d->project.num, one->seq, next->seq, d->txn->now);
}

/* Drops what is beyond the history (S30), and, while `excess` bytes are asked for, what is not, oldest first. */
static int prune(sq_decision *d, const char *id, const sq_head *head, int64_t excess)
{
    const sq_txn_ops *ops = d->txn->ops;
    int64_t first_rev = head->rev - d->txn->limits->history_revisions + 1;
    sq_time first_at = d->txn->now - d->txn->limits->history_ms;
    sq_oldest one, next;
    int rc = ops->oldest(d->txn, &d->project, id, head, 0, &one, d->error);
    while (rc == 0 && one.rev < head->rev && (one.rev < first_rev || one.at < first_at || excess > 0)) {
        rc = ops->oldest(d->txn, &d->project, id, head, one.rev, &next, d->error);
        if (rc < 0)
            break;
        if (!wanted(d, &one, &next)) {
            rc = drop_one(d, id, head, &one, false);
            excess -= rc == 0 ? one.charge : 0;
        }
        one = next;
    }
    return rc == -EAGAIN ? 0 : rc;
}

/* Deleting and purging still work, as they are the way out. */
static int check_disk(sq_decision *d)
{
    if (!d->txn->disk_low)
        return 0;
    return sq_fail(d->error, SQ_DISK_FULL, "less than %d MB are free on the disk: free some room; delete and purge "
                   "still work", SQ_DISK_RESERVE_MB);
}

/* Refuses what goes beyond a quota, after older revisions of the context have made room. */
static int check_quota(sq_decision *d, const char *id, const sq_head *head, int64_t charge)
{
    const sq_project *project = &d->project;
    int64_t max_live = project->max_live ? project->max_live : d->txn->limits->project_live;
    int64_t max_bytes = project->max_bytes ? project->max_bytes : d->txn->limits->project_bytes;
    bool counted = head->num && head->state == SQ_LIVE;
    if (!counted && project->live >= max_live)
        return sq_fail(d->error, SQ_QUOTA, "project \"%.60s\" has %lld contexts, as many as it may: delete some, or "
                       "raise its limit", project->name, (long long)project->live);
    int rc = 0;
    if (project->bytes + charge > max_bytes && head->num)
        rc = prune(d, id, head, project->bytes + charge - max_bytes);
    if (rc == 0 && project->bytes + charge > max_bytes)
        return sq_fail(d->error, SQ_QUOTA, "project \"%.60s\" has %lld bytes of at most %lld: purge some, or raise its "
                       "limit", project->name, (long long)project->bytes, (long long)max_bytes);
    return rc;
}

static sq_revision *make(sq_decision *d, const char *id, const sq_head *head, sq_op op, const sq_content *content)
{
    sq_time created_at = content->created_at ? content->created_at : d->txn->now;
    sq_revision revision = {
        .project = d->project.name,
        .id = id,
        .rev = head->num ? head->rev + 1 : 1,
        .seq = d->project.seq + 1,
        .op = op,
        .created_at = head->num && head->state != SQ_PURGED ? head->created_at : created_at,
        .at = d->txn->now,
        .expires_at = content->expires_at,
        .name = content->name,
        .parent_id = content->parent_id,
        .metadata = content->metadata,
        .source = d->prepared ? d->prepared->source.data : "{\"principal\":\"squirrel\",\"trust\":\"server\"}",
        .data = content->data,
        .data_bytes = content->data_bytes,
    };
    memcpy(revision.fingerprint, content->fingerprint, SQ_DIGEST_BYTES);
    return sq_revision_new(&revision);
}

/* Keeps a reference for the listener. */
static int remember(sq_txn *txn, const sq_revision *revision)
{
    if (txn->made_count == txn->made_room) {
        size_t room = txn->made_room ? 2 * txn->made_room : 64;
        const sq_revision **made = realloc(txn->made, room * sizeof *made);
        if (!made)
            return -ENOMEM;
        txn->made = made;
        txn->made_room = room;
    }
    txn->made[txn->made_count++] = sq_revision_ref(revision);
    return 0;
}

/* The head as the revision makes it; the counts of the project follow. */
static void advance(sq_decision *d, sq_head *head, const sq_revision *revision, int64_t charge)
{
    bool was = head->num && head->state == SQ_LIVE, is = sq_revision_state(revision) == SQ_LIVE;
    head->state = sq_revision_state(revision);
    head->rev = revision->rev;
    head->seq = revision->seq;
    head->bytes = charge;
    head->created_at = revision->created_at;
    head->updated_at = revision->at;
    head->expires_at = revision->expires_at;
    head->parent_id[0] = '\0';
    if (revision->parent_id)
        memcpy(head->parent_id, revision->parent_id, strlen(revision->parent_id) + 1);
    d->project.seq = revision->seq;
    d->project.live += is - was;
    d->project.bytes += charge;
}

int sq_record(sq_decision *d, const char *id, sq_head *head, sq_op op, const sq_content *content,
              const sq_revision **out)
{
    int64_t charge = charge_of(content);
    bool more = sq_op_state(op) == SQ_LIVE;
    int rc = more ? check_disk(d) : 0;
    if (rc == 0 && more)
        rc = check_quota(d, id, head, charge);
    if (rc < 0)
        return rc;
    sq_revision *revision = make(d, id, head, op, content);
    if (!revision || remember(d->txn, revision) < 0) {
        sq_revision_unref(revision);
        return sq_fail_memory(d->error);
    }
    advance(d, head, revision, charge);
    rc = d->txn->ops->put(d->txn, &d->project, head, revision, d->error);
    if (rc == 0)
        rc = prune(d, id, head, 0);
    if (rc == 0 && out)
        *out = revision;
    else
        sq_revision_unref(revision);
    return rc;
}

/* S31: all but the stub. */
static int drop_all(sq_decision *d, const char *id, const sq_head *head)
{
    sq_oldest one;
    int rc;
    while ((rc = d->txn->ops->oldest(d->txn, &d->project, id, head, 0, &one, d->error)) == 0 && one.rev < head->rev) {
        rc = drop_one(d, id, head, &one, true);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int sq_record_end(sq_decision *d, const char *id, sq_head *head, sq_op op, const sq_revision **out)
{
    int rc = sq_record(d, id, head, op, &(sq_content){.expires_at = SQ_NEVER}, out);
    return rc == 0 && op == SQ_OP_PURGE ? drop_all(d, id, head) : rc;
}
