/* SPDX-License-Identifier: MIT */
#include "store/memory/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 16, FIRST_ROOM = 4, LOG_SPARE = 64 };

static uint64_t hash_text(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325;   /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
    return hash ^ hash >> 32;
}

/* Makes room for one more item. */
static int grow(void **items, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return 0;
    size_t more = *room ? 2 * *room : FIRST_ROOM;
    void *moved = realloc(*items, more * size);
    if (!moved)
        return -ENOMEM;
    *items = moved;
    *room = more;
    return 0;
}

int sq_tables_init(sq_tables *tables)
{
    *tables = (sq_tables){.operation_buckets = FIRST_BUCKETS};
    tables->operations = calloc(FIRST_BUCKETS, sizeof(sq_operation_entry *));
    if (!tables->operations)
        return -ENOMEM;
    pthread_rwlock_init(&tables->lock, NULL);
    return 0;
}

static void node_free(sq_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        sq_revision_unref(node->stored[i].revision);
    free(node->stored);
    free(node->children);
    free(node->sheet);
    free(node);
}

static void shelf_free(sq_shelf *shelf)
{
    for (size_t i = 0; i < shelf->node_count; i++)
        node_free(shelf->by_id[i]);
    free(shelf->by_id);
    free(shelf->buckets);
    free(shelf->log);
    free(shelf);
}

void sq_tables_deinit(sq_tables *tables)
{
    for (size_t i = 0; i < tables->shelf_count; i++)
        shelf_free(tables->shelves[i]);
    for (size_t i = 0; i < tables->operation_buckets; i++) {
        for (sq_operation_entry *entry = tables->operations[i], *next; entry; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    free(tables->operations);
    free(tables->shelves);
    pthread_rwlock_destroy(&tables->lock);
}

/* The place of the first shelf whose name is not less. */
static size_t shelf_place(const sq_tables *tables, const char *name)
{
    size_t from = 0, to = tables->shelf_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp(tables->shelves[middle]->name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

sq_shelf *sq_shelf_find(const sq_tables *tables, const char *name)
{
    size_t i = shelf_place(tables, name);
    return i < tables->shelf_count && strcmp(tables->shelves[i]->name, name) == 0 ? tables->shelves[i] : NULL;
}

int sq_shelf_add(sq_tables *tables, const sq_project *row, sq_shelf **out)
{
    size_t i = shelf_place(tables, row->name);
    sq_shelf *shelf = calloc(1, sizeof *shelf);
    sq_node **buckets = calloc(FIRST_BUCKETS, sizeof(sq_node *));
    if (!shelf || !buckets ||
        grow((void **)&tables->shelves, &tables->shelf_room, tables->shelf_count, sizeof(sq_shelf *)) < 0) {
        free(shelf);
        free(buckets);
        return -ENOMEM;
    }
    shelf->work = *row;
    shelf->buckets = buckets;
    shelf->bucket_count = FIRST_BUCKETS;
    memcpy(shelf->name, row->name, sizeof shelf->name);
    memmove(tables->shelves + i + 1, tables->shelves + i, (tables->shelf_count - i) * sizeof(sq_shelf *));
    tables->shelves[i] = shelf;
    tables->shelf_count++;
    *out = shelf;
    return 0;
}

void sq_shelf_remove(sq_tables *tables, sq_shelf *shelf)
{
    size_t i = shelf_place(tables, shelf->name);
    memmove(tables->shelves + i, tables->shelves + i + 1, (--tables->shelf_count - i) * sizeof(sq_shelf *));
    shelf_free(shelf);
}

sq_node *sq_node_find(const sq_shelf *shelf, const char *id)
{
    sq_node *node = shelf->buckets[hash_text(id) & (shelf->bucket_count - 1)];
    while (node && strcmp(node->id, id) != 0)
        node = node->next;
    return node;
}

/* Twice as many buckets; without memory the chains just grow longer. */
static void rehash(sq_shelf *shelf)
{
    size_t count = 2 * shelf->bucket_count;
    sq_node **buckets = calloc(count, sizeof(sq_node *));
    if (!buckets)
        return;
    for (size_t i = 0; i < shelf->node_count; i++) {
        sq_node *node = shelf->by_id[i], **bucket = &buckets[hash_text(node->id) & (count - 1)];
        node->next = *bucket;
        *bucket = node;
    }
    free(shelf->buckets);
    shelf->buckets = buckets;
    shelf->bucket_count = count;
}

int sq_node_add(sq_shelf *shelf, const char *id, int64_t num, sq_node **out)
{
    sq_node *node = calloc(1, sizeof *node);
    if (!node || grow((void **)&shelf->by_id, &shelf->by_id_room, shelf->node_count, sizeof(sq_node *)) < 0) {
        free(node);
        return -ENOMEM;
    }
    if (shelf->node_count >= shelf->bucket_count)
        rehash(shelf);
    sq_node **bucket = &shelf->buckets[hash_text(id) & (shelf->bucket_count - 1)];
    memcpy(node->id, id, strlen(id) + 1);
    node->num = num;
    node->next = *bucket;
    *bucket = node;
    shelf->by_id[shelf->node_count++] = node;
    *out = node;
    return 0;
}

void sq_node_remove(sq_shelf *shelf, sq_node *node)
{
    sq_node **at = &shelf->buckets[hash_text(node->id) & (shelf->bucket_count - 1)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    size_t i = shelf->node_count;
    while (shelf->by_id[--i] != node)
        ;
    memmove(shelf->by_id + i, shelf->by_id + i + 1, (--shelf->node_count - i) * sizeof(sq_node *));
    if (i < shelf->sorted)
        shelf->sorted--;
    node_free(node);
}

const sq_stored *sq_node_newest(const sq_node *node, int64_t upper)
{
    for (size_t i = node->count; i > 0; i--) {
        if (node->stored[i - 1].revision->seq <= upper)
            return &node->stored[i - 1];
    }
    return NULL;
}

const sq_stored *sq_node_rev(const sq_node *node, int64_t rev)
{
    size_t from = 0, to = node->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (node->stored[middle].revision->rev < rev)
            from = middle + 1;
        else
            to = middle;
    }
    return from < node->count && node->stored[from].revision->rev == rev ? &node->stored[from] : NULL;
}

size_t sq_log_find(const sq_shelf *shelf, int64_t seq)
{
    size_t from = 0, to = shelf->log_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (shelf->log[middle].seq < seq)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

static void unlink_child(sq_shelf *shelf, sq_node *node, const char *parent_id)
{
    sq_node *parent = parent_id ? sq_node_find(shelf, parent_id) : NULL;
    for (size_t i = 0; parent && i < parent->child_count; i++) {
        if (parent->children[i] == node)
            parent->children[i] = parent->children[--parent->child_count];
    }
}

/* There is room: children are only ever linked where they were before, or after reserve_child. */
static void link_child(sq_shelf *shelf, sq_node *node, const char *parent_id)
{
    sq_node *parent = parent_id ? sq_node_find(shelf, parent_id) : NULL;
    if (parent)
        parent->children[parent->child_count++] = node;
}

static int reserve_child(sq_shelf *shelf, const char *parent_id)
{
    sq_node *parent = parent_id ? sq_node_find(shelf, parent_id) : NULL;
    return parent ? grow((void **)&parent->children, &parent->child_room, parent->child_count, sizeof(sq_node *)) : 0;
}

static const char *parent_of(const sq_node *node)
{
    return node->count ? node->stored[node->count - 1].revision->parent_id : NULL;
}

int sq_node_push(sq_shelf *shelf, sq_node *node, const sq_revision *revision, int64_t place)
{
    if (grow((void **)&node->stored, &node->room, node->count, sizeof *node->stored) < 0 ||
        grow((void **)&shelf->log, &shelf->log_room, shelf->log_count, sizeof *shelf->log) < 0 ||
        reserve_child(shelf, revision->parent_id) < 0)
        return -ENOMEM;
    unlink_child(shelf, node, parent_of(node));
    node->stored[node->count++] = (sq_stored){.revision = sq_revision_ref(revision), .place = place};
    link_child(shelf, node, revision->parent_id);
    shelf->log[shelf->log_count++] = (sq_log_entry){revision->seq, node, revision};
    return 0;
}

void sq_node_pop(sq_shelf *shelf, sq_node *node)
{
    const sq_revision *revision = node->stored[--node->count].revision;
    unlink_child(shelf, node, revision->parent_id);
    link_child(shelf, node, parent_of(node));
    shelf->log_count--;
    sq_revision_unref(revision);
}

/* Entries without a revision go once they are the most. */
static void tidy_log(sq_shelf *shelf)
{
    size_t kept = 0;
    if (shelf->log_removed < LOG_SPARE || shelf->log_removed < shelf->log_count / 2)
        return;
    for (size_t i = 0; i < shelf->log_count; i++) {
        if (shelf->log[i].revision)
            shelf->log[kept++] = shelf->log[i];
    }
    shelf->log_count = kept;
    shelf->log_removed = 0;
}

void sq_node_drop(sq_shelf *shelf, sq_node *node, int64_t rev)
{
    size_t i = (size_t)(sq_node_rev(node, rev) - node->stored);
    const sq_revision *revision = node->stored[i].revision;
    shelf->log[sq_log_find(shelf, revision->seq)].revision = NULL;
    shelf->log_removed++;
    memmove(node->stored + i, node->stored + i + 1, (--node->count - i) * sizeof *node->stored);
    sq_revision_unref(revision);
    tidy_log(shelf);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(sq_node *const *)a)->id, (*(sq_node *const *)b)->id);
}

void sq_shelf_sort(sq_shelf *shelf)
{
    if (shelf->sorted < shelf->node_count)
        qsort(shelf->by_id, shelf->node_count, sizeof(sq_node *), compare_ids);
    shelf->sorted = shelf->node_count;
}
