/* SPDX-License-Identifier: MIT */
/*
 * Happy eyeballs (RFC 8305). The caller's task decides; questions and attempts are tasks of their own, and all that it
 * waits for are their ends and the time for the next attempt. Nothing is shared: what a task found is read after it has
 * been joined, or after the scope's close.
 *
 * H1  IPv6 is asked for first. If IPv4 answers first, IPv6 has resolve_delay before the first attempt (section 3).
 * H2  Families take turns, IPv6 first (section 4).
 * H3  The next attempt begins attempt_delay after the last one, or as soon as one fails (section 5). Those under way go
 *     on, and the first connection wins.
 * H4  Each connection has one owner: the winner is the caller's, what others made is closed after the scope's close.
 */
#include <errno.h>
#include <sys/socket.h>

#include <drey/scope.h>
#include <drey/select.h>
#include <drey/stream.h>
#include <drey/time.h>

#include "resolve/lookup.h"

enum { ATTEMPT_DELAY_MS = 250, RESOLVE_DELAY_MS = 50 };

struct attempt {
    drey_task *task; /* NULL: none is under way */
    drey_addr to;
    const drey_connect_options *options;
    int result; /* the descriptor, or a negative errno */
};

struct dial {
    struct drey__lookup lookup;
    drey_task *asking[DREY__FAMILIES]; /* NULL: it has answered, or is not asked */
    struct attempt attempts[DREY_CONNECT_MAX];
    const drey_connect_name_options *options;
    drey_scope scope; /* of all tasks */
    struct attempt *winner;
    drey_time next_at; /* H1, H3: the next attempt begins then, or as soon as there is an address */
    int turn;          /* H2 */
    int error;         /* why attempts failed; 0: none has */
    bool begun;        /* there has been an attempt */
};

static DREY_ASYNC int attempt(void *arg)
{
    struct attempt *a = arg;
    a->result = drey_connect_to(&a->to, *a->options);
    return 0;
}

static struct attempt *free_attempt(struct dial *d)
{
    for (int i = 0; i < DREY_CONNECT_MAX; i++)
        if (d->attempts[i].task == NULL)
            return &d->attempts[i];
    return NULL;
}

static bool is_asking(const struct dial *d)
{
    return d->asking[DREY__V6] != NULL || d->asking[DREY__V4] != NULL;
}

static bool is_trying(const struct dial *d)
{
    for (int i = 0; i < DREY_CONNECT_MAX; i++)
        if (d->attempts[i].task != NULL)
            return true;
    return false;
}

/* Whether the family has an address to try. While it is asked for, its answers are the asking task's. */
static bool has_address_of(const struct dial *d, int which)
{
    return d->asking[which] == NULL && d->lookup.of[which].next != NULL;
}

static bool has_address(const struct dial *d)
{
    return has_address_of(d, DREY__V6) || has_address_of(d, DREY__V4);
}

/* Begin an attempt, if it is time for one. */
static DREY_ASYNC int begin(struct dial *d)
{
    struct attempt *a = free_attempt(d);
    if (a == NULL || !has_address(d) || drey_now() < d->next_at)
        return 0;
    int which = has_address_of(d, d->turn) ? d->turn : DREY__FAMILIES - 1 - d->turn;
    if (!drey__answers_take(&d->lookup.of[which], &a->to))
        return 0;
    d->turn = DREY__FAMILIES - 1 - which;
    d->begun = true;
    d->next_at = drey_now() + (d->options->attempt_delay > 0 ? d->options->attempt_delay : DREY_MS(ATTEMPT_DELAY_MS));
    a->options = &d->options->connect;
    a->result = -ECANCELED;
    return drey_spawn(&d->scope, attempt, a, &a->task);
}

static void note_answer(struct dial *d, int which)
{
    d->asking[which] = NULL;
    if (d->begun)
        return;
    d->next_at = 0;
    if (which == DREY__V4 && d->asking[DREY__V6] != NULL) /* H1 */
        d->next_at =
            drey_now() + (d->options->resolve_delay > 0 ? d->options->resolve_delay : DREY_MS(RESOLVE_DELAY_MS));
}

/* There is no way to the address from here, which says little about the host. */
static bool is_no_way(int error)
{
    return error == -ENETUNREACH || error == -EHOSTUNREACH || error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT;
}

static void note_end(struct dial *d, struct attempt *a)
{
    a->task = NULL;
    if (a->result >= 0) {
        d->winner = a;
        return;
    }
    if (d->error == 0 || !is_no_way(a->result))
        d->error = a->result;
    d->next_at = 0; /* H3 */
}

/* Wait for an answer, for the end of an attempt, or until the next may begin. */
static DREY_ASYNC int await(struct dial *d)
{
    enum { TIME = DREY__FAMILIES + DREY_CONNECT_MAX, CASES };
    drey_case cases[CASES];
    int ignored = 0;
    for (int i = 0; i < DREY__FAMILIES; i++)
        cases[i] = drey_on_join(d->asking[i], &ignored);
    for (int i = 0; i < DREY_CONNECT_MAX; i++)
        cases[DREY__FAMILIES + i] = drey_on_join(d->attempts[i].task, &ignored);
    cases[TIME] = has_address(d) && free_attempt(d) != NULL ? drey_on_at(d->next_at) : drey_on_never();
    int which = drey_select(cases, CASES);
    if (which < 0)
        return which;
    if (which < DREY__FAMILIES)
        note_answer(d, which);
    else if (which < TIME)
        note_end(d, &d->attempts[which - DREY__FAMILIES]);
    return 0;
}

static int failure(const struct dial *d)
{
    return d->error != 0 ? d->error : drey__lookup_error(&d->lookup);
}

/* Until there is a winner: 0, or a negative errno. */
static DREY_ASYNC int race(struct dial *d, bool ask)
{
    int rc = 0;
    for (int i = 0; i < DREY__FAMILIES && rc == 0; i++)
        if (ask && drey__lookup_wants(&d->lookup, i))
            rc = drey_spawn(&d->scope, drey__lookup_ask, &d->lookup.of[i], &d->asking[i]);
    while (rc == 0 && d->winner == NULL) {
        rc = begin(d);
        if (rc == 0 && !has_address(d) && !is_asking(d) && !is_trying(d))
            rc = failure(d);
        if (rc == 0)
            rc = await(d);
    }
    return rc;
}

static DREY_ASYNC int run(struct dial *d, bool ask)
{
    drey_scope_open(&d->scope, .name = "drey_connect");
    int rc = race(d, ask);
    if (d->winner != NULL)
        drey_scope_cancel(&d->scope, 0, "connected");
    rc = drey_scope_close(&d->scope, rc);
    for (int i = 0; i < DREY_CONNECT_MAX; i++) /* H4 */
        if (d->attempts[i].result >= 0 && &d->attempts[i] != d->winner)
            drey_close(d->attempts[i].result);
    return d->winner != NULL ? d->winner->result : rc;
}

/* .from allows one family alone. */
static int narrow(drey_connect_name_options *o)
{
    unsigned bytes;
    if (o->connect.from == NULL)
        return 0;
    int family = drey_addr_sockaddr(o->connect.from, &bytes)->sa_family;
    if (o->resolve.family != AF_UNSPEC && o->resolve.family != family)
        return -EINVAL;
    o->resolve.family = family;
    return 0;
}

int drey_connect(const char *host, const char *service, drey_connect_name_options options)
{
    struct dial d = {.options = &options};
    drey_addr numeric;
    unsigned bytes;
    int rc = drey_check(), port = rc < 0 ? rc : drey__port_of(service);
    if (port <= 0)
        return port < 0 ? port : -EINVAL;
    rc = narrow(&options);
    if (rc < 0)
        return rc;
    if (drey__numeric(host, port, &numeric)) {
        int family = drey_addr_sockaddr(&numeric, &bytes)->sa_family;
        bool wanted = options.resolve.family == AF_UNSPEC || options.resolve.family == family;
        return wanted ? drey_connect_to(&numeric, options.connect) : -EDESTADDRREQ;
    }
    for (int i = 0; i < DREY_CONNECT_MAX; i++)
        d.attempts[i].result = -ECANCELED;
    rc = drey__lookup_init(&d.lookup, host, port, &options.resolve);
    if (rc < 0)
        return rc;
    rc = run(&d, rc == DREY__ASK);
    drey__lookup_deinit(&d.lookup);
    return rc;
}
