/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

enum { WORDS = 50000 };

static uint64_t seed = 1;

uint64_t bench_draw(void)
{
    uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void word_of(unsigned rank, char out[BENCH_WORD_ROOM])
{
    static const char *const parts[] = {"ba", "ke", "lo", "mi", "nu", "pra", "ste", "tri",
                                        "vo", "zu", "an", "er", "is", "ot",  "ul",  "che"};
    size_t at = 0;
    for (unsigned left = rank + 16; left > 0; left /= 16)
        at += (size_t)snprintf(out + at, BENCH_WORD_ROOM - at, "%s", parts[left % 16]);
}

static unsigned any_rank(void)
{
    double u = (double)(bench_draw() >> 11) / 9007199254740992.0;
    return (unsigned)exp(u * log(WORDS)) - 1;
}

static void make(long i, char out[BENCH_BODY_ROOM])
{
    size_t at = (size_t)snprintf(out, BENCH_BODY_ROOM, "{\"n\":%ld,\"notes\":\"", i);
    while (at < BENCH_BODY - 20) {
        char word[BENCH_WORD_ROOM];
        word_of(any_rank(), word);
        at += (size_t)snprintf(out + at, 32, "%s ", word);
    }
    memcpy(out + at, "\"}", 3);
}

static char (*made)[BENCH_BODY_ROOM];
static long made_count;

void bench_make_bodies(long count)
{
    made = calloc((size_t)count, sizeof *made);
    for (; made && made_count < count; made_count++)
        make(made_count, made[made_count]);
}

void bench_body(long i, char out[BENCH_BODY_ROOM])
{
    if (made)
        memcpy(out, made[i % made_count], sizeof *made);
    else
        make(i, out);
}

void bench_query(int i, char out[BENCH_WORD_ROOM])
{
    word_of((unsigned)pow(WORDS, (double)(i % BENCH_QUERIES) / BENCH_QUERIES) - 1, out);
    if (i % 4 == 3)
        memcpy(out + 3, "*", 2);
}

const char *bench_project(long i)
{
    return i % 10 ? "big" : "small";
}

sq_write bench_write(long i, char id[32], char body[BENCH_BODY_ROOM])
{
    snprintf(id, 32, "c%ld", i);
    bench_body(i, body);
    return (sq_write){
        .verb = SQ_IMPORT,
        .project = bench_project(i),
        .id = id,
        .set = SQ_SET_DATA,
        .data = body,
        .data_bytes = strlen(body),
        .expected_rev = SQ_REV_FORCE,
        .principal = "bench",
    };
}
