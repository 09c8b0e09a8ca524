/* SPDX-License-Identifier: MIT */
#include "store/wall.h"

#include <drey.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000 };

sq_time sq_wall(void)
{
    return drey_wall() / NS_PER_MS;
}

/* 48 bits of milliseconds, 12 bits of a counter, 62 random bits. The counter starts low in each new millisecond; when
 * it is full, the time of the UUIDs runs ahead of the clock. */
static struct {
    pthread_mutex_t lock;
    uint64_t ms;
    unsigned count;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum { COUNT_MAX = 0xfff, COUNT_START = 0xff };

static void take_number(uint64_t now_ms, uint16_t random, uint64_t *out_ms, unsigned *out_count)
{
    pthread_mutex_lock(&last.lock);
    if (now_ms > last.ms) {
        last.ms = now_ms;
        last.count = random & COUNT_START;
    } else if (last.count++ == COUNT_MAX) {
        last.ms++;
        last.count = random & COUNT_START;
    }
    *out_ms = last.ms;
    *out_count = last.count;
    pthread_mutex_unlock(&last.lock);
}

void sq_uuid7(sq_time now, char out[SQ_UUID_BYTES])
{
    uint8_t random[10];
    uint64_t ms;
    unsigned count;
    if (RAND_bytes(random, sizeof random) != 1)
        abort();   /* OpenSSL has no source of randomness: nothing it makes could be trusted */
    take_number((uint64_t)now, (uint16_t)(random[8] << 8 | random[9]), &ms, &count);
    random[0] = (uint8_t)(0x80 | (random[0] & 0x3f));
    snprintf(out, SQ_UUID_BYTES, "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
             (unsigned)(ms >> 16 & 0xffffffff), (unsigned)(ms & 0xffff), count, random[0], random[1], random[2],
             random[3], random[4], random[5], random[6], random[7]);
}
