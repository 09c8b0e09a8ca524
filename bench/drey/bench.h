/* SPDX-License-Identifier: MIT */
/* drey's side of the table: what the benchmarks share. Each of them runs as the main task of a runtime. */
#pragma once

#include <drey.h>
#include <stdint.h>

typedef double bench_fn(void);                       /* returns its measurement */
typedef void bench_op(void *context, uint64_t n);    /* performs n operations */
typedef int64_t bench_run(void *context);            /* does the work once, returns the ns it measured */

int64_t bench_clock(void);                           /* ns, monotonic */
uint64_t bench_sized(uint64_t usual);                /* the SIZE that was asked for, else the table's */
double bench_steady(bench_op *op, void *context);    /* ns an operation, over a run that is long enough */
double bench_batch(bench_run *run, void *context);   /* ns, median of three runs after one that warms up */
double bench_resident_bytes(void);                   /* resident pages and page tables of this process */
int bench_listener(void);                            /* net.c: of a server for bench-load, which is told its port */
void must(int rc);                                   /* ends the program on failure */

bench_fn bench_yield, bench_yield_100k;                                        /* tasks.c */
bench_fn bench_spawn_join, bench_spawn_batch, bench_skynet;                    /* spawn.c */
bench_fn bench_chan_pingpong, bench_chan_mpmc;                                 /* chan.c */
bench_fn bench_mutex, bench_rwlock_read, bench_sem, bench_mutex_64;            /* locks.c */
bench_fn bench_timeout_ready, bench_timers_1m, bench_cancel_100k;              /* timers.c */
bench_fn bench_mem_unstarted, bench_mem_dormant, bench_mem_parked;             /* memory.c */
bench_fn bench_files_bytes, bench_files_parsed, bench_files_parsed_jansson;    /* files.c */
bench_fn bench_process_100k;                                                   /* files.c */
bench_fn bench_serve, bench_serve_dormant;                                     /* net.c */
bench_fn bench_serve_tls;                                                      /* tls.c */
