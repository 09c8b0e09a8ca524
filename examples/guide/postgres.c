/* SPDX-License-Identifier: MIT */
/*
 * PostgreSQL by libpq in its non-blocking mode: libpq says which descriptor it waits for, drey waits. A few connections
 * are shared by more tasks; a query that is cancelled or out of time is stopped in the server, too, and its connection
 * goes on. PGHOST, PGUSER and PGDATABASE say where the server is; the tests start one with tools/with_postgres.py.
 *
 * Prints:
 *     6 squares over 3 connections: 1 4 9 16 25 36
 *     an error is told: ERROR:  division by zero
 *     a query without end: Connection timed out
 *     queries that still run in the server: 0
 *     the connections are as good as before: 49
 */
#include <drey.h>

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS = 3, SQUARES = 6 };

typedef struct pool {
    drey_sem free;                                    /* a permit for each connection that nobody uses */
    drey_sem control_free;                            /* one permit: held across waits, so it is no mutex */
    drey_mutex lock;                                  /* guards idle and idle_count */
    PGconn *idle[CONNECTIONS];                        /* NULL: to be connected */
    int idle_count;
    PGconn *control;                                  /* for stopping queries of the others */
} pool;

/* Connecting: libpq wants its descriptor to become readable or writable, over and over. The descriptor may be another
 * one each time, since libpq closes one and tries the next address. */
static DREY_ASYNC int connect_one(PGconn **out)
{
    PGconn *c = PQconnectStart("application_name=example");
    PostgresPollingStatusType todo = PGRES_POLLING_WRITING;
    int rc = 0;
    if (c == NULL || PQstatus(c) == CONNECTION_BAD)
        todo = PGRES_POLLING_FAILED;
    while (rc >= 0 && todo != PGRES_POLLING_OK && todo != PGRES_POLLING_FAILED) {
        rc = drey_wait_fd(PQsocket(c), todo == PGRES_POLLING_READING ? POLLIN : POLLOUT);
        if (rc > 0)
            todo = PQconnectPoll(c);
    }
    if (rc >= 0 && todo == PGRES_POLLING_OK && PQsetnonblocking(c, 1) == 0) {
        *out = c;
        return 0;
    }
    if (rc >= 0)
        fprintf(stderr, "%s", PQerrorMessage(c));
    PQfinish(c);
    return rc < 0 ? rc : -ECONNREFUSED;
}

/* Send what libpq has buffered. Meanwhile it must read as well, or a server that writes would wait for us for ever. */
static DREY_ASYNC int flush(PGconn *c)
{
    int left;
    while ((left = PQflush(c)) > 0) {
        int events = drey_wait_fd(PQsocket(c), POLLIN | POLLOUT);
        if (events < 0)
            return events;
        if ((events & POLLIN) != 0 && PQconsumeInput(c) == 0)
            return -EIO;
    }
    return left < 0 ? -EIO : 0;
}

/* The next result, the caller's; NULL after the last. */
static DREY_ASYNC int next_result(PGconn *c, PGresult **out)
{
    while (PQisBusy(c)) {
        int events = drey_wait_fd(PQsocket(c), POLLIN);
        if (events < 0)
            return events;
        if (PQconsumeInput(c) == 0)
            return -EIO;
    }
    *out = PQgetResult(c);
    return 0;
}

/* Ask with one parameter, and keep the last result. 0: there is one, which may be an error of the server's. */
static DREY_ASYNC int ask(PGconn *c, const char *sql, int parameter, PGresult **out)
{
    char text[16];
    const char *values[] = {text};
    PGresult *result = NULL, *next = NULL;
    snprintf(text, sizeof text, "%d", parameter);
    int rc = PQsendQueryParams(c, sql, 1, NULL, values, NULL, NULL, 0) == 1 ? flush(c) : -EIO;
    while (rc == 0 && (rc = next_result(c, &next)) == 0 && next != NULL) {
        PQclear(result);
        result = next;
    }
    if (rc == 0 && result != NULL) {
        *out = result;
        return 0;
    }
    PQclear(result);
    return rc < 0 ? rc : -EIO;
}

/* The caller is cancelled, but its query runs on. Have another connection stop it, and read to its end, so that the
 * connection is good for the next. (PQcancel does the same with a connection of its own, and blocks.) */
static DREY_ASYNC int stop_query(pool *p, PGconn *c)
{
    PGresult *result = NULL;
    DREY_SCOPE(shield, .shield = true, .timeout = DREY_SEC(5), .name = "stopping a query");
    int rc = drey_sem_acquire(&p->control_free, 1);
    if (rc == 0) {
        rc = ask(p->control, "SELECT pg_cancel_backend($1::int)", PQbackendPID(c), &result);
        drey_sem_release(&p->control_free, 1);
        PQclear(result);
    }
    do {
        if (rc == 0 && (rc = next_result(c, &result)) == 0)
            PQclear(result);
    } while (rc == 0 && result != NULL);
    return drey_scope_close(&shield, rc);
}

static DREY_ASYNC PGconn *take(pool *p)
{
    DREY_LOCKED(&p->lock);
    return p->idle[--p->idle_count];
}

static DREY_ASYNC void give_back(pool *p, PGconn *c)
{
    {
        DREY_LOCKED(&p->lock);
        p->idle[p->idle_count++] = c;
    }
    drey_sem_release(&p->free, 1);
}

/* Take a connection, ask, and give it back, or none in its place if it is of no more use. */
static DREY_ASYNC int query(pool *p, const char *sql, int parameter, PGresult **out)
{
    int rc = drey_sem_acquire(&p->free, 1);
    if (rc < 0)
        return rc;
    PGconn *c = take(p);
    if (c == NULL)
        rc = connect_one(&c);
    if (rc == 0)
        rc = ask(c, sql, parameter, out);
    if (c != NULL && (rc == -EIO || (rc == -ECANCELED && stop_query(p, c) < 0))) {
        PQfinish(c);
        c = NULL;
    }
    give_back(p, c);
    return rc;
}

typedef struct square {
    pool *pool;
    int of, is;
} square;

static DREY_ASYNC int ask_square(void *arg)
{
    square *s = arg;
    PGresult *result = NULL;
    int rc = query(s->pool, "SELECT $1::int * $1::int, pg_sleep(0.05)", s->of, &result);
    if (rc < 0)
        return rc;
    s->is = PQntuples(result) == 1 ? atoi(PQgetvalue(result, 0, 0)) : -1;
    PQclear(result);
    return 0;
}

static DREY_ASYNC int ask_squares(pool *p)
{
    square squares[SQUARES];
    DREY_SCOPE(scope, .timeout = DREY_SEC(10));
    int rc = 0;
    for (int i = 0; i < SQUARES && rc == 0; i++) {
        squares[i] = (square){.pool = p, .of = i + 1};
        rc = drey_go(&scope, ask_square, &squares[i]);
    }
    rc = drey_scope_close(&scope, rc);
    if (rc < 0)
        return rc;
    printf("%d squares over %d connections:", SQUARES, CONNECTIONS);
    for (int i = 0; i < SQUARES; i++)
        printf(" %d", squares[i].is);
    puts("");
    return 0;
}

static DREY_ASYNC int divide_by_zero(pool *p)
{
    PGresult *result = NULL;
    int rc = query(p, "SELECT 1 / $1::int", 0, &result);
    if (rc < 0)
        return rc;
    printf("an error is told: %s", PQresultErrorMessage(result));
    PQclear(result);
    return 0;
}

/* Out of time: what the server does for us ends as well. */
static DREY_ASYNC int sleep_too_long(pool *p)
{
    PGresult *result = NULL;
    DREY_SCOPE(scope, .timeout = DREY_MS(100));
    int rc = drey_scope_close(&scope, query(p, "SELECT pg_sleep($1::int)", 3600, &result));
    PQclear(result);
    printf("a query without end: %s\n", strerror(-rc));
    rc = query(p, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' "
                  "AND pid <> $1::int AND pid <> pg_backend_pid()", 0, &result);
    if (rc < 0)
        return rc;
    printf("queries that still run in the server: %s\n", PQgetvalue(result, 0, 0));
    PQclear(result);
    square s = {.pool = p, .of = 7};
    rc = ask_square(&s);
    printf("the connections are as good as before: %d\n", s.is);
    return rc;
}

static DREY_ASYNC int run(void *arg)
{
    pool p = {.idle_count = CONNECTIONS};
    (void)arg;
    drey_sem_init(&p.free, CONNECTIONS, CONNECTIONS);
    drey_sem_init(&p.control_free, 1, 1);
    int rc = connect_one(&p.control);
    if (rc < 0)
        return rc;
    rc = ask_squares(&p);
    if (rc == 0)
        rc = divide_by_zero(&p);
    if (rc == 0)
        rc = sleep_too_long(&p);
    for (int i = 0; i < CONNECTIONS; i++)
        PQfinish(p.idle[i]);
    PQfinish(p.control);
    drey_sem_deinit(&p.free);
    drey_sem_deinit(&p.control_free);
    drey_mutex_deinit(&p.lock);
    return rc;
}

int main(void)
{
    int rc = drey_run(NULL, run, NULL);
    if (rc < 0)
        fprintf(stderr, "%s\n", strerror(-rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
