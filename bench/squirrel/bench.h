/* SPDX-License-Identifier: MIT */
/* Measures stores. Each line that is printed is an object of JSON: {"figure": NAME, ...}.
 *
 *     bench-store disk                            what the disk of the current folder takes for an fdatasync
 *     bench-store direct URL GROUP COUNT          writes of 64 tasks, committed in groups of up to GROUP
 *     bench-store fill URL COUNT                  a store with contexts c0, c1, ...: one of ten in project small
 *     bench-store reads URL COUNT                 of such a store: get, create, lists, searches
 *     bench-store owner URL GROUP                 an owner of a store that commits in groups of up to GROUP
 *     bench-store clients URL COUNT CLIENTS       writes over the socket of its owner, each client one after the other
 *     bench-store sustain URL SECONDS CLIENTS     the same for a time, and how far the index was behind
 *     bench-store single URL COUNT STORED         what one client does, of STORED contexts: create, get, search */
#pragma once
#include <drey.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { BENCH_BODY = 1000, BENCH_BODY_ROOM = BENCH_BODY + 64, BENCH_WORD_ROOM = 16, BENCH_QUERIES = 100 };

/* words.c: a document of about BENCH_BODY bytes, in which a word of rank r is as frequent as 1/r, of 50,000 ranks. */
uint64_t bench_draw(void);                                   /* the next of a sequence that is always the same */
void bench_body(long i, char out[BENCH_BODY_ROOM]);
/* Makes them beforehand, so that who is measured does not pay for it; after `count` they come again. */
void bench_make_bodies(long count);
/* The i-th of BENCH_QUERIES: words of all ranks, every fourth a prefix of three letters. */
void bench_query(int i, char out[BENCH_WORD_ROOM]);
sq_write bench_write(long i, char id[32], char body[BENCH_BODY_ROOM]);      /* context ci, in place of what is there */
const char *bench_project(long i);

/* report.c */
double bench_cpu_ms(void);                                   /* of all threads so far */
void bench_report(const char *figure, double *ms, size_t count, double cpu_ms);   /* sorts; cpu: of all of them */
int bench_disk(void);

/* direct.c, clients.c: exit statuses. */
int bench_direct(const char *url, uint32_t group, long count);
int bench_fill(const char *url, long count);
int bench_reads(const char *url, long count);
int bench_owner(const char *url, uint32_t group);
int bench_clients(const char *url, long count, int clients);
int bench_sustain(const char *url, int seconds, int clients);
int bench_single(const char *url, long count, long stored);
