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

/* Save the caller's registers on its stack, put the stack pointer into *save, continue at the stack pointer `to`. */
void drey__arch_switch(void **save, void *to);

/* Prepare an unused stack whose top is `top` (16-aligned): the first switch to the result calls entry(), which must
 * not return. A debugger's unwinding ends there. */
void *drey__arch_prepare(void *top, void (*entry)(void));

/* Call fn(arg) on the stack whose top is `top` (16-aligned), and come back. */
int drey__arch_call_on(void *top, int (*fn)(void *arg), void *arg);
