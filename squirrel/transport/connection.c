/* SPDX-License-Identifier: MIT */
#include "transport/connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

enum { KIB = 1024 };

sq_connection *sq_connection_new(sq_server *server, int fd, uid_t uid)
{
    sq_connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (drey_token_new(NULL, &c->token) < 0) {
        free(c);
        return NULL;
    }
    c->server = server;
    c->fd = fd;
    c->uid = uid;
    atomic_init(&c->references, 1);
    c->sender.budget = &server->answers;
    drey_sem_init(&c->slots, SQ_CONNECTION_CALLS, SQ_CONNECTION_CALLS);
    c->frames.max = SQ_FRAME_HELLO_MAX;
    c->deadline = drey_now() + server->options.patience;
    atomic_fetch_add(&server->connected, 1);
    return c;
}

void sq_connection_ref(sq_connection *connection)
{
    atomic_fetch_add_explicit(&connection->references, 1, memory_order_relaxed);
}

void sq_connection_unref(sq_connection *c)
{
    sq_server *server = c->server;
    if (atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) > 1)
        return;
    drey_close(c->fd);
    sq_sender_deinit(&c->sender);
    drey_sem_deinit(&c->slots);
    drey_mutex_deinit(&c->lock);
    drey_token_unref(c->token);
    free(c);
    /* Stored before the count falls, for who sees 0. */
    atomic_store(&server->idle_since, drey_now());
    if (atomic_fetch_sub(&server->connected, 1) == 1)
        drey_notify_one(&server->emptied);
}

int sq_connection_acquire(sq_connection *connection, drey_sem *sem, uint32_t count)
{
    if (drey_sem_try_acquire(sem, count) == 0)
        return 0;
    drey_case cases[] = {drey_on_acquire(sem, count), drey_on_fd(connection->fd, POLLRDHUP)};
    int which = drey_select(cases, 2);
    if (which < 0)
        return which;
    return which == 0 ? cases[0].result : -EPIPE;
}

uint32_t sq_connection_permits(size_t payload_bytes)
{
    return (uint32_t)(payload_bytes / KIB + 1);
}

int sq_connection_write(void *connection, int event)
{
    sq_connection *c = connection;
    int rc = event == 0 ? sq_sender_write(&c->sender, c->fd, c->server->options.patience) : -ECANCELED;
    if (rc == 0) {
        drey_case more = drey_on_notify(&c->sender.wake);
        rc = drey_again_when(&more, 1);
        if (rc >= 0)
            return rc;
    }
    if (rc < 0) {
        sq_sender_end(&c->sender, true);
        drey_shutdown(c->fd, DREY_SHUT_BOTH); /* the reader finds the end, and goes */
    }
    sq_connection_unref(c);
    return 0;
}
