/* SPDX-License-Identifier: MIT */
/* Resolving: a context inherits its parent's data by merge, root first (S15, S16). The caller brings the ancestors,
 * nearest first, from wherever it keeps them:
 *
 *     rc = sq_lineage_start(&line, &context, now, &error);
 *     while (rc == 0 && sq_lineage_wants(&line))
 *         rc = load(sq_lineage_wants(&line), &parent) ... sq_lineage_add(&line, &parent, &error);
 *     data = sq_lineage_resolve(&line);
 *     sq_lineage_free(&line);
 */
#pragma once
#include "context/context.h"

typedef struct sq_lineage {
    char project[SQ_ID_BYTES + 1];
    struct { char id[SQ_ID_BYTES + 1]; sq_json *data; } line[SQ_ANCESTORS_MAX + 1];   /* leaf first */
    unsigned count;
    char wanted[SQ_ID_BYTES + 1];   /* the next parent's id; empty: the root was reached */
    sq_time now;
} sq_lineage;

int sq_lineage_start(sq_lineage *line, const sq_context *leaf, sq_time now, sq_error *error);
const char *sq_lineage_wants(const sq_lineage *line);       /* NULL: complete */

/* Takes a reference on the parent's data. -EINVAL: a cycle, too many ancestors, an expired parent. */
int sq_lineage_add(sq_lineage *line, const sq_context *parent, sq_error *error);

/* The leaf's data with all that it inherits, to be unref'd; a root's own data as it is. NULL: no memory. */
sq_json *sq_lineage_resolve(const sq_lineage *line);
void sq_lineage_free(sq_lineage *line);
