/* SPDX-License-Identifier: MIT */
/*
 * A pipeline over a channel, a select, a broadcast and a watch.
 *
 * Prints:
 *     sum of 1 to 100: 5050
 *     queue: 7
 *     queue: 8
 *     stopped
 *     subscribers heard: restart restart
 *     configuration 2: verbose
 */
#include <drey.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct pipeline {
    drey_chan *numbers;
    atomic_int sum;
} pipeline;

static DREY_ASYNC int produce(void *arg)
{
    pipeline *p = arg;
    int rc = 0;
    for (int i = 1; i <= 100 && rc == 0; i++)
        rc = drey_chan_send(p->numbers, &i);          /* waits while 8 are queued */
    drey_chan_close(p->numbers);                      /* nothing more will come */
    return rc;
}

static DREY_ASYNC int consume(void *arg)
{
    pipeline *p = arg;
    int n, rc;
    while ((rc = drey_chan_recv(p->numbers, &n)) == 0)
        atomic_fetch_add(&p->sum, n);
    return rc == -EPIPE ? 0 : rc;                     /* closed and empty: done */
}

static DREY_ASYNC int run_pipeline(void)
{
    pipeline p = {0};
    int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(int), .capacity = 8}, &p.numbers);
    if (rc < 0)
        return rc;
    DREY_SCOPE(scope);
    rc = drey_go(&scope, produce, &p);
    for (int i = 0; i < 4 && rc == 0; i++)
        rc = drey_go(&scope, consume, &p);
    rc = drey_scope_close(&scope, rc);
    printf("sum of 1 to 100: %d\n", p.sum);
    drey_chan_unref(p.numbers);
    return rc;
}

/* Messages until the token fires: whichever comes first, and exactly one of them takes effect. */
static DREY_ASYNC int receive_until(drey_chan *queue, drey_token *stop)
{
    for (;;) {
        int message;
        drey_case cases[] = {drey_on_recv(queue, &message), drey_on_token(stop)};
        int which = drey_select(cases, 2);
        if (which < 0)
            return which;
        if (which == 1 || cases[0].result < 0)
            break;
        printf("queue: %d\n", message);
        if (message == 8)
            drey_token_cancel(stop, "that was the last one");
    }
    puts("stopped");
    return 0;
}

static DREY_ASYNC int run_select(void)
{
    drey_chan *queue;
    drey_token *stop;
    int rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(int), .capacity = 2}, &queue);
    if (rc < 0)
        return rc;
    rc = drey_token_new(NULL, &stop);
    if (rc == 0) {
        rc = drey_chan_try_send(queue, &(int){7});
        if (rc == 0)
            rc = drey_chan_try_send(queue, &(int){8});
        if (rc == 0)
            rc = receive_until(queue, stop);
        drey_token_unref(stop);
    }
    drey_chan_unref(queue);
    return rc;
}

/* Every subscriber gets every message, unless it falls more than the capacity behind. */
static DREY_ASYNC int run_broadcast(void)
{
    drey_broadcast *news;
    drey_subscription readers[2];
    const char *heard[2] = {"", ""};
    int rc = drey_broadcast_new(sizeof(char *), 4, &news);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2; i++)
        drey_subscription_open(&readers[i], news);
    rc = drey_broadcast_send(news, &(const char *){"restart"});
    for (int i = 0; i < 2; i++) {
        uint64_t missed;
        if (rc == 0)
            rc = drey_broadcast_recv(&readers[i], &heard[i], &missed);
        drey_subscription_close(&readers[i]);
    }
    printf("subscribers heard: %s %s\n", heard[0], heard[1]);
    drey_broadcast_unref(news);
    return rc;
}

/* A watch holds one value; readers see the newest, and may skip some. */
static DREY_ASYNC int run_watch(void)
{
    drey_watch *configuration;
    const char *value = "quiet";
    uint64_t seen = 0;
    int rc = drey_watch_new(sizeof value, &value, &configuration);
    if (rc < 0)
        return rc;
    drey_watch_set(configuration, &(const char *){"verbose"});
    rc = drey_watch_wait(configuration, &seen, &value);
    if (rc == 0)
        printf("configuration %d: %s\n", (int)seen, value);
    drey_watch_unref(configuration);
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    int rc = run_pipeline();
    if (rc == 0)
        rc = run_select();
    if (rc == 0)
        rc = run_broadcast();
    return rc == 0 ? run_watch() : rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
