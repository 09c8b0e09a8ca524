/* SPDX-License-Identifier: MIT */
/* Calls over the store protocol, and what clients see when owners die, drain and come anew. */
#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport_kit.h"

DREY_TEST(a_call_is_answered, .schedules = 5)
{
    owner o;
    way w = way_to("s");
    sq_client client;
    char got[64];
    sq_error error;
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    DREY_CHECK_EQ(ask(&client, "echo hello", NULL, got, sizeof got, &error), 0);
    DREY_CHECK_STR(got, "hello");
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

DREY_TEST(many_tasks_share_a_connection_and_get_their_own_answers, .workers = 2)
{
    enum { TASKS = 500 };
    owner o;
    way w = way_to("s");
    sq_client client;
    static asking all[TASKS];
    static char requests[TASKS][32];
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        for (int i = 0; i < TASKS; i++) {
            snprintf(requests[i], sizeof requests[i], "echo %d", i);
            all[i] = (asking){.client = &client, .request = requests[i]};
            DREY_CHECK_EQ(drey_go(&tasks, ask_task, &all[i]), 0);
        }
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    for (int i = 0; i < TASKS; i++) {
        DREY_CHECK_EQ(all[i].rc, 0);
        DREY_CHECK_EQ(atoi(all[i].answer), i);
    }
    DREY_CHECK_EQ(w.attempts, 1);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* A connection has 64 calls at work at most, and the owner no more than it was told, of all. */
DREY_TEST(calls_at_work_are_limited)
{
    enum { TASKS = 300, CLIENTS = 2 };
    owner o;
    way w = way_to("s");
    sq_client clients[CLIENTS];
    static asking all[TASKS];
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){.calls = 100}), 0);
    for (int i = 0; i < CLIENTS; i++)
        DREY_CHECK_EQ(sq_client_open(&clients[i], &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        for (int i = 0; i < TASKS; i++) {
            all[i] = (asking){.client = &clients[i % CLIENTS], .request = "slow"};
            DREY_CHECK_EQ(drey_go(&tasks, ask_task, &all[i]), 0);
        }
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(atomic_load(&o.running), 100);
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(atomic_load(&o.most_running), 100);
    for (int i = 0; i < TASKS; i++)
        DREY_CHECK_EQ(all[i].rc, 0);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    for (int i = 0; i < CLIENTS; i++)
        sq_client_close(&clients[i]);
    return drey_scope_close(&scope, 0);
}

/* S3: latency, not an error. */
DREY_TEST(an_owner_that_dies_costs_time_and_no_error, .schedules = 5)
{
    owner first, second;
    way w = way_to("s");
    sq_client client;
    asking read = {.client = &client, .request = "slow"}, change = {.client = &client, .request = "slow", .key = "k1"};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&first, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &read), 0);
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &change), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(atomic_load(&first.running), 2);
        DREY_CHECK_EQ(owner_end(&first, true), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(owner_start(&second, &scope, w.path, (sq_server_options){0}), 0);
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(read.rc, 0);
    DREY_CHECK_EQ(change.rc, 0);
    DREY_CHECK_EQ(atomic_load(&second.calls), 2);
    DREY_CHECK_EQ(w.attempts, 2);
    DREY_CHECK_EQ(owner_end(&second, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* S4: a change that was sent may be written; one that was not, and a question, are not. */
DREY_TEST(the_outcome_is_unknown_only_of_changes_that_were_sent)
{
    owner o;
    way w = way_to("s");
    w.failures = 20;
    sq_client client;
    asking read = {.client = &client, .request = "slow"}, change = {.client = &client, .request = "slow", .key = "k1"},
           late = {.client = &client, .request = "slow", .key = "k2"};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &read), 0);
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &change), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(owner_end(&o, true), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0); /* the loss is noticed */
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &late), 0);
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(read.rc, -EINVAL);
    DREY_CHECK_EQ(read.error.code, SQ_STORE_BUSY);
    DREY_CHECK_EQ(change.rc, -EINVAL);
    DREY_CHECK_EQ(change.error.code, SQ_UNKNOWN_OUTCOME);
    DREY_CHECK(strstr(change.error.message, "--key k1") != NULL);
    DREY_CHECK_EQ(late.error.code, SQ_STORE_BUSY);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* Draining answers what is at work, and what was not taken goes to the next owner. */
DREY_TEST(an_owner_that_drains_answers_what_it_has_taken)
{
    owner first, second;
    way w = way_to("s");
    sq_client client;
    asking a = {.client = &client, .request = "slow", .key = "a"};
    asking b = {.client = &client, .request = "slow", .key = "b"};
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&first, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .name = "tasks");
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &a), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        drey_token_cancel(first.stop, "the test");
        DREY_CHECK_EQ(drey_sleep(DREY_MS(100)), 0);
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &b), 0);
        DREY_CHECK_EQ(owner_end(&first, false), 0);
        DREY_CHECK_EQ(owner_start(&second, &scope, w.path, (sq_server_options){0}), 0);
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(a.rc, 0);
    DREY_CHECK_EQ(b.rc, 0);
    DREY_CHECK_EQ(atomic_load(&first.calls), 1);
    DREY_CHECK_EQ(atomic_load(&first.cancelled), 0);
    DREY_CHECK_EQ(atomic_load(&second.calls), 1);
    DREY_CHECK_EQ(owner_end(&second, false), 0);
    sq_client_close(&client);
    return drey_scope_close(&scope, 0);
}

/* S20: cancelling ends the work, not only the wait; what a group holds already is waited for, and its result told. */
DREY_TEST(cancelling_a_call_ends_its_work)
{
    owner o;
    way w = way_to("s");
    sq_client client;
    drey_token *stop;
    asking read = {.client = &client, .request = "wait"}, change = {.client = &client, .request = "wait", .key = "k"},
           grouped = {.client = &client, .request = "stay", .key = "g"};
    DREY_CHECK_EQ(drey_token_new(NULL, &stop), 0);
    DREY_SCOPE(scope, .name = "test");
    DREY_CHECK_EQ(owner_start(&o, &scope, w.path, (sq_server_options){0}), 0);
    DREY_CHECK_EQ(sq_client_open(&client, &scope, (sq_connector){connect_way, &w}), 0);
    {
        DREY_SCOPE(tasks, .token = stop, .keep_going = true, .name = "tasks");
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &read), 0);
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &change), 0);
        DREY_CHECK_EQ(drey_go(&tasks, ask_task, &grouped), 0);
        DREY_CHECK_EQ(drey_sleep(DREY_MS(500)), 0);
        DREY_CHECK_EQ(atomic_load(&o.running), 3);
        drey_token_cancel(stop, "the test");
        DREY_CHECK_EQ(drey_scope_close(&tasks, 0), 0);
    }
    DREY_CHECK_EQ(read.rc, -ECANCELED);
    DREY_CHECK_EQ(change.rc, 0);
    DREY_CHECK_STR(change.answer, "failed cancelled"); /* the handler's own word for it */
    DREY_CHECK_EQ(grouped.rc, 0);
    DREY_CHECK_STR(grouped.answer, "");
    DREY_CHECK_EQ(atomic_load(&o.cancelled), 2);
    DREY_CHECK_EQ(owner_end(&o, false), 0);
    sq_client_close(&client);
    drey_token_unref(stop);
    return drey_scope_close(&scope, 0);
}

DREY_TEST_MAIN()
