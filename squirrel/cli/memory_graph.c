/* SPDX-License-Identifier: MIT */
/* The file of the reference MCP memory server: a line {"type": "entity", "name", "entityType", "observations"} or
 * {"type": "relation", "from", "to", "relationType"} each. A relation may stand before its entity, so all is
 * gathered. */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import.h"
#include "context/id.h"
#include "json/write.h"

enum { BASE_BYTES = 100 };

typedef struct entity {
    sq_json *object;
    size_t number; /* of its line */
} entity;

struct sq_memory_graph {
    entity *entities;
    size_t count, room, next;
    sq_json **relations;
    size_t relation_count, relation_room;
    bool sorted;
};

sq_memory_graph *sq_memory_graph_new(void)
{
    return calloc(1, sizeof(sq_memory_graph));
}

void sq_memory_graph_free(sq_memory_graph *graph)
{
    for (size_t i = 0; graph && i < graph->count; i++)
        sq_json_unref(graph->entities[i].object);
    for (size_t i = 0; graph && i < graph->relation_count; i++)
        sq_json_unref(graph->relations[i]);
    if (graph) {
        free(graph->entities);
        free(graph->relations);
    }
    free(graph);
}

static const char *get_string(const sq_json *object, const char *key)
{
    sq_json *value = sq_json_get(object, key);
    return value && sq_json_typeof(value) == SQ_JSON_STRING ? sq_json_string(value, NULL) : NULL;
}

/* Room for one more of `size` bytes. */
static void *grown(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    size_t wanted = *room ? *room * 2 : 64;
    void *more = realloc(array, wanted * size);
    if (more)
        *room = wanted;
    return more;
}

static int add_entity(sq_memory_graph *graph, sq_json *object, size_t number)
{
    entity *entities = grown(graph->entities, graph->count, &graph->room, sizeof *entities);
    if (!entities)
        return -ENOMEM;
    graph->entities = entities;
    entities[graph->count++] = (entity){sq_json_ref(object), number};
    return 1;
}

static int add_relation(sq_memory_graph *graph, sq_json *object)
{
    sq_json **relations = grown(graph->relations, graph->relation_count, &graph->relation_room, sizeof *relations);
    if (!relations)
        return -ENOMEM;
    graph->relations = relations;
    relations[graph->relation_count++] = sq_json_ref(object);
    return 1;
}

int sq_memory_graph_add(sq_memory_graph *graph, const char *line, size_t bytes, size_t number)
{
    sq_json *object;
    sq_json_error refused;
    if (sq_json_parse(line, bytes, SQ_JSON_DEPTH_MAX, &object, &refused) < 0)
        return 0;
    int rc = 0;
    const char *type = sq_json_typeof(object) == SQ_JSON_OBJECT ? get_string(object, "type") : NULL;
    if (type && strcmp(type, "entity") == 0 && get_string(object, "name"))
        rc = add_entity(graph, object, number);
    else if (type && strcmp(type, "relation") == 0 && get_string(object, "from") && get_string(object, "to"))
        rc = add_relation(graph, object);
    sq_json_unref(object);
    return rc;
}

void sq_memory_id(const char *name, char out[130])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t bytes = 0;
    if (sq_id_valid(name, strlen(name))) {
        strcpy(out, name);
        return;
    }
    for (const char *at = name; *at && bytes < BASE_BYTES; at++) {
        bool plain = sq_id_valid((char[]){'a', *at}, 2) && (bytes > 0 || sq_id_valid(at, 1));
        if (plain)
            out[bytes++] = *at;
        else if (bytes > 0 && out[bytes - 1] != '_')
            out[bytes++] = '_';
    }
    if (bytes == 0)
        out[bytes++] = 'e';
    SHA256((const unsigned char *)name, strlen(name), hash);
    snprintf(out + bytes, 130 - bytes, "-%02x%02x%02x", hash[0], hash[1], hash[2]);
}

static int by_from(const void *a, const void *b)
{
    return strcmp(get_string(*(sq_json *const *)a, "from"), get_string(*(sq_json *const *)b, "from"));
}

/* The first relation from `name`; all of them follow it. */
static size_t first_relation(const sq_memory_graph *graph, const char *name)
{
    size_t low = 0, high = graph->relation_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(get_string(graph->relations[middle], "from"), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add_relations(const sq_memory_graph *graph, const char *name, sq_text *out)
{
    bool any = false;
    sq_text_char(out, '[');
    for (size_t i = first_relation(graph, name); i < graph->relation_count; i++) {
        const sq_json *relation = graph->relations[i];
        const char *to = get_string(relation, "to"), *type = get_string(relation, "relationType");
        if (strcmp(get_string(relation, "from"), name) != 0)
            break;
        sq_text_string(out, any ? ",{\"to\":" : "{\"to\":");
        sq_text_quote(out, to, strlen(to));
        sq_text_string(out, ",\"relationType\":");
        sq_text_quote(out, type ? type : "", type ? strlen(type) : 0);
        sq_text_char(out, '}');
        any = true;
    }
    sq_text_char(out, ']');
}

bool sq_memory_graph_next(sq_memory_graph *graph, sq_text *out, size_t *out_number)
{
    char id[130];
    if (graph->next == graph->count)
        return false;
    if (!graph->sorted && graph->relation_count > 0)
        qsort(graph->relations, graph->relation_count, sizeof *graph->relations, by_from);
    graph->sorted = true;
    const entity *e = &graph->entities[graph->next++];
    const char *name = get_string(e->object, "name"), *type = get_string(e->object, "entityType");
    sq_json *observations = sq_json_get(e->object, "observations");
    sq_memory_id(name, id);
    sq_text_format(out, "{\"id\":\"%s\",\"name\":", id);
    sq_text_quote(out, name, strlen(name));
    sq_text_string(out, ",\"data\":{\"entityType\":");
    sq_text_quote(out, type ? type : "", type ? strlen(type) : 0);
    sq_text_string(out, ",\"observations\":");
    if (observations)
        sq_json_write(out, observations, SQ_JSON_COMPACT);
    else
        sq_text_string(out, "[]");
    sq_text_string(out, ",\"relations\":");
    add_relations(graph, name, out);
    sq_text_string(out, "}}");
    *out_number = e->number;
    return true;
}
