/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <drey/scope.h>
#include <drey/sync.h>
#include <drey/time.h>

#include "resolve/lookup.h"
#include "resolve/query.h"

enum { TIMEOUT_SECONDS = 2, TRIES = 2, TRIES_MAX = 100, SERVICE_ROOM = 4096 };

/* The line of those who want to ask a name server (R19). */
static drey_sem room;
static drey_once set_up;

static int set_up_once(void *arg)
{
    (void)arg;
    drey_sem_init(&room, DREY_RESOLVE_QUERIES_MAX, DREY_RESOLVE_QUERIES_MAX);
    return ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : -ENOMEM;
}

int drey__port_of(const char *service)
{
    if (service == NULL)
        return 0;
    size_t digits = strspn(service, "0123456789");
    if (digits > 0 && service[digits] == '\0') {
        unsigned long port = digits <= 5 ? strtoul(service, NULL, 10) : UINT16_MAX + 1ul;
        return port <= UINT16_MAX ? (int)port : -EINVAL;
    }
    char buffer[SERVICE_ROOM];
    struct servent entry, *found = NULL;
    if (getservbyname_r(service, "tcp", &entry, buffer, sizeof buffer, &found) != 0 || found == NULL)
        return -EINVAL;
    return ntohs((uint16_t)found->s_port);
}

bool drey__numeric(const char *host, int port, drey_addr *out_addr)
{
    char text[DREY_ADDR_TEXT];
    bool v6 = strchr(host, ':') != NULL;
    if ((!v6 && host[strspn(host, "0123456789.")] != '\0') || strlen(host) > DREY_ADDR_TEXT / 2)
        return false;
    snprintf(text, sizeof text, v6 ? "[%s]:%d" : "%s:%d", host, port);
    return drey_addr_parse(text, out_addr) == 0;
}

static const struct ares_addrinfo_node *first_of(int family, const struct ares_addrinfo_node *node)
{
    while (node != NULL && node->ai_family != family)
        node = node->ai_next;
    return node;
}

bool drey__answers_take(struct drey__answers *a, drey_addr *out_addr)
{
    if (a->next == NULL)
        return false;
    int rc = drey_addr_from(a->next->ai_addr, (size_t)a->next->ai_addrlen, out_addr);
    a->next = first_of(a->family, a->next->ai_next);
    return rc == 0 || drey__answers_take(a, out_addr);
}

bool drey__lookup_wants(const struct drey__lookup *l, int which)
{
    return l->options->family == AF_UNSPEC || l->options->family == l->of[which].family;
}

static const char *port_text(const struct drey__lookup *l)
{
    return l->port[0] != '0' ? l->port : NULL;
}

/* Names in localhost are this machine (RFC 6761). */
static bool is_local(const char *host)
{
    static const char local[] = "localhost";
    size_t bytes = strlen(host), own = sizeof local - 1;
    bytes -= bytes > 0 && host[bytes - 1] == '.';
    return bytes >= own && strncasecmp(host + bytes - own, local, own) == 0 &&
           (bytes == own || host[bytes - own - 1] == '.');
}

/* What the question found is this family's. */
static void keep(struct drey__answers *a, struct drey__query *q)
{
    a->list = q->found;
    a->next = first_of(a->family, a->list->nodes);
    a->rc = a->next != NULL ? 0 : -EDESTADDRREQ;
    q->found = NULL;
}

static int take_loopback(struct drey__lookup *l, struct drey__query *q)
{
    static const char *const loopback[] = {[DREY__V6] = "::1", [DREY__V4] = "127.0.0.1"};
    for (int i = 0; i < DREY__FAMILIES; i++) {
        if (!drey__lookup_wants(l, i))
            continue;
        drey__query_start(q, loopback[i], port_text(l), l->of[i].family);
        if (q->found == NULL)
            return drey__query_result(q);
        keep(&l->of[i], q);
    }
    return 0;
}

static void take_both(struct drey__lookup *l, struct drey__query *q)
{
    keep(&l->of[DREY__V6], q);
    l->of[DREY__V4].next = first_of(AF_INET, l->of[DREY__V6].list->nodes);
    for (int i = 0; i < DREY__FAMILIES; i++) {
        if (!drey__lookup_wants(l, i))
            l->of[i].next = NULL;
        l->of[i].rc = l->of[i].next != NULL ? 0 : -EDESTADDRREQ;
    }
}

/* What /etc/hosts says: 0, DREY__ASK if it says nothing, or a negative errno. c-ares leaks its own answer to
 * `localhost` (1.18), and has none to `LOCALHOST`, which files spell either way. */
static int look_into_file(struct drey__lookup *l)
{
    struct drey__query q;
    int rc = drey__query_open(&q, "f", l->options);
    if (rc < 0)
        return rc;
    drey__query_start(&q, strcmp(l->host, "localhost") != 0 ? l->host : "LOCALHOST", port_text(l), AF_UNSPEC);
    rc = q.lack != 0 ? q.lack : drey__query_result(&q);
    if (rc == 0)
        take_both(l, &q);
    else if (q.lack == 0 && is_local(l->host))
        rc = take_loopback(l, &q);
    bool final = rc == 0 || q.lack != 0 || rc == -ENOMEM || rc == -EINVAL;
    drey__query_close(&q);
    return final ? rc : DREY__ASK;
}

int drey__lookup_init(struct drey__lookup *l, const char *host, int port, const drey_resolve_options *options)
{
    static const int families[] = {[DREY__V6] = AF_INET6, [DREY__V4] = AF_INET};
    int family = options->family;
    if ((family != AF_UNSPEC && family != AF_INET && family != AF_INET6) || options->timeout < 0 ||
        options->tries > TRIES_MAX || *host == '\0')
        return -EINVAL;
    *l = (struct drey__lookup){.host = host, .options = options};
    snprintf(l->port, sizeof l->port, "%d", port);
    for (int i = 0; i < DREY__FAMILIES; i++)
        l->of[i] = (struct drey__answers){.lookup = l, .family = families[i], .rc = -EDESTADDRREQ};
    int rc = drey_once_do(&set_up, set_up_once, NULL);
    return rc < 0 ? rc : look_into_file(l);
}

void drey__lookup_deinit(struct drey__lookup *l)
{
    for (int i = 0; i < DREY__FAMILIES; i++)
        if (l->of[i].list != NULL)
            ares_freeaddrinfo(l->of[i].list);
}

int drey__lookup_error(const struct drey__lookup *l)
{
    int v6 = l->of[DREY__V6].rc, v4 = l->of[DREY__V4].rc;
    if (v6 == -ENXIO || v4 == -ENXIO) /* which holds for all families */
        return -ENXIO;
    return v4 != -EDESTADDRREQ ? v4 : v6;
}

/* Ask one server: 0, or a negative errno. */
static DREY_ASYNC int ask_server(struct drey__query *q, const struct drey__answers *a,
                                 const struct ares_addr_port_node *server)
{
    const struct drey__lookup *l = a->lookup;
    struct ares_addr_port_node alone = *server;
    alone.next = NULL;
    if (ares_set_servers_ports(q->channel, &alone) != ARES_SUCCESS)
        return -ENOMEM;
    DREY_SCOPE(scope, .timeout = l->options->timeout > 0 ? l->options->timeout : DREY_SEC(TIMEOUT_SECONDS),
               .name = "a name server");
    drey__query_start(q, l->host, port_text(l), a->family);
    int rc = drey_scope_close(&scope, drey__query_wait(q));
    drey__query_stop(q);
    return rc == -ETIMEDOUT ? -ETIME : rc < 0 ? rc : drey__query_result(q);
}

/* Whether another server, or another time, may tell more. */
static bool may_change(int rc)
{
    return rc == -ETIME || rc == -EREMOTEIO || rc == -EACCES || rc == -EBADMSG;
}

/* Ask one after the other. A server that answered tells more than those that did not. */
static DREY_ASYNC int ask_servers(struct drey__query *q, const struct drey__answers *a,
                                  const struct ares_addr_port_node *servers)
{
    unsigned tries = a->lookup->options->tries > 0 ? a->lookup->options->tries : TRIES;
    int result = -ETIME;
    for (unsigned i = 0; i < tries; i++) {
        int count = 0;
        for (const struct ares_addr_port_node *s = servers; s != NULL && count < DREY_RESOLVE_SERVERS_MAX;
             s = s->next) {
            int rc = ask_server(q, a, s);
            if (!may_change(rc))
                return rc;
            result = rc != -ETIME ? rc : result;
            count++;
        }
    }
    return result;
}

static DREY_ASYNC int ask(struct drey__answers *a)
{
    struct drey__query q;
    struct ares_addr_port_node *servers = NULL;
    int rc = drey__query_open(&q, "b", a->lookup->options);
    if (rc < 0)
        return rc;
    if (ares_get_servers_ports(q.channel, &servers) == ARES_SUCCESS)
        rc = ask_servers(&q, a, servers);
    else
        rc = -ENOMEM;
    if (rc == 0) {
        keep(a, &q);
        rc = a->rc;
    }
    if (servers != NULL)
        ares_free_data(servers);
    drey__query_close(&q);
    return rc;
}

int drey__lookup_ask(void *arg)
{
    struct drey__answers *a = arg;
    a->rc = drey_sem_acquire(&room, 1);
    if (a->rc == 0) {
        a->rc = ask(a);
        drey_sem_release(&room, 1);
    }
    return 0;
}
