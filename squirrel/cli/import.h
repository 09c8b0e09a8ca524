/* SPDX-License-Identifier: MIT */
/* What is imported: the text of one context after the other, whatever form it comes in. */
#pragma once
#include <drey.h>

#include "context/error.h"
#include "json/text.h"

enum { SQ_IMPORT_LINE = 4 << 20, SQ_IMPORT_WHERE = 512 };

/* A context's text, which is the receiver's to free, or why there is none. */
typedef struct sq_import_item {
    char *text;                     /* NULL: error is set */
    size_t bytes;
    char where[SQ_IMPORT_WHERE];    /* "file" or "file:12" */
    char default_id[130];           /* empty: none */
    sq_error error;
} sq_import_item;

/* Gets each of them; *item is the receiver's copy. 0, or negative: stop. */
typedef DREY_ASYNC int sq_import_take(void *arg, const sq_import_item *item);

/* A file: one context; JSON lines of contexts, as export writes them; or the file of the reference MCP memory server
 * (@modelcontextprotocol/server-memory), JSON lines of entities and relations. An entity becomes a context: its id
 * made of its name, its data {"entityType", "observations", "relations"}. "-" is standard input. What is wrong with
 * a line or a file is an item, too. 0, or negative: what `take` returned, -ECANCELED, -ENOMEM. */
DREY_ASYNC DREY_MUST_USE int sq_import_file(const char *path, sq_import_take *take, void *arg);

/* The entities and relations of a memory file, gathered line by line. */
typedef struct sq_memory_graph sq_memory_graph;
sq_memory_graph *sq_memory_graph_new(void);
void sq_memory_graph_free(sq_memory_graph *graph);

/* 1: the line is one of a memory file, and was taken. 0: it is something else. -ENOMEM. Needs a deep stack. */
int sq_memory_graph_add(sq_memory_graph *graph, const char *line, size_t bytes, size_t number);

/* The text of the next entity's context; false: that was the last. */
bool sq_memory_graph_next(sq_memory_graph *graph, sq_text *out, size_t *out_number);

/* An id for a name: the name itself if it is one, else what it has of one and six hex digits of its hash. */
void sq_memory_id(const char *name, char out[130]);
