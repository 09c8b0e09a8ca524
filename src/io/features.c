/* SPDX-License-Identifier: MIT */
#include "io/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

static const struct {
    const char *name;
    uint8_t operations[3]; /* of the kernel's, that it needs; 0 (a no-op): none more */
} features[DREY__URING_FEATURES] = {
    [DREY__IO_OPEN] = {"open", {IORING_OP_OPENAT}},
    [DREY__IO_READ] = {"read", {IORING_OP_READ}},
    [DREY__IO_WRITE] = {"write", {IORING_OP_WRITE}},
    [DREY__IO_SYNC] = {"sync", {IORING_OP_FSYNC}},
    [DREY__IO_SYNC_DATA] = {"sync_data", {IORING_OP_FSYNC}},
    [DREY__IO_CLOSE] = {"close", {IORING_OP_CLOSE}},
    [DREY__IO_RENAME] = {"rename", {IORING_OP_RENAMEAT}},
    [DREY__IO_UNLINK] = {"unlink", {IORING_OP_UNLINKAT}},
    [DREY__URING_CALLS] = {"calls", {IORING_OP_RECV, IORING_OP_SEND, IORING_OP_SENDMSG}},
    [DREY__URING_COOP] = {"coop", {0}},
    [DREY__URING_DEFER] = {"defer", {0}},
};

/* Written by drey__uring_choose. */
static uint32_t forbidden;

static int number_of(const char *name, size_t bytes)
{
    for (int i = 0; i < DREY__URING_FEATURES; i++)
        if (strlen(features[i].name) == bytes && memcmp(features[i].name, name, bytes) == 0)
            return i;
    return -EINVAL;
}

int drey__uring_choose(void)
{
    const char *at = getenv("DREY_URING_WITHOUT");
    forbidden = 0;
    while (at != NULL && *at != '\0') {
        size_t bytes = strcspn(at, ",");
        int feature = number_of(at, bytes);
        if (feature < 0) {
            drey__report("DREY_URING_WITHOUT names \"%.*s\": the features are open, read, write, sync, sync_data, "
                         "close, rename, unlink, calls, coop and defer, with commas between",
                         (int)bytes, at);
            return -EINVAL;
        }
        forbidden |= 1u << feature;
        at += bytes + (at[bytes] == ',');
    }
    return 0;
}

bool drey__uring_allows(unsigned feature)
{
    return (forbidden >> feature & 1) == 0;
}

static bool has(const struct io_uring_probe *probe, const uint8_t operations[3])
{
    for (int i = 0; i < 3 && operations[i] != 0; i++)
        if (!io_uring_opcode_supported(probe, operations[i]))
            return false;
    return true;
}

uint32_t drey__uring_features(struct io_uring *uring)
{
    uint32_t found = 0;
    struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
    for (unsigned i = 0; probe != NULL && i < DREY__URING_FEATURES; i++)
        if (drey__uring_allows(i) && has(probe, features[i].operations))
            found |= 1u << i;
    io_uring_free_probe(probe);
    return found;
}
