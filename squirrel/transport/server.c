/* SPDX-License-Identifier: MIT */
#include "transport/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "context/error_json.h"
#include "transport/connection.h"

enum { CONNECTIONS = 4096, CALLS = 1024, MEMORY_MIB = 128, MEMORY_MIB_MIN = 17, KIB_A_MIB = 1024 };

int sq_server_init(sq_server *server, drey_scope *scope, sq_server_options options)
{
    if (options.connections == 0)
        options.connections = CONNECTIONS;
    if (options.calls == 0)
        options.calls = CALLS;
    if (options.memory_mib < MEMORY_MIB_MIN)
        options.memory_mib = options.memory_mib == 0 ? MEMORY_MIB : MEMORY_MIB_MIN;
    if (options.patience == 0)
        options.patience = DREY_SEC(30);
    *server = (sq_server){.options = options, .scope = scope};
    uint32_t kib = options.memory_mib * KIB_A_MIB;
    drey_sem_init(&server->calls, options.calls, options.calls);
    drey_sem_init(&server->streams, options.connections, options.connections);
    drey_sem_init(&server->requests, kib, kib);
    drey_sem_init(&server->answers.memory, kib, kib);
    atomic_store(&server->idle_since, drey_now());
    return drey_token_new(NULL, &server->drain);
}

void sq_server_deinit(sq_server *server)
{
    drey_sem_deinit(&server->calls);
    drey_sem_deinit(&server->streams);
    drey_sem_deinit(&server->requests);
    drey_sem_deinit(&server->answers.memory);
    drey_notify_deinit(&server->emptied);
    drey_token_unref(server->drain);
}

/* Says why as well as it can without waiting, and closes. */
static DREY_ASYNC void turn_away(int fd, const sq_error *error)
{
    sq_text text = {0}, frame = {0};
    sq_error_write(&text, error);
    sq_frame_add(&frame, SQ_FRAME_REFUSED, 0, text.data, text.bytes);
    ssize_t ignored = text.failed || frame.failed ? 0 : send(fd, frame.data, frame.bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
    sq_text_free(&text);
    sq_text_free(&frame);
    drey_close(fd);
}

static bool may_come(sq_server *server, int fd, uid_t *out_uid, sq_error *error)
{
    drey_credentials peer;
    if (drey_peer_credentials(fd, &peer) < 0 || peer.uid != server->options.uid) {
        sq_fail(error, SQ_FORBIDDEN, "the store belongs to another user");
        return false;
    }
    if (atomic_load(&server->connected) >= server->options.connections) {
        sq_fail(error, SQ_BUSY, "the owner of the store serves %u clients, and no more", server->options.connections);
        return false;
    }
    *out_uid = peer.uid;
    return true;
}

/* The writer first: if the reader cannot be started, it is told to end. */
static DREY_ASYNC int start(sq_connection *c)
{
    drey_case woken = drey_on_notify(&c->sender.wake);
    drey_case first[] = {drey_on_fd(c->fd, POLLIN), drey_on_token(c->server->drain), drey_on_at(c->deadline)};
    sq_connection_ref(c);
    int rc = drey_go_when(c->server->scope, sq_connection_write, c, &woken, 1);
    if (rc < 0) {
        sq_connection_unref(c);
        return rc;
    }
    rc = drey_go_when(c->server->scope, sq_connection_read, c, first, sizeof first / sizeof *first);
    if (rc < 0)
        sq_sender_end(&c->sender, true);
    return rc;
}

int sq_server_take(void *arg, int fd)
{
    sq_server *server = arg;
    sq_error error;
    uid_t uid;
    if (!may_come(server, fd, &uid, &error)) {
        turn_away(fd, &error);
        return 0;
    }
    sq_connection *c = sq_connection_new(server, fd, uid);
    if (!c) {
        sq_fail_memory(&error);
        turn_away(fd, &error);
        return 0;
    }
    int rc = start(c);
    if (rc < 0)
        sq_connection_unref(c);
    return rc == -ECANCELED ? rc : 0;
}
