/* SPDX-License-Identifier: MIT */
/*
 * Counts how often a cache line moves between threads, and at which place of the code. The library is compiled with
 * -fsanitize=thread, which calls a function at each access to memory; here are these functions. Each line has the set
 * of threads that hold a copy: a read by one that is not in the set, or a write by one that is not alone in it, is a
 * transfer. Accesses inside libc are not seen, and the counting slows the threads: trust the places and the order of
 * magnitude, not the last digit.
 */
#include "count.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_BITS = 6, TABLE_BITS = 20, PLACES = 12, PROBES = 64, SHOWN = 40, SITES = 4096 };

typedef struct {
    const void *pc;
    uint64_t transfers;
    uint32_t offset; /* in the line */
    bool write;
} place;

static struct line {
    _Atomic uint64_t number; /* address / 64; 0: unused */
    _Atomic bool locked;     /* guards what follows */
    uint32_t holders;        /* a bit a thread */
    place places[PLACES];    /* the last one takes what does not fit */
} lines[1u << TABLE_BITS];

static _Atomic bool counting;
static _Atomic uint64_t accesses;
static _Atomic uint32_t threads;
static _Thread_local uint32_t me; /* this thread's bit */

static struct line *line_of(uintptr_t address)
{
    uint64_t number = address >> LINE_BITS, hash = number * 0x9E3779B97F4A7C15u >> (64 - TABLE_BITS);
    for (uint64_t i = 0; i < PROBES; i++) {
        struct line *l = &lines[(hash + i) % (1u << TABLE_BITS)];
        uint64_t found = 0;
        if (l->number == number || __atomic_compare_exchange_n(&l->number, &found, number, false, 5, 5) ||
            found == number)
            return l;
    }
    return NULL;
}

static void add_place(struct line *l, uintptr_t address, bool write, const void *pc)
{
    int i = 0;
    while (i < PLACES - 1 && l->places[i].pc != NULL && l->places[i].pc != pc)
        i++;
    l->places[i] = (place){pc, l->places[i].transfers + 1, (uint32_t)(address % (1u << LINE_BITS)), write};
}

static void touch(uintptr_t address, bool write, const void *pc)
{
    if (!counting)
        return;
    if (me == 0)
        me = 1u << (threads++ % 32);
    struct line *l = line_of(address);
    if (l == NULL)
        return;
    while (__atomic_exchange_n(&l->locked, true, __ATOMIC_ACQUIRE))
        continue;
    accesses++;
    uint32_t after = write ? me : l->holders | me;
    if (l->holders != 0 && l->holders != after)
        add_place(l, address, write, pc);
    l->holders = after;
    __atomic_store_n(&l->locked, false, __ATOMIC_RELEASE);
}

void sharing_count(void)
{
    counting = true;
}

static place sites[SITES];
static int site_count;

static void sum_up(const place *p)
{
    int i = 0;
    while (i < site_count && sites[i].pc != p->pc)
        i++;
    if (i == SITES)
        return;
    site_count += i == site_count;
    sites[i] = (place){p->pc, sites[i].transfers + p->transfers, p->offset, p->write};
}

static int most_first(const void *a, const void *b)
{
    const place *x = a, *y = b;
    return (x->transfers < y->transfers) - (x->transfers > y->transfers);
}

/* One line a place: transfers an operation, R or W, offset in the line, address of the code. */
void sharing_report(double operations)
{
    uint64_t transfers = 0;
    counting = false;
    for (size_t i = 0; i < 1u << TABLE_BITS; i++)
        for (int k = 0; k < PLACES && lines[i].places[k].pc != NULL; k++) {
            transfers += lines[i].places[k].transfers;
            sum_up(&lines[i].places[k]);
        }
    qsort(sites, (size_t)site_count, sizeof(sites[0]), most_first);
    printf("%.1f accesses and %.2f transfers an operation\n", (double)accesses / operations,
           (double)transfers / operations);
    for (int i = 0; i < site_count && i < SHOWN; i++)
        printf("%.4f %c %u %p\n", (double)sites[i].transfers / operations, sites[i].write ? 'W' : 'R', sites[i].offset,
               (const void *)((const char *)sites[i].pc - 1));
}

/* What the compiler calls. Orders are made stronger than asked for, which does not change who touches what. */
#define PLAIN(n)                                                                                   \
    void __tsan_read##n(void *a) { touch((uintptr_t)a, false, __builtin_return_address(0)); }            \
    void __tsan_write##n(void *a) { touch((uintptr_t)a, true, __builtin_return_address(0)); }            \
    void __tsan_unaligned_read##n(void *a) { touch((uintptr_t)a, false, __builtin_return_address(0)); }  \
    void __tsan_unaligned_write##n(void *a) { touch((uintptr_t)a, true, __builtin_return_address(0)); }  \
    void __tsan_volatile_read##n(void *a) { touch((uintptr_t)a, false, __builtin_return_address(0)); }   \
    void __tsan_volatile_write##n(void *a) { touch((uintptr_t)a, true, __builtin_return_address(0)); }
PLAIN(1) PLAIN(2) PLAIN(4) PLAIN(8) PLAIN(16)

static void touch_range(uintptr_t address, unsigned long n, bool write, const void *pc)
{
    for (unsigned long i = 0; i < n; i += 1u << LINE_BITS)
        touch(address + i, write, pc);
}

void __tsan_read_range(void *a, unsigned long n)
{
    touch_range((uintptr_t)a, n, false, __builtin_return_address(0));
}

void __tsan_write_range(void *a, unsigned long n)
{
    touch_range((uintptr_t)a, n, true, __builtin_return_address(0));
}

void __tsan_init(void) {}
void __tsan_func_entry(void *pc) { (void)pc; }
void __tsan_func_exit(void) {}
void __tsan_atomic_thread_fence(int order) { (void)order; __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int order) { (void)order; __atomic_signal_fence(__ATOMIC_SEQ_CST); }

#define TOUCH(write) touch((uintptr_t)a, write, __builtin_return_address(0))
#define CHANGE(bits, type, verb)                                             \
    type __tsan_atomic##bits##_##verb(volatile type *a, type v, int order)   \
    {                                                                        \
        (void)order;                                                         \
        TOUCH(true);                                                         \
        return __atomic_##verb(a, v, __ATOMIC_SEQ_CST);                      \
    }
#define EXCHANGE_IF(bits, type, strength, weak)                                                      \
    int __tsan_atomic##bits##_compare_exchange_##strength(volatile type *a, type *seen, type v, int order, int failed) \
    {                                                                                                \
        (void)order, (void)failed;                                                                   \
        TOUCH(true);                                                                                 \
        return __atomic_compare_exchange_n(a, seen, v, weak, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);    \
    }
#define ATOMIC(bits, type)                                             \
    type __tsan_atomic##bits##_load(const volatile type *a, int order) \
    {                                                                  \
        (void)order;                                                   \
        TOUCH(false);                                                  \
        return __atomic_load_n(a, __ATOMIC_SEQ_CST);                   \
    }                                                                  \
    void __tsan_atomic##bits##_store(volatile type *a, type v, int order) \
    {                                                                  \
        (void)order;                                                   \
        TOUCH(true);                                                   \
        __atomic_store_n(a, v, __ATOMIC_SEQ_CST);                      \
    }                                                                  \
    type __tsan_atomic##bits##_exchange(volatile type *a, type v, int order) \
    {                                                                  \
        (void)order;                                                   \
        TOUCH(true);                                                   \
        return __atomic_exchange_n(a, v, __ATOMIC_SEQ_CST);            \
    }                                                                  \
    CHANGE(bits, type, fetch_add) CHANGE(bits, type, fetch_sub) CHANGE(bits, type, fetch_and) \
    CHANGE(bits, type, fetch_or) CHANGE(bits, type, fetch_xor)         \
    EXCHANGE_IF(bits, type, strong, false) EXCHANGE_IF(bits, type, weak, true)
ATOMIC(8, uint8_t) ATOMIC(16, uint16_t) ATOMIC(32, uint32_t) ATOMIC(64, uint64_t)
