/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "wait/report.h"
#include "wait/wait.h"

static __attribute__((noreturn, cold)) void full(const struct drey_task *self)
{
    char name[128];
    drey__panic("task %s: a task may hold %d locks at once, and wants one more (R10)",
                drey__task_name(self, name, sizeof name), DREY__HELD_MAX);
}

void drey__held_push_more(struct drey_task *self, const void *lock, const void *place)
{
    unsigned n = self->held;
    if (n == DREY__HELD_MAX)
        full(self);
    self->stack->held[n] = (struct drey__held){.lock = lock, .place = place};
    self->held = (uint8_t)(n + 1);
}

bool drey__held_drop_inner(struct drey_task *self, const void *lock)
{
    struct drey__held *held = self->stack->held;
    const struct drey__held *found = drey__held_find(self, lock);
    if (found == NULL)
        return false;
    size_t i = (size_t)(found - held);
    memmove(&held[i], &held[i + 1], (self->held - i - 1) * sizeof *held);
    self->held--;
    return true;
}
