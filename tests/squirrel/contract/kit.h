/* SPDX-License-Identifier: MIT */
/* The contract of squirrel's stores: one suite, run for each of them. SQ_STORE in the environment names the store; the
 * table in kit.c has them all.
 *
 *     CONTRACT(a_create_can_be_read)
 *     {
 *         KIT_OK(kit_create(store, "a", "{}"));
 *         ...
 *         return 0;
 *     }
 */
#pragma once
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "store/wall.h"

typedef DREY_ASYNC int kit_body(sq_store *store);

/* Opens a fresh store with these options, runs the body in it and closes it. */
DREY_ASYNC int kit_run(kit_body *body, const sq_store_options *options);

/* "memory", "sqlite", ... */
const char *kit_store_name(void);
bool kit_store_lasts(void);          /* is there anything left after it was closed? */

/* The URL of this test's own store; the same each time. */
const char *kit_url(void);

#define CONTRACT_WITH(name, store_options, ...)                             \
    static DREY_ASYNC int contract_##name(sq_store *store);                 \
    DREY_TEST(name, __VA_ARGS__)                                            \
    {                                                                       \
        static const sq_store_options options = store_options;              \
        return kit_run(contract_##name, &options);                          \
    }                                                                       \
    static int contract_##name(sq_store *store)

#define KIT_OPTIONS(...) {__VA_ARGS__}
#define CONTRACT(name, ...) CONTRACT_WITH(name, KIT_OPTIONS(.limits = {0}), __VA_ARGS__)

/* A write with what every write has. */
#define KIT_WRITE(...) (sq_write){.project = "p", .principal = "local:1", .expires_at = SQ_NEVER, __VA_ARGS__}
#define KIT_DATA(text) .set = SQ_SET_DATA, .data = (text), .data_bytes = strlen(text)
#define KIT_DATA_AND(more, text) .set = SQ_SET_DATA | (more), .data = (text), .data_bytes = strlen(text)

/* The last failure's code; SQ_OK after a success. */
extern _Thread_local sq_code kit_code;
extern _Thread_local sq_error kit_error;

/* One write whose result is dropped: the new rev, or -EINVAL. */
DREY_ASYNC int64_t kit_write(sq_store *store, sq_write write);
DREY_ASYNC int kit_create(sq_store *store, const char *id, const char *data);        /* 0 or -EINVAL */
DREY_ASYNC int64_t kit_patch(sq_store *store, const char *id, const char *data);
DREY_ASYNC int64_t kit_delete(sq_store *store, const char *id);                      /* by force */
DREY_ASYNC int64_t kit_seq(sq_store *store);                                         /* of project p */

/* The data of a revision (0: the head), to be freed; NULL: kit_code says why not. */
DREY_ASYNC char *kit_data(sq_store *store, const char *id, int64_t rev);

/* The ids of all pages, joined by spaces, in a static buffer; NULL: kit_code. `between` runs between pages. */
DREY_ASYNC const char *kit_list(sq_store *store, sq_list list, kit_body *between);

#define KIT_OK(call) DREY_CHECK_EQ(((call) >= 0 ? SQ_OK : kit_code), SQ_OK)
#define KIT_FAILS(call, expected)                                           \
    do {                                                                    \
        DREY_CHECK((call) < 0);                                             \
        DREY_CHECK_STR(sq_code_name(kit_code), sq_code_name(expected));     \
    } while (0)
#define KIT_DATA_IS(id, rev, expected)                                      \
    do {                                                                    \
        char *kit_text = kit_data(store, (id), (rev));                      \
        char kit_copy[4096] = "";                                           \
        if (kit_text)                                                       \
            snprintf(kit_copy, sizeof kit_copy, "%s", kit_text);            \
        free(kit_text);                                                     \
        DREY_CHECK_STR(kit_copy, expected);                                 \
    } while (0)
