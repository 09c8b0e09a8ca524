/* SPDX-License-Identifier: MIT */
/*
 * Dormant tasks: a thousand sessions that wait without a stack. Each is a record until a message for it comes; then its
 * step runs as a task, and goes back to sleep.
 *
 * Prints:
 *     1000 dormant, none parked
 *     served 3 messages, 1000 sessions ended
 */
#include <drey.h>

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SESSIONS = 1000 };

typedef struct session {
    drey_chan *inbox;
    int message;                                      /* not on a stack: there is none while the session sleeps */
} session;

static session sessions[SESSIONS];
static atomic_int served, ended;

static DREY_ASYNC int step(void *arg, int event)
{
    session *s = arg;
    drey_case next = drey_on_recv(s->inbox, &s->message);
    if (event < 0) {
        atomic_fetch_add(&ended, 1);
        return event;                                 /* cancelled */
    }
    atomic_fetch_add(&served, 1);
    return drey_again_when(&next, 1);                 /* gives the stack back */
}

static DREY_ASYNC int open_sessions(drey_scope *scope)
{
    int rc = 0;
    for (int i = 0; i < SESSIONS && rc == 0; i++) {
        session *s = &sessions[i];
        rc = drey_chan_new((drey_chan_options){.message_bytes = sizeof(int), .capacity = 1}, &s->inbox);
        drey_case first = drey_on_recv(s->inbox, &s->message);
        if (rc == 0)
            rc = drey_go_when(scope, step, s, &first, 1);
    }
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    (void)arg;
    drey_counters counters;
    DREY_SCOPE(scope, .keep_going = true);
    int rc = open_sessions(&scope);
    if (rc == 0)
        rc = drey_sleep(DREY_MS(20));
    drey_counters_get(&counters);
    printf("%" PRIu64 " dormant, %s parked\n", counters.tasks_dormant, counters.tasks_parked == 0 ? "none" : "some");
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = drey_chan_send(sessions[i * 100].inbox, &i);
    while (rc == 0 && atomic_load(&served) < 3)
        rc = drey_yield();
    drey_scope_cancel(&scope, 0, "closing time");
    rc = drey_scope_close(&scope, rc);
    printf("served %d messages, %d sessions ended\n", served, ended);
    for (int i = 0; i < SESSIONS; i++)
        if (sessions[i].inbox != NULL)
            drey_chan_unref(sessions[i].inbox);
    return rc;
}

int main(void)
{
    return drey_run(NULL, run, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
