/* SPDX-License-Identifier: MIT */
/* A store in memory whose commits take time and can be made to fail; for tests of what stands before a store. */
#pragma once
#include <drey.h>

#include "store/memory/tables.h"
#include "store/writer.h"

enum { SLOW_MADE_MAX = 64 };

typedef struct slow {
    sq_store store;
    sq_tables tables;
    sq_stage stage;
    sq_writer *writer;
    drey_duration before_group;      /* the store is busy for that long before a group is run */
    drey_duration in_commit;         /* and for that long between what was decided and what is durable */
    drey_duration in_read;           /* before and after a read looks */
    int fail_commit, fail_put;       /* the nth from now; 0: none */
    bool publish_early;              /* the mutant: the listener is told before the commit */
    int64_t seen[SLOW_MADE_MAX];     /* seqs that slow_committed was told of */
    size_t seen_count;
} slow;

/* With slow_committed as the listener; limits and queues have defaults. */
DREY_ASYNC int slow_open(slow *s, drey_scope *scope, sq_store_options options);
DREY_ASYNC void slow_close(slow *s);
