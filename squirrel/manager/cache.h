/* SPDX-License-Identifier: MIT */
/* Heads of contexts, bounded by bytes (S1).
 *
 * C1  Everything in it was committed: it is filled by the store's listener and by reads of the store.
 * C2  A head is never replaced by an older one: by seq, and where the newer one has already left the cache, by the
 *     stamp that a read takes before it asks the store. A publication changes the stamps of its contexts; a read whose
 *     stamp has changed does not fill.
 * C3  Sections under the lock never suspend; the lock rule checks that.
 *
 * What is used least goes first, about: a clock hand passes over what was read since it came by. */
#pragma once
#include <drey.h>

#include "store/store.h"

typedef struct sq_cache sq_cache;

int sq_cache_new(size_t max_bytes, sq_cache **out);          /* 0 or -ENOMEM */
void sq_cache_free(sq_cache *cache);

/* A reference, or NULL. *out_stamp is for sq_cache_fill, after a miss. */
DREY_ASYNC const sq_revision *sq_cache_get(sq_cache *cache, const char *project, const char *id, uint64_t *out_stamp);

/* A head that a read of the store found. */
DREY_ASYNC void sq_cache_fill(sq_cache *cache, const sq_revision *head, uint64_t stamp);

/* What was committed just now, in order. */
DREY_ASYNC void sq_cache_publish(sq_cache *cache, const sq_revision *const *revisions, size_t count);
