/* SPDX-License-Identifier: MIT */
/* Lists and the snapshots they read from. */
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "sqlite_kit.h"

enum { RUSH_CONTEXTS = 5, RUSH_ROUNDS = 4 };

static _Atomic bool rush_wanted;
static sem_t rush_over;

static void let_others_write(void)
{
    if (atomic_exchange(&rush_wanted, false))
        sem_wait(&rush_over);
}

static DREY_ASYNC int write_meanwhile(void *arg)
{
    int rc = 0;
    while (rc == 0 && rush_wanted)
        rc = drey_sleep(DREY_MS(1));
    for (int i = 0; i < RUSH_CONTEXTS * RUSH_ROUNDS && rc >= 0; i++) {
        char id[8], data[16];
        snprintf(id, sizeof id, "c%d", i % RUSH_CONTEXTS);
        snprintf(data, sizeof data, "{\"n\":%d}", i);
        rc = kit_put(arg, id, data) < 0 ? -EIO : 0;
    }
    sem_post(&rush_over);
    return rc;
}

DREY_TEST(a_list_keeps_what_its_first_page_saw, .real_clock = true) /* S18 */
{
    char path[512];
    snprintf(path, sizeof path, "%s", kit_path("store.db"));
    sq_store *store;
    DREY_SCOPE(scope);
    sem_init(&rush_over, 0, 0);
    sq_sqlite_hook.list_starts = let_others_write;
    DREY_CHECK_EQ(kit_open(&scope, path, &(sq_store_options){.limits = {.history_revisions = 2}}, &store), 0);
    for (int i = 0; i < RUSH_CONTEXTS; i++) {
        char id[8];
        snprintf(id, sizeof id, "c%d", i);
        DREY_CHECK_EQ(kit_put(store, id, "{}"), 1);
    }
    rush_wanted = true;
    DREY_CHECK_EQ(drey_go(&scope, write_meanwhile, store), 0);
    DREY_CHECK_STR(kit_list(store, (sq_list){.limit = 2}), "c4 c3 c2 c1 c0 ");
    sq_sqlite_hook.list_starts = NULL;
    store->ops->close(store);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    sem_destroy(&rush_over);
    return 0;
}

DREY_TEST_MAIN()
