/* SPDX-License-Identifier: MIT */
#include "manager/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, ENTRY_BYTES = 256 };

typedef struct entry {
    struct entry *next;              /* in its bucket */
    struct entry *after, *before;    /* in the clock's ring */
    const sq_revision *head;
    uint64_t hash;
    bool used;                       /* read since the hand came by; set under the read lock, so atomically */
} entry;

struct sq_cache {
    drey_rwlock lock;                /* all below */
    entry *buckets[BUCKETS];
    uint64_t stamps[BUCKETS];        /* of the contexts in a bucket: changed by each publication (C2) */
    entry *hand;
    size_t bytes, max_bytes;
};

int sq_cache_new(size_t max_bytes, sq_cache **out)
{
    sq_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return -ENOMEM;
    cache->max_bytes = max_bytes;
    *out = cache;
    return 0;
}

void sq_cache_free(sq_cache *cache)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (entry *e = cache->buckets[i], *next; e; e = next) {
            next = e->next;
            sq_revision_unref(e->head);
            free(e);
        }
    }
    drey_rwlock_deinit(&cache->lock);
    free(cache);
}

static uint64_t hash_of(const char *project, const char *id)
{
    uint64_t hash = 0xcbf29ce484222325;   /* FNV-1a, a NUL between the two */
    for (; *project; project++)
        hash = (hash ^ (unsigned char)*project) * 0x100000001b3;
    hash *= 0x100000001b3;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 0x100000001b3;
    return hash ^ hash >> 32;
}

static entry *find(const sq_cache *cache, uint64_t hash, const char *project, const char *id)
{
    entry *e = cache->buckets[hash % BUCKETS];
    while (e && (e->hash != hash || strcmp(e->head->id, id) != 0 || strcmp(e->head->project, project) != 0))
        e = e->next;
    return e;
}

static size_t size_of(const sq_revision *head)
{
    return ENTRY_BYTES + sizeof *head + head->data_bytes + (head->metadata ? strlen(head->metadata) : 0);
}

static void drop(sq_cache *cache, entry *e)
{
    entry **at = &cache->buckets[e->hash % BUCKETS];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    if (cache->hand == e)
        cache->hand = e->after == e ? NULL : e->after;
    e->after->before = e->before;
    e->before->after = e->after;
    cache->bytes -= size_of(e->head);
    sq_revision_unref(e->head);
    free(e);
}

/* Makes room by dropping what was not read since the hand came by. */
static void shrink(sq_cache *cache)
{
    while (cache->bytes > cache->max_bytes && cache->hand) {
        entry *e = cache->hand;
        if (e->used) {
            e->used = false;
            cache->hand = e->after;
        } else {
            drop(cache, e);
        }
    }
}

/* New entries come behind the hand, so it reaches them last. Without memory nothing is cached. */
static entry *add(sq_cache *cache, uint64_t hash)
{
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->hash = hash;
    e->next = cache->buckets[hash % BUCKETS];
    cache->buckets[hash % BUCKETS] = e;
    if (!cache->hand)
        cache->hand = e->after = e->before = e;
    e->after = cache->hand;
    e->before = cache->hand->before;
    e->before->after = e;
    e->after->before = e;
    return e;
}

static void put(sq_cache *cache, uint64_t hash, const sq_revision *head)
{
    entry *e = find(cache, hash, head->project, head->id);
    if (e && e->head->seq >= head->seq)
        return;
    if (e) {
        cache->bytes -= size_of(e->head);
        sq_revision_unref(e->head);
    } else if (!(e = add(cache, hash))) {
        return;
    }
    e->head = sq_revision_ref(head);
    cache->bytes += size_of(head);
    shrink(cache);
}

const sq_revision *sq_cache_get(sq_cache *cache, const char *project, const char *id, uint64_t *out_stamp)
{
    uint64_t hash = hash_of(project, id);
    DREY_READING(&cache->lock);
    entry *e = find(cache, hash, project, id);
    *out_stamp = cache->stamps[hash % BUCKETS];
    if (!e)
        return NULL;
    __atomic_store_n(&e->used, true, __ATOMIC_RELAXED);   /* a hint: whoever drops has the write lock */
    return sq_revision_ref(e->head);
}

void sq_cache_fill(sq_cache *cache, const sq_revision *head, uint64_t stamp)
{
    uint64_t hash = hash_of(head->project, head->id);
    if (size_of(head) > cache->max_bytes)
        return;
    DREY_WRITING(&cache->lock);
    if (cache->stamps[hash % BUCKETS] == stamp)
        put(cache, hash, head);
}

void sq_cache_publish(sq_cache *cache, const sq_revision *const *revisions, size_t count)
{
    DREY_WRITING(&cache->lock);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(revisions[i]->project, revisions[i]->id);
        bool keep = sq_revision_state(revisions[i]) == SQ_LIVE && size_of(revisions[i]) <= cache->max_bytes;
        cache->stamps[hash % BUCKETS]++;
        entry *e = keep ? NULL : find(cache, hash, revisions[i]->project, revisions[i]->id);
        if (keep)
            put(cache, hash, revisions[i]);
        else if (e)
            drop(cache, e);
    }
}
