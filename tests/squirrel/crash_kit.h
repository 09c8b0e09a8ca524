/* SPDX-License-Identifier: MIT */
/* What tests of power cuts do (S5), whichever store it is: work that is recorded, and a look at what every moment may
 * leave. */
#pragma once
#include "watched.h"

#ifndef CRASH_IDS
#define CRASH_IDS 24
#endif

enum { IDS = CRASH_IDS, WRITERS = 8, REVS = 14, POINTS = 180, SUBMITTED = 1 << 16 };

/* What rev `rev` of context `id` is. */
static sq_verb verb_of(int rev)
{
    return rev % 7 == 6 ? SQ_DELETE : rev % 11 == 10 ? SQ_PURGE : SQ_IMPORT;
}

static void data_of(int id, int rev, char out[8192])
{
    unsigned draw = (unsigned)(id * 31 + rev) * 2654435761u >> 16;
    int length = draw % 13 == 0 ? 6000 : (int)(draw % 900);
    int at = sprintf(out, "{\"id\":%d,\"rev\":%d,\"text\":\"", id, rev);
    for (int i = 0; i < length; i++)
        out[at++] = (i * 7 + rev) % 6 == 5 ? ' ' : (char)('a' + (unsigned)(id + rev + i * i) % 26);
    memcpy(out + at, "\"}", 3);
}

typedef struct work {
    sq_store *store;
    int first;
} work;

static DREY_ASYNC int write_some(void *arg)
{
    const work *w = arg;
    char name[16], data[8192];
    for (int rev = 1; rev <= REVS; rev++) {
        for (int id = w->first; id < IDS; id += WRITERS) {
            sprintf(name, "c%d", id);
            data_of(id, rev, data);
            watched_mark((uint32_t)(id | SUBMITTED), (uint32_t)rev);
            int64_t got =
                verb_of(rev) == SQ_IMPORT ? kit_put(w->store, name, data) : kit_end(w->store, verb_of(rev), name);
            DREY_CHECK_EQ(got, rev);
            watched_mark((uint32_t)id, (uint32_t)rev);
        }
        int rc = drey_sleep(DREY_MS(2));
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Everything, by several tasks. */
static DREY_ASYNC int write_all(sq_store *store)
{
    work works[WRITERS];
    DREY_SCOPE(writers);
    int rc = 0;
    for (int i = 0; i < WRITERS && rc == 0; i++) {
        works[i] = (work){store, i};
        rc = drey_go(&writers, write_some, &works[i]);
    }
    return drey_scope_close(&writers, rc);
}

static uint32_t answered[IDS], submitted[IDS];

#ifndef CRASH_MARKS_MORE
#define CRASH_MARKS_MORE(what, value) false
#endif

static void marked(uint32_t what, uint32_t value)
{
    if (CRASH_MARKS_MORE(what, value))
        return;
    if (what & SUBMITTED)
        submitted[what & ~(uint32_t)SUBMITTED] = value;
    else
        answered[what] = value;
}

/* 1: as it must be. */
static DREY_ASYNC int check_context(sq_store *store, int id)
{
    char name[16], data[8192];
    const sq_revision *found = NULL;
    sq_error error;
    sprintf(name, "c%d", id);
    for (uint32_t rev = submitted[id]; rev > 0 && rev >= answered[id] && !found; rev--) {
        if (store->ops->get(store, "p", name, rev, &found, &error) < 0 && error.code != SQ_NOT_FOUND) {
            printf("# %s rev %u: %s\n", name, rev, error.message);
            return 0;
        }
    }
    if (!found && answered[id] > 0)
        printf("# %s: rev %u was answered and is lost\n", name, answered[id]);
    if (!found)
        return answered[id] == 0;
    data_of(id, (int)found->rev, data);
    bool same = verb_of((int)found->rev) != SQ_IMPORT ? !found->data : found->data && strcmp(found->data, data) == 0;
    if (!same)
        printf("# %s rev %lld: is not what was written\n", name, (long long)found->rev);
    sq_revision_unref(found);
    return same;
}

/* Of the store: 1: the image holds all that was answered, and is sound; and how to remove an image. */
static DREY_ASYNC int check_image(const char *folder);
static void empty_folder(const char *folder);

/* Opens images of `points` moments; how many were bad. */
static DREY_ASYNC int check_images(int points, bool stop_at_first, int *out_images)
{
    static const watched_loss losses[] = {WATCHED_ALL, WATCHED_SOME, WATCHED_TORN};
    char folder[512];
    snprintf(folder, sizeof folder, "%s/image", drey_test_dir());
    DREY_CHECK_EQ(drey_dir_make(folder, 0700), 0);
    memset(answered, 0, sizeof answered);
    memset(submitted, 0, sizeof submitted);
    watched_player *player = watched_play();
    int bad = 0;
    *out_images = 0;
    for (int i = 1; i <= points && !(bad && stop_at_first); i++) {
        size_t at = watched_operations() * (size_t)i / (size_t)points;
        watched_play_to(player, at, marked);
        for (size_t loss = 0; loss < sizeof losses / sizeof *losses; loss++, (*out_images)++) {
            empty_folder(folder);
            DREY_CHECK(watched_image(player, losses[loss], at * 4 + loss, folder));
            int good = check_image(folder);
            if (good <= 0)
                printf("# cut after operation %zu of %zu, loss %d\n", at, watched_operations(), losses[loss]);
            bad += good <= 0;
        }
    }
    watched_play_end(player);
    watched_forget();
    return bad;
}
