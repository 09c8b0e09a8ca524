/* SPDX-License-Identifier: MIT */
/* Is a history linearizable? Each key is a register with a rev and a value; the answer is yes if all operations on a
 * key can be put in one order in which each lies between its call and its return, and gives what it gave.
 *
 * The search is Wing and Gong's with Lowe's memory of states that were tried: take any operation whose call comes
 * before every return that is still open, see whether the register allows it, go on, and step back where nothing
 * fits. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum linear_kind {
    LINEAR_READ,      /* gave rev and value; rev 0: absent */
    LINEAR_WRITE,     /* made rev of value */
    LINEAR_CAS,       /* made rev of value out of `expected` */
    LINEAR_REFUSED,   /* a cas that was refused: the register was at `rev`, not at `expected` */
} linear_kind;

typedef struct linear_op {
    linear_kind kind;
    unsigned key;
    int64_t expected, rev, value;
    bool pending;     /* a write whose outcome nobody knows: it happened after its call, or never; rev says nothing */
    int64_t call, back;   /* times: of two operations with back <= call the first came before */
} linear_op;

/* 1: linearizable. 0: not, *out_key says where. -ENOMEM. */
int linear_check(const linear_op *ops, size_t count, unsigned keys, unsigned *out_key);
