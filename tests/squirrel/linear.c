/* SPDX-License-Identifier: MIT */
#include "linear.h"

#include <errno.h>
#include <stdlib.h>

typedef struct state {
    int64_t rev, value;
} state;

/* A call or a return, in the order of time; linked, so that those of a chosen operation can be taken out and put
 * back. */
typedef struct event {
    struct event *next, *before;
    const linear_op *op;
    struct event *back;              /* of a call */
    uint64_t mark[2];                /* random: a set of operations is known by the sum of its marks */
    int64_t time;
} event;

typedef struct chosen {
    event *call;
    state before;
} chosen;

typedef struct tried {
    uint64_t mark[2];
    state state;
    bool taken;
} tried;

typedef struct search {
    event *events, first;            /* first.next is the first event that is still there */
    chosen *stack;
    size_t depth;
    uint64_t mark[2];                /* of what was chosen */
    state state;
    tried *table;
    size_t table_count, table_room;
} search;

static bool allows(state now, const linear_op *op, state *out)
{
    *out = now;
    if (op->kind == LINEAR_READ)
        return now.rev == op->rev && (op->rev == 0 || now.value == op->value);
    if (op->kind == LINEAR_REFUSED)
        return now.rev == op->rev && now.rev != op->expected;
    if (op->kind == LINEAR_CAS && now.rev != op->expected)
        return false;
    *out = (state){now.rev + 1, op->value};
    return op->pending || out->rev == op->rev;
}

static uint64_t slot_of(const tried *t)
{
    return t->mark[0] ^ (uint64_t)t->state.rev * 0x9e3779b97f4a7c15u ^ (uint64_t)t->state.value;
}

static bool same(const tried *a, const tried *b)
{
    return a->mark[0] == b->mark[0] && a->mark[1] == b->mark[1] && a->state.rev == b->state.rev &&
           a->state.value == b->state.value;
}

static int grow(search *s)
{
    size_t room = s->table_room ? 2 * s->table_room : 1024;
    tried *table = calloc(room, sizeof *table);
    if (!table)
        return -ENOMEM;
    for (size_t i = 0; i < s->table_room; i++) {
        uint64_t at = slot_of(&s->table[i]) & (room - 1);
        for (; s->table[i].taken && table[at].taken; at = (at + 1) & (room - 1))
            ;
        if (s->table[i].taken)
            table[at] = s->table[i];
    }
    free(s->table);
    s->table = table;
    s->table_room = room;
    return 0;
}

/* 1: this set of operations with this state is new. */
static int remember(search *s, const uint64_t mark[2], state now)
{
    tried wanted = {.mark = {mark[0], mark[1]}, .state = now, .taken = true};
    if (2 * s->table_count >= s->table_room && grow(s) < 0)
        return -ENOMEM;
    uint64_t at = slot_of(&wanted) & (s->table_room - 1);
    for (; s->table[at].taken; at = (at + 1) & (s->table_room - 1)) {
        if (same(&s->table[at], &wanted))
            return 0;
    }
    s->table[at] = wanted;
    s->table_count++;
    return 1;
}

static void take_out(event *e)
{
    e->before->next = e->next;
    if (e->next)
        e->next->before = e->before;
}

static void put_back(event *e)
{
    e->before->next = e;
    if (e->next)
        e->next->before = e;
}

static void choose(search *s, event *call, state after)
{
    s->stack[s->depth++] = (chosen){call, s->state};
    s->mark[0] += call->mark[0];
    s->mark[1] += call->mark[1];
    s->state = after;
    take_out(call);
    take_out(call->back);
}

static event *step_back(search *s)
{
    chosen last = s->stack[--s->depth];
    put_back(last.call->back);
    put_back(last.call);
    s->state = last.before;
    s->mark[0] -= last.call->mark[0];
    s->mark[1] -= last.call->mark[1];
    return last.call->next;
}

static int run(search *s)
{
    event *e = s->first.next;
    while (e) {
        if (!e->back) {              /* a return: its operation had to come before */
            if (e->op->pending)
                return 1;            /* they are the last, and need not have happened */
            if (s->depth == 0)
                return 0;
            e = step_back(s);
            continue;
        }
        state after;
        bool fits = allows(s->state, e->op, &after);
        uint64_t mark[2] = {s->mark[0] + e->mark[0], s->mark[1] + e->mark[1]};
        int fresh = fits ? remember(s, mark, after) : 0;
        if (fresh < 0)
            return fresh;
        if (fresh) {
            choose(s, e, after);
            e = s->first.next;
        } else {
            e = e->next;
        }
    }
    return 1;
}

/* By time; at the same instant returns come first, so that what is equal does not overlap. */
static int compare(const void *a, const void *b)
{
    const event *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return (left->back != NULL) - (right->back != NULL);
}

static uint64_t random_mark(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;   /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The events of one key: sorted, linked, each call with its return. */
static size_t make_events(search *s, const linear_op *ops, size_t count, unsigned key)
{
    static event here;               /* any address: a call is told by having one */
    uint64_t seed = key;
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        if (ops[i].key != key)
            continue;
        s->events[made++] = (event){.op = &ops[i], .time = ops[i].call, .back = &here};
        s->events[made++] = (event){.op = &ops[i], .time = ops[i].pending ? INT64_MAX : ops[i].back};
    }
    qsort(s->events, made, sizeof *s->events, compare);
    event *before = &s->first;
    for (size_t i = 0; i < made; i++) {
        event *e = &s->events[i];
        before->next = e;
        e->before = before;
        before = e;
        e->mark[0] = random_mark(&seed);
        e->mark[1] = random_mark(&seed);
        for (size_t k = 0; k < i && !e->back; k++) {
            if (s->events[k].op == e->op)
                s->events[k].back = e;
        }
    }
    before->next = NULL;
    return made;
}

static int check_key(const linear_op *ops, size_t count, unsigned key)
{
    search s = {.events = calloc(2 * count + 1, sizeof(event)), .stack = calloc(count + 1, sizeof(chosen))};
    int result = s.events && s.stack ? 1 : -ENOMEM;
    if (result == 1 && make_events(&s, ops, count, key) > 0)
        result = run(&s);
    free(s.events);
    free(s.stack);
    free(s.table);
    return result;
}

int linear_check(const linear_op *ops, size_t count, unsigned keys, unsigned *out_key)
{
    for (unsigned key = 0; key < keys; key++) {
        int result = check_key(ops, count, key);
        if (result != 1) {
            *out_key = key;
            return result;
        }
    }
    return 1;
}
