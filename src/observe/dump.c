/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "observe/observe.h"
#include "sched/look.h"
#include "scope/scope.h"

enum { NAME_BYTES = 192, NAMES = 128, INDENT_MAX = 40 };

/* Finding a name means searching a file, and stacks share most of theirs. */
struct name {
    const void *of;
    char text[NAME_BYTES];
};

/* One dump; on the heap, since the caller may be a task with a small stack. */
struct dump {
    int fd, rc;
    size_t used;
    char bytes[8192];
    char name[NAME_BYTES];
    struct name names[NAMES]; /* of places found last, by address */
    uint32_t count;           /* of the rows that are filled */
    struct drey__stacks stacks;
    struct drey__row rows[DREY__ROWS_MAX];
};

static void flush(struct dump *d)
{
    for (size_t done = 0; done < d->used && d->rc == 0;) {
        ssize_t n = write(d->fd, d->bytes + done, d->used - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            d->rc = -errno;
    }
    d->used = 0;
}

static __attribute__((format(printf, 2, 3))) void say(struct dump *d, const char *format, ...)
{
    va_list args;
    if (sizeof d->bytes - d->used < 1024)
        flush(d);
    va_start(args, format);
    int n = vsnprintf(d->bytes + d->used, sizeof d->bytes - d->used, format, args);
    va_end(args);
    size_t room = sizeof d->bytes - d->used - 1;
    d->used += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
}

static const char *function(struct dump *d, const void *fn)
{
    return drey__function_name(fn, d->name, sizeof d->name);
}

static const char *place(struct dump *d, const void *at)
{
    struct name *n = &d->names[((uintptr_t)at ^ (uintptr_t)at >> 7) % NAMES];
    if (n->of != at) {
        n->of = at;
        drey__place_name(at, n->text, sizeof n->text);
    }
    return n->of != NULL ? n->text : "an unknown place";
}

/* `such`: how many siblings in a row are alike. */
static void say_task(struct dump *d, const struct drey__row *row, unsigned such)
{
    static const char *const states[] = {
        [DREY__FRESH] = "not started", [DREY__RUNNING] = "running", [DREY__READY] = "ready",
        [DREY__PARKED] = "waits",      [DREY__DORMANT] = "dormant", [DREY__ENDED] = "ended",
    };
    say(d, "task %s: %s", row->fn != NULL ? function(d, row->fn) : "without a stack", states[row->state]);
    if (row->state == DREY__PARKED && row->text != NULL) {
        say(d, " for %s", row->text);
        if (row->object != NULL)
            say(d, " %p", row->object);
        say(d, ", called at %s", place(d, row->place));
    }
    for (unsigned i = 0; i < row->held_count && i < DREY__ROW_LOCKS; i++)
        say(d, "; holds lock %p taken at %s", row->held[i], place(d, row->held_at[i]));
    if (row->held_count > DREY__ROW_LOCKS)
        say(d, "; holds %d more locks", row->held_count - DREY__ROW_LOCKS);
    say(d, such > 1 ? " (worker %u; %u such)\n" : " (worker %u)\n", row->worker, such);
}

static void say_frames(struct dump *d, const struct drey__row *row, int indent)
{
    if (row->frames == 0)
        return;
    const struct drey__frames *f = &d->stacks.kept[row->frames];
    bool said = row->state == DREY__PARKED && row->text != NULL && f->count > 0 && f->at[0] == row->place;
    for (unsigned i = said ? 1 : 0; i < f->count; i++) /* the task's own line has the first */
        say(d, "%*scalled from %s\n", indent, "", place(d, f->at[i]));
    if (f->end == DREY__FRAMES_MORE)
        say(d, "%*sand more\n", indent, "");
    if (f->end == DREY__FRAMES_BROKEN)
        say(d, "%*sthe rest of its stack cannot be read\n", indent, "");
}

static const char *cause_name(uint32_t cause)
{
    switch (cause) {
    case DREY_CAUSE_FAILURE:
        return "a failure";
    case DREY_CAUSE_DEADLINE:
        return "its deadline";
    case DREY_CAUSE_TOKEN:
        return "its token";
    case DREY_CAUSE_REQUEST:
        return "request";
    case DREY_CAUSE_SHUTDOWN:
        return "shutdown";
    case DREY__CAUSE_FINISH:
        return "the end of all but its daemons";
    default:
        return "an outer scope";
    }
}

static uint32_t rows_below(const struct dump *d, const struct drey__row *row)
{
    uint32_t n = 0;
    for (uint32_t i = row->first; i != 0; i = d->rows[i].next)
        n++;
    return n;
}

static void say_scope(struct dump *d, const struct drey__row *row)
{
    uint32_t shown = rows_below(d, row);
    say(d, "scope");
    if (row->text != NULL)
        say(d, " %.200s", row->text);
    if (row->text2 != NULL)
        say(d, " opened at %.200s", row->text2);
    say(d, ": %" PRIu32 " children", row->live);
    if (row->live > shown)
        say(d, ", of which %" PRIu32 " have not started or not waited yet", row->live - shown);
    if (row->limit != 0)
        say(d, "; %" PRIu32 " of at most %" PRIu32 " admitted", row->running, row->limit);
    if (row->failed != 0)
        say(d, "; %" PRIu32 " failed", row->failed);
    if (row->cause != DREY_CAUSE_NONE)
        say(d, "; cancelled by %s", cause_name(row->cause));
    else if (row->deadline != 0)
        say(d, "; %" PRId64 " ms left", (row->deadline - drey__clock_now()) / 1000000);
    say(d, "\n");
}

static bool alike(const struct drey__row *a, const struct drey__row *b)
{
    return !a->is_scope && !b->is_scope && a->fn == b->fn && a->state == b->state && a->text == b->text &&
           a->place == b->place && a->frames == b->frames && a->worker == b->worker &&
           a->held_count + b->held_count == 0 && a->first + b->first == 0;
}

static void say_tree(struct dump *d)
{
    unsigned depth = 0;
    drey__tree_link(d->rows, d->count);
    for (uint32_t i = drey__tree_next(d->rows, 0, &depth); i != 0; i = drey__tree_next(d->rows, i, &depth)) {
        const struct drey__row *row = &d->rows[i];
        unsigned such = 1;
        int indent = 2 * (depth - 1) < INDENT_MAX ? 2 * (int)(depth - 1) : INDENT_MAX;
        for (; d->rows[i].next != 0 && alike(row, &d->rows[d->rows[i].next]); such++)
            i = d->rows[i].next;
        say(d, "%*s", indent, "");
        if (row->is_scope) {
            say_scope(d, row);
        } else {
            say_task(d, row, such);
            say_frames(d, row, indent + 4);
        }
    }
}

static void say_worker(struct dump *d, struct drey__worker *w)
{
    bool asleep = atomic_load_explicit(&w->asleep, memory_order_relaxed) != 0;
    struct drey__snapshot seen = {.rows = d->rows + d->count, .room = DREY__ROWS_MAX - d->count, .stacks = &d->stacks};
    say(d, "worker %u: ", w->index);
    if (!drey__ask(w, drey__snapshot_take, &seen)) {
        drey_fn *fn = drey__peek_function(w);
        say(d, "busy in %s; no answer within %d ms, so its tasks are not shown\n",
            fn != NULL ? function(d, fn) : "no task", DREY__PATIENCE_MS);
        return;
    }
    d->count += seen.count;
    if (asleep || seen.current == NULL)
        say(d, "%s", asleep ? "asleep" : "between two tasks");
    else
        say(d, "in %s", function(d, seen.current));
    say(d, "; %" PRIu32 " tasks ready, %" PRIu32 " not started, %" PRIu64 " timers\n", seen.ready, seen.fresh,
        seen.timers);
    if (seen.full)
        say(d, "  (more than %d tasks and scopes: the rest of its own is not shown)\n", DREY__ROWS_MAX);
}

static void say_all(struct dump *d)
{
    drey_counters c;
    drey__counters_take(&c);
    const char *name = drey__rt.config.name;
    say(d, "runtime%s%.100s: %u workers, I/O by %s, %s clock\n", name != NULL ? " " : "", name != NULL ? name : "",
        drey__rt.count, c.io_backend, drey__clock_virtual ? "virtual" : "real");
    say(d,
        "tasks: %" PRIu64 " live: %" PRIu64 " not started, %" PRIu64 " running or ready, %" PRIu64 " waiting, %" PRIu64
        " dormant\n",
        c.tasks_live, c.tasks_unstarted, c.tasks_started, c.tasks_parked, c.tasks_dormant);
    say(d, "outside: %" PRIu64 " operations in flight, %" PRIu64 " jobs running, %" PRIu64 " jobs queued\n",
        c.io_inflight, c.pool_running, c.pool_queued);
    for (unsigned i = 0; i < drey__rt.count; i++)
        say_worker(d, drey__rt.workers[i]);
    if (d->stacks.full)
        say(d, "(more than %d different stacks: the others are not shown)\n", DREY__STACKS_MAX);
    say_tree(d);
}

int drey_dump(int fd)
{
    struct dump *d = drey__alloc(sizeof *d);
    if (d == NULL)
        return -ENOMEM;
    d->fd = fd;
    d->rc = 0;
    d->used = 0;
    d->count = 1;
    d->stacks.full = false;
    d->stacks.count = 0;
    memset(d->stacks.bucket, 0, sizeof d->stacks.bucket);
    for (unsigned i = 0; i < NAMES; i++)
        d->names[i].of = NULL;
    drey__look_begin();
    if (drey__rt.workers == NULL || drey__rt.count == 0)
        say(d, "no runtime runs\n");
    else
        say_all(d);
    drey__look_end();
    flush(d);
    int rc = d->rc;
    drey__free(d);
    return rc;
}
