/* SPDX-License-Identifier: MIT */
/*
 * Stack overflow, reported by task name (R15). The guard below each stack makes an overflow a SIGSEGV; its handler runs
 * on an alternate stack, finds the stack by the faulting address, says whose it is, and lets the signal kill the
 * process as it would have. Faults that are not ours go to the handler that was there before. A call that may meet
 * broken memory (drey__fault_mark) is ended instead.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/arch.h"
#include "base/alloc.h"
#include "base/base.h"
#include "stack/stack.h"
#include "task/task.h"

enum { ALTERNATE_BYTES = 64 << 10 };

__attribute__((tls_model("initial-exec"))) _Thread_local void *volatile drey__fault_mark;

static struct sigaction old_segv, old_bus;
static _Thread_local void *alternate;
static _Thread_local stack_t old_alternate;

static void report(const struct drey__stack *s)
{
    char place[256];
    drey_fn *leaf = drey__leaf_function(), *fn = leaf != NULL ? leaf : s->fn;
    const char *name = fn != NULL ? drey__function_name((const void *)(uintptr_t)fn, place, sizeof place) : NULL;
    size_t kb = drey__stack_class_bytes(s->size_class) >> 10;
    drey__report(
        "stack overflow in task %s: its stack has %zu KB. Give its scope a larger .stack_size, or run the deep "
        "part by drey_call_deep (R15)",
        name != NULL ? name : "(the scheduler)", kb);
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    void *mark = drey__fault_mark;
    if (mark != NULL && info->si_code > 0) { /* a fault, and nobody's kill */
        drey__arch_give_up(context, mark);
        return;
    }
    struct drey__stack *s = drey__stack_of_guard(info->si_addr);
    struct sigaction *old = signal == SIGSEGV ? &old_segv : &old_bus;
    if (s != NULL) {
        report(s);
        sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL); /* the return faults again, for good */
    } else if ((old->sa_flags & SA_SIGINFO) != 0) {
        old->sa_sigaction(signal, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(signal);
    } else {
        sigaction(signal, old, NULL);
    }
}

void drey__overflow_install(void)
{
    struct sigaction ours = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &ours, &old_segv);
    sigaction(SIGBUS, &ours, &old_bus);
}

void drey__overflow_remove(void)
{
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
}

int drey__overflow_thread_init(void)
{
    alternate = drey__alloc(ALTERNATE_BYTES);
    if (alternate == NULL)
        return -ENOMEM;
    stack_t ours = {.ss_sp = alternate, .ss_size = ALTERNATE_BYTES};
    if (sigaltstack(&ours, &old_alternate) == 0)
        return 0;
    int rc = -errno;
    drey__free(alternate);
    alternate = NULL;
    return rc;
}

void drey__overflow_thread_deinit(void)
{
    sigaltstack(&old_alternate, NULL);
    drey__free(alternate);
    alternate = NULL;
}
