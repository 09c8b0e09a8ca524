/* SPDX-License-Identifier: MIT */
/* Accept loops: limits, stopping, a lack of descriptors or memory (R19), dormant connections (R9), draining (R18). */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "on_both.h"

enum { CLIENTS = 20 };

static struct {
    drey_addr at;
    int listener, rc;
    drey_token *stop;
    drey_serve_options options;
    drey_scope scope;
    atomic_int reports, now, most, served;
    int last_error;
} server;

static int open_server(drey_serve_options options)
{
    DREY_CHECK_EQ(drey_addr_parse("127.0.0.1:0", &server.at), 0);
    server.listener = drey_listen(&server.at, (drey_listen_options){0});
    DREY_CHECK(server.listener >= 0);
    DREY_CHECK_EQ(drey_addr_of(server.listener, &server.at), 0);
    DREY_CHECK_EQ(drey_token_new(NULL, &server.stop), 0);
    server.options = options;
    server.options.stop = server.stop;
    server.rc = 1;
    return 0;
}

static DREY_ASYNC void close_server(void)
{
    drey_token_unref(server.stop);
    drey_close(server.listener);
}

static void report(void *arg, int error)
{
    (void)arg;
    server.last_error = error;
    atomic_fetch_add(&server.reports, 1);
}

/* Echo until the client ends. */
static DREY_ASYNC int echo(void *arg, int fd)
{
    char buffer[64];
    ssize_t n;
    (void)arg;
    int now = atomic_fetch_add(&server.now, 1) + 1, most = atomic_load(&server.most);
    while (now > most && !atomic_compare_exchange_weak(&server.most, &most, now)) {
    }
    while ((n = drey_read(fd, buffer, sizeof buffer)) > 0)
        if (drey_write_all(fd, buffer, (size_t)n, NULL) < 0)
            break;
    atomic_fetch_sub(&server.now, 1);
    atomic_fetch_add(&server.served, 1);
    return n < 0 ? (int)n : -EIO; /* a connection's failure is nobody else's */
}

static DREY_ASYNC int serve(void *arg)
{
    (void)arg;
    server.rc = drey_serve(server.listener, echo, NULL, server.options);
    return 0;
}

static DREY_ASYNC int client(void *arg)
{
    char got[8];
    (void)arg;
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    int rc = fd < 0 ? fd : 0;
    for (int i = 0; i < 3 && rc == 0; i++) {
        rc = drey_write_all(fd, "ping", 4, NULL);
        if (rc == 0)
            rc = drey_read_exact(fd, got, 4, NULL);
    }
    drey_close(fd);
    return rc;
}

static DREY_ASYNC int run_clients(unsigned limit)
{
    DREY_SCOPE(scope, .limit = limit);
    int rc = 0;
    for (int i = 0; i < CLIENTS && rc == 0; i++)
        rc = drey_go(&scope, client, NULL);
    return drey_scope_close(&scope, rc);
}

TEST_ON_BOTH(serves_until_stopped, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(run_clients(0), 0);
    DREY_CHECK_EQ(server.rc, 1);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(server.served, CLIENTS);
    DREY_CHECK_EQ(drey_serve(server.listener, echo, NULL, server.options), 0);
    close_server();
    return 0;
}

TEST_ON_BOTH(on_several_workers, .workers = 4, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){.name = "echo"}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(run_clients(0), 0);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(server.served, CLIENTS);
    close_server();
    return 0;
}

/* R19: at the limit connections wait in the backlog. */
TEST_ON_BOTH(r19_limit_of_connections, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){.limit = 3}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(run_clients(0), 0);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.served, CLIENTS);
    DREY_CHECK_EQ(server.most, 3);
    close_server();
    return 0;
}

/* R18: stopping lets connections end by themselves; cancelling ends them. */
TEST_ON_BOTH(r18_stopped_with_a_connection, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    while (atomic_load(&server.now) == 0)
        DREY_CHECK_EQ(drey_yield(), 0);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_sleep(DREY_MS(5)), 0);
    DREY_CHECK_EQ(server.rc, 1);
    DREY_CHECK_EQ(drey_close(fd), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, 0);
    close_server();
    return 0;
}

TEST_ON_BOTH(r4_cancelled_with_a_connection, .real_clock = true)
{
    char byte;
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    while (atomic_load(&server.now) == 0)
        DREY_CHECK_EQ(drey_yield(), 0);
    drey_scope_cancel(&scope, 0, "test");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, -ECANCELED);
    DREY_CHECK_EQ(drey_read(fd, &byte, 1), 0);
    drey_close(fd);
    close_server();
    return 0;
}

TEST_ON_BOTH(the_listener_is_closed, .real_clock = true)
{
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
    DREY_CHECK_EQ(drey_close(server.listener), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, -EBADF);
    DREY_CHECK_EQ(drey_serve(server.listener, echo, NULL, server.options), -EBADF);
    server.listener = -1;
    close_server();
    return 0;
}

/* Take all descriptors but `spare`; how many were taken. */
static int take_descriptors(int taken[], int most, int spare)
{
    int n = 0, fd;
    while (n < most && (fd = dup(0)) >= 0)
        taken[n++] = fd;
    for (; spare > 0 && n > 0; spare--)
        close(taken[--n]);
    return n;
}

/* R19: no descriptor is left: the loop pauses, says so, and goes on once there are some. */
TEST_ON_BOTH(r19_descriptors_run_out, .real_clock = true)
{
    int taken[256];
    char got[4];
    struct rlimit old, few = {64, 64};
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    DREY_CHECK_EQ(open_server((drey_serve_options){.pause = DREY_MS(5), .report = report}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
    int n = take_descriptors(taken, 256, 1);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(drey_connect_to(&server.at, (drey_connect_options){0}), -EMFILE);
    DREY_CHECK_EQ(drey_accept(server.listener, NULL), -EMFILE);
    while (atomic_load(&server.reports) < 2)
        DREY_CHECK_EQ(drey_sleep(DREY_MS(1)), 0);
    DREY_CHECK_EQ(server.last_error, -EMFILE);
    DREY_CHECK_EQ(server.rc, 1);
    while (n > 0)
        close(taken[--n]);
    DREY_CHECK_EQ(drey_write_all(fd, "ping", 4, NULL), 0);
    DREY_CHECK_EQ(drey_read_exact(fd, got, 4, NULL), 0);
    drey_close(fd);
    DREY_CHECK_EQ(run_clients(2), 0);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, 0);
    close_server();
    return setrlimit(RLIMIT_NOFILE, &old);
}

/* A pause ends at once when the loop is stopped. */
TEST_ON_BOTH(stopped_while_it_pauses)
{
    int taken[256];
    struct rlimit old, few = {64, 64};
    DREY_CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    few.rlim_max = old.rlim_max;
    DREY_CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
    DREY_CHECK_EQ(open_server((drey_serve_options){.pause = DREY_SEC(3600), .report = report}), 0);
    drey_time before = drey_now();
    DREY_SCOPE(scope);
    int n = take_descriptors(taken, 256, 1);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    while (atomic_load(&server.reports) == 0)
        DREY_CHECK_EQ(drey_yield(), 0);
    drey_token_cancel(server.stop, "enough");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    while (n > 0)
        close(taken[--n]);
    DREY_CHECK(drey_now() - before < DREY_SEC(3600));
    DREY_CHECK_EQ(server.rc, 0);
    drey_close(fd);
    close_server();
    return setrlimit(RLIMIT_NOFILE, &old);
}

/* R9: connections as dormant tasks. */
static DREY_ASYNC int idle_step(void *arg, int event)
{
    int fd = (int)(intptr_t)arg;
    char buffer[64];
    ssize_t n = event < 0 || event == 1 ? -ECANCELED : drey_read(fd, buffer, sizeof buffer);
    if (n > 0 && drey_write_all(fd, buffer, (size_t)n, NULL) == 0) {
        drey_case cases[] = {drey_on_fd(fd, POLLIN), drey_on_token(server.stop)};
        return drey_again_when(cases, 2);
    }
    drey_close(fd);
    atomic_fetch_add(&server.served, 1);
    return 0;
}

static DREY_ASYNC int start_idle(void *arg, int fd)
{
    (void)arg;
    drey_case cases[] = {drey_on_fd(fd, POLLIN), drey_on_token(server.stop)};
    int rc = drey_go_when(&server.scope, idle_step, (void *)(intptr_t)fd, cases, 2);
    if (rc < 0)
        drey_close(fd);
    return rc;
}

static DREY_ASYNC int accept_idle(void *arg)
{
    (void)arg;
    drey_scope_open(&server.scope, .keep_going = true);
    server.rc = drey_accept_each(server.listener, start_idle, NULL, server.options);
    return drey_scope_close(&server.scope, server.rc);
}

/* R9, R18: they serve, sleep without a stack, and end when the token says so. */
static DREY_ASYNC int dormant_connections(void)
{
    drey_counters counters;
    char got[4];
    int fds[CLIENTS];
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, accept_idle, NULL), 0);
    DREY_CHECK_EQ(run_clients(0), 0);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = drey_connect_to(&server.at, (drey_connect_options){0});
        DREY_CHECK_EQ(drey_write_all(fds[i], "ping", 4, NULL), 0);
        DREY_CHECK_EQ(drey_read_exact(fds[i], got, 4, NULL), 0);
    }
    do {
        DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
        drey_counters_get(&counters);
    } while (counters.tasks_dormant != CLIENTS);
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < CLIENTS; i++) {
            DREY_CHECK_EQ(drey_write_all(fds[i], "ping", 4, NULL), 0);
            DREY_CHECK_EQ(drey_read_exact(fds[i], got, 4, NULL), 0);
        }
    drey_token_cancel(server.stop, "drain");
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    for (int i = 0; i < CLIENTS; i++) {
        DREY_CHECK_EQ(drey_read(fds[i], got, 4), 0);
        drey_close(fds[i]);
    }
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(server.served, 2 * CLIENTS);
    close_server();
    return 0;
}

TEST_ON_BOTH(r9_dormant_connections, .real_clock = true)
{
    return dormant_connections();
}

TEST_ON_BOTH(r9_dormant_connections_on_several_workers, .workers = 3, .real_clock = true)
{
    return dormant_connections();
}

static DREY_ASYNC int refuse(void *arg, int fd)
{
    drey_close(fd);
    return -*(int *)arg;
}

/* What the function returns ends the accepting. */
TEST_ON_BOTH(the_function_fails)
{
    int error = EDOM;
    DREY_CHECK_EQ(open_server((drey_serve_options){0}), 0);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    DREY_CHECK_EQ(drey_accept_each(server.listener, refuse, &error, server.options), -EDOM);
    drey_close(fd);
    close_server();
    return 0;
}

/* Out of tasks: it says so, and holds the connection until there is room or it is stopped. */
static void stop_after_two(void *arg, int error)
{
    report(arg, error);
    if (atomic_load(&server.reports) == 2)
        drey_token_cancel(server.stop, "enough");
}

static DREY_ASYNC int no_room_for_a_task(void *arg)
{
    char byte;
    (void)arg;
    DREY_CHECK_EQ(open_server((drey_serve_options){.pause = DREY_MS(1), .report = stop_after_two}), 0);
    int fd = drey_connect_to(&server.at, (drey_connect_options){0});
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, serve, NULL), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(server.rc, 0);
    DREY_CHECK_EQ(server.last_error, -ENOMEM);
    DREY_CHECK_EQ(drey_read(fd, &byte, 1), 0);
    drey_close(fd);
    close_server();
    return 0;
}

DREY_TEST(r19_tasks_run_out, .no_runtime = true)
{
    drey_config config = {.workers = 1, .max_tasks = 1};
    return drey_run(&config, no_room_for_a_task, NULL);
}

DREY_TEST_MAIN()
