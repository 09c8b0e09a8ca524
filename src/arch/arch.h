/* SPDX-License-Identifier: MIT */
/*
 * The context switch, one assembly file a processor.
 *
 * It must stay an external symbol in its own file: gcc's ipa-reference assumes that a static variable does not change
 * across inline assembly that enters another stack, in spite of a memory clobber, and reads stale values.
 *
 * Only what a called function must preserve is saved. The floating-point control words are not: a task that changes
 * the rounding mode changes it for its worker (documented in docs/design/switch.md).
 */
#pragma once

#include <stdint.h>
#include <ucontext.h>

/* Save the caller's registers on its stack, put the stack pointer into *save, continue at the stack pointer `to`. */
void drey__arch_switch(void **save, void *to);

/*
 * The same for a function that does nothing after it but return 0 to the code of users: it continues there by a jump.
 *
 * The processor predicts a return by the call that it remembers, which was the leaving task's. That is the same place
 * as long as both are inside the same functions of ours, and another one where these return to their tasks: a
 * misprediction, as expensive as the rest of the switch. A jump is predicted by where it went before.
 */
int drey__arch_switch_off(void **save, void *to);

/* For a function that returns to the code of users after a switch that others do for it. Never inlined; to be called
 * as the last thing that its caller does. */
#if defined(__x86_64__) && defined(__has_attribute)
#if __has_attribute(function_return)
#define DREY__RETURN_BY_JUMP __attribute__((noinline, function_return("thunk-extern")))
#endif
#endif
#ifndef DREY__RETURN_BY_JUMP
#define DREY__RETURN_BY_JUMP __attribute__((noinline))
#endif

/* Prepare an unused stack whose top is `top` (16-aligned): the first switch to the result calls entry(), which must
 * not return. A debugger's unwinding ends there. */
void *drey__arch_prepare(void *top, void (*entry)(void));

/* Call fn(arg) on the stack whose top is `top` (16-aligned), and come back. */
int drey__arch_call_on(void *top, int (*fn)(void *arg), void *arg);

/*
 * Call fn(arg) here. To an unwinder that goes by the unwind tables it was called by who left `sp` to the switch: that
 * stack's frames follow, to its end. Before the call *mark is set for drey__arch_give_up.
 */
int drey__arch_call_behind(void *sp, int (*fn)(void *arg), void *arg, void *volatile *mark);

/* In the handler of a fault inside that fn, given the handler's context: when the handler returns, the call that set
 * the mark returns -1. What fn holds stays held. */
void drey__arch_given_up(void);
static inline void drey__arch_give_up(void *context, void *mark)
{
    mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    m->gregs[REG_RIP] = (greg_t)(uintptr_t)drey__arch_given_up;
    m->gregs[REG_RSP] = (greg_t)(uintptr_t)mark;
#elif defined(__aarch64__)
    m->pc = (uintptr_t)drey__arch_given_up;
    m->sp = (uintptr_t)mark;
#endif
}
