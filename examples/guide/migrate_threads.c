/* SPDX-License-Identifier: MIT */
/*
 * Before the migration: a thread for each context, a mutex around a table, a join loop. If one fails, the others run
 * on; nothing limits how many threads there are; nothing ends the slow ones. migrate_tasks.c is the same with drey.
 *
 * Prints:
 *     5 contexts, 25 bytes
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CONTEXTS = 5 };

typedef struct totals {
    pthread_mutex_t lock;
    size_t count, bytes;                              /* under lock */
} totals;

static totals all = {.lock = PTHREAD_MUTEX_INITIALIZER};
static char ids[CONTEXTS][6] = {"alpha", "bravo", "delta", "gamma", "omega"};

static void *process(void *arg)
{
    const char *id = arg;
    usleep(1000);                                     /* stands for reading a file */
    pthread_mutex_lock(&all.lock);
    all.count++;
    all.bytes += strlen(id);
    pthread_mutex_unlock(&all.lock);
    return NULL;
}

static int process_all(void)
{
    pthread_t threads[CONTEXTS];
    int failure = 0, started = 0;
    while (started < CONTEXTS && (failure = pthread_create(&threads[started], NULL, process, ids[started])) == 0)
        started++;
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    return -failure;
}

int main(void)
{
    int rc = process_all();
    printf("%zu contexts, %zu bytes\n", all.count, all.bytes);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
