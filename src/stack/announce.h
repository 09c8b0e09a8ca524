/* SPDX-License-Identifier: MIT */
/*
 * Tell AddressSanitizer and ThreadSanitizer about stacks and switches, so that users can check their programs.
 * Nothing in a normal build. ThreadSanitizer's fiber belongs to the stack: functions that abandon a stack instead of
 * returning carry DREY__UNTRACED, or its shadow call stack would grow with each reuse.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "stack/stack.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DREY__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define DREY__TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(DREY__ASAN)
#define DREY__ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(DREY__TSAN)
#define DREY__TSAN 1
#endif

/* ThreadSanitizer follows descriptors by the C library's open and close, and delivers signals in its blocking calls. */
#ifdef DREY__TSAN
enum { DREY__KNOWN_CALLS_ONLY = 1 };
#else
enum { DREY__KNOWN_CALLS_ONLY = 0 };
#endif

/* For functions that look at memory whose owner has gone. */
#ifdef DREY__ASAN
#define DREY__UNCHECKED __attribute__((no_sanitize("address")))
#else
#define DREY__UNCHECKED
#endif

#ifdef DREY__ASAN
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);
#endif
#ifdef DREY__TSAN
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void *fiber);
void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#endif

#if defined(DREY__TSAN) && defined(__clang__)
#define DREY__UNTRACED __attribute__((disable_sanitizer_instrumentation))
#elif defined(DREY__TSAN)
#define DREY__UNTRACED __attribute__((no_sanitize_thread, noipa)) /* or parts move to instrumented callers */
#else
#define DREY__UNTRACED
#endif

static inline void drey__announce_new(struct drey__stack *s)
{
#ifdef DREY__ASAN
    __asan_unpoison_memory_region(s->bottom, (size_t)((char *)s->top - s->bottom));
#endif
#ifdef DREY__TSAN
    s->sanitizer_fiber = __tsan_create_fiber(0);
#endif
    (void)s;
}

static inline void drey__announce_reuse(struct drey__stack *s)
{
#ifdef DREY__ASAN
    __asan_unpoison_memory_region(s->bottom, (size_t)((char *)s->top - s->bottom));
#endif
    (void)s;
}

static inline void drey__announce_end(struct drey__stack *s)
{
#ifdef DREY__TSAN
    __tsan_destroy_fiber(s->sanitizer_fiber);
#endif
    (void)s;
}

/* Just before the switch from one stack to another; `abandoned`: nothing on `from` will run again. */
static inline __attribute__((always_inline)) void drey__announce_leave(struct drey__stack *from, struct drey__stack *to,
                                                                       bool abandoned)
{
#ifdef DREY__ASAN
    __sanitizer_start_switch_fiber(abandoned ? NULL : &from->sanitizer_frames, to->bottom,
                                   (size_t)((char *)to->top - to->bottom));
#endif
#ifdef DREY__TSAN
    __tsan_switch_to_fiber(to->sanitizer_fiber, 0);
#endif
    (void)from, (void)to, (void)abandoned;
}

/* Just after a switch, on the stack that was switched to. */
static inline __attribute__((always_inline)) void drey__announce_arrive(struct drey__stack *self)
{
#ifdef DREY__ASAN
    __sanitizer_finish_switch_fiber(self->sanitizer_frames, NULL, NULL);
    self->sanitizer_frames = NULL;
#endif
    (void)self;
}
