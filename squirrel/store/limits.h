/* SPDX-License-Identifier: MIT */
/* What a store accepts and keeps. Zero in a field of sq_limits means its default. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "context/context.h"

enum {
    SQ_DATA_BYTES = 1 << 20,         /* of a document's compact text */
    SQ_PRINCIPAL_BYTES = 256,
    SQ_OPERATION_KEY_BYTES = 128,
    SQ_REQUEST_BYTES = 32,           /* of the hash of a request */
    SQ_BATCH_MAX = 100,              /* writes of one atomic batch */
    SQ_CASCADE_MAX = 1000,           /* contexts that a delete or purge may take along, and a new parent may move */
    SQ_REVISION_OVERHEAD = 256,      /* what a revision counts for in a quota besides its texts */
};

typedef struct sq_limits {
    size_t data_bytes;               /* SQ_DATA_BYTES */
    int64_t history_revisions;       /* newest kept of a context: 100 (S30) */
    int64_t history_ms;              /* and no older than: 30 days */
    int64_t operation_ms;            /* how long operation keys are kept: 24 hours (S19) */
    int64_t project_live;            /* live contexts of a project that has no limit of its own: 1,000,000 */
    int64_t project_bytes;           /* and bytes, history included: 16 GiB */
} sq_limits;

sq_limits sq_limits_with_defaults(sq_limits limits);
