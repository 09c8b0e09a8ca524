/* SPDX-License-Identifier: MIT */
/* Operation keys (S19). Only the writer looks at them, so none of this takes the lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/memory/tables.h"

static uint64_t hash_of(const sq_shelf *shelf, const char *principal, const char *key)
{
    uint64_t hash = 0xcbf29ce484222325 ^ (uint64_t)shelf->work.num;   /* FNV-1a */
    const char *const texts[] = {principal, key};
    for (unsigned i = 0; i < 2; i++) {
        for (const char *at = texts[i]; *at; at++)
            hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
        hash = (hash ^ 0xff) * 0x100000001b3;
    }
    return hash ^ hash >> 32;
}

static sq_operation_entry **bucket_of(const sq_tables *tables, uint64_t hash)
{
    return &tables->operations[hash & (tables->operation_buckets - 1)];
}

static sq_operation_entry *find(const sq_tables *tables, const sq_shelf *shelf, const char *principal, const char *key,
                                uint64_t hash)
{
    sq_operation_entry *entry = *bucket_of(tables, hash);
    while (entry && (entry->hash != hash || entry->shelf != shelf || strcmp(entry->principal, principal) != 0 ||
                     strcmp(entry->key, key) != 0))
        entry = entry->next;
    return entry;
}

/* Without memory the chains just grow longer. */
static void rehash(sq_tables *tables)
{
    size_t count = 2 * tables->operation_buckets;
    sq_operation_entry **buckets = calloc(count, sizeof(sq_operation_entry *));
    if (!buckets)
        return;
    for (size_t i = 0; i < tables->operation_buckets; i++) {
        for (sq_operation_entry *entry = tables->operations[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = buckets[entry->hash & (count - 1)];
            buckets[entry->hash & (count - 1)] = entry;
        }
    }
    free(tables->operations);
    tables->operations = buckets;
    tables->operation_buckets = count;
}

static sq_operation_entry *add(sq_tables *tables, sq_shelf *shelf, const char *principal, const char *key,
                               uint64_t hash, const sq_operation *operation)
{
    size_t principal_bytes = strlen(principal) + 1, key_bytes = strlen(key) + 1;
    sq_operation_entry *entry = malloc(sizeof *entry + principal_bytes + key_bytes);
    if (!entry)
        return NULL;
    if (tables->operation_count >= tables->operation_buckets)
        rehash(tables);
    char *texts = (char *)(entry + 1);
    *entry = (sq_operation_entry){
        .next = *bucket_of(tables, hash),
        .shelf = shelf,
        .operation = *operation,
        .hash = hash,
        .principal = memcpy(texts, principal, principal_bytes),
        .key = memcpy(texts + principal_bytes, key, key_bytes),
    };
    *bucket_of(tables, hash) = entry;
    tables->operation_count++;
    return entry;
}

static void remove_entry(sq_tables *tables, sq_operation_entry *entry)
{
    sq_operation_entry **at = bucket_of(tables, entry->hash);
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    tables->operation_count--;
    free(entry);
}

int sq_operation_add(sq_tables *tables, sq_shelf *shelf, const char *principal, const char *key,
                     const sq_operation *operation)
{
    uint64_t hash = hash_of(shelf, principal, key);
    sq_operation_entry *entry = find(tables, shelf, principal, key, hash);
    if (entry)
        entry->operation = *operation;
    else
        entry = add(tables, shelf, principal, key, hash, operation);
    return entry ? 0 : -ENOMEM;
}

int sq_operation_get(sq_txn *txn, const sq_project *project, const char *principal, const char *key, sq_operation *out,
                     sq_error *error)
{
    (void)error;
    const sq_tables *tables = ((sq_stage *)txn)->tables;
    const sq_shelf *shelf = sq_shelf_find(tables, project->name);
    const sq_operation_entry *entry = find(tables, shelf, principal, key, hash_of(shelf, principal, key));
    if (!entry)
        return -ENOENT;
    *out = entry->operation;
    return 0;
}

int sq_operation_put(sq_txn *txn, const sq_project *project, const char *principal, const char *key,
                     const sq_operation *operation, sq_error *error)
{
    sq_stage *stage = (sq_stage *)txn;
    sq_shelf *shelf = sq_shelf_find(stage->tables, project->name);
    uint64_t hash = hash_of(shelf, principal, key);
    sq_operation_entry *entry = find(stage->tables, shelf, principal, key, hash);
    sq_change *change = sq_stage_change(stage);
    bool existed = entry != NULL;
    if (change && !entry)
        entry = add(stage->tables, shelf, principal, key, hash, operation);
    if (!change || !entry)
        return sq_fail_memory(error);
    *change = (sq_change){.kind = SQ_CHANGE_OPERATION, .shelf = shelf};
    change->operation.entry = entry;
    change->operation.existed = existed;
    change->operation.before = entry->operation;
    entry->operation = *operation;
    stage->change_count++;
    return 0;
}

void sq_operation_undo(sq_tables *tables, const sq_change *change)
{
    if (change->operation.existed)
        change->operation.entry->operation = change->operation.before;
    else
        remove_entry(tables, change->operation.entry);
}

/* What has expired counts as absent, so there is nothing to take back. */
int sq_operations_expire(sq_txn *txn, size_t limit, sq_error *error)
{
    (void)error;
    sq_stage *stage = (sq_stage *)txn;
    sq_tables *tables = stage->tables;
    size_t left = limit;
    for (size_t looked = 0; looked < tables->operation_buckets && left > 0; looked++) {
        stage->reap_bucket = (stage->reap_bucket + 1) & (tables->operation_buckets - 1);
        for (sq_operation_entry *entry = tables->operations[stage->reap_bucket], *next; entry && left > 0;
             entry = next) {
            next = entry->next;
            if (entry->operation.expires_at <= txn->now) {
                remove_entry(tables, entry);
                left--;
            }
        }
    }
    return (int)(limit - left);
}
