/* SPDX-License-Identifier: MIT */
/* Bytes between the buffers and the stream below. The lock is never held while one waits. */
#include <errno.h>

#include <drey/scope.h>

#include "tls/tls.h"

/* `left` bytes of `sending` are gone; what is next, perhaps nothing. Under lock. */
static struct iovec next_to_send(drey_tls *c, size_t left)
{
    struct drey__tls_out *s = &c->sending;
    s->start += left;
    c->unsent -= left;
    if (s->start == s->end) {
        OPENSSL_free(s->data);
        *s = c->out;
        c->out = (struct drey__tls_out){.data = NULL};
    }
    if (s->data == NULL)
        return (struct iovec){NULL, 0};
    return (struct iovec){s->data + s->start, s->end - s->start};
}

int drey__tls_flush(drey_tls *c)
{
    for (ssize_t n = 0;;) {
        struct iovec part = {NULL, 0};
        {
            DREY_LOCKED(&c->lock);
            if (n >= 0)
                part = next_to_send(c, (size_t)n);
            c->flushing = part.iov_len > 0;
        }
        if (part.iov_len == 0)
            return n < 0 ? (int)n : 0;
        n = c->below.ops->writev(c->below.self, &part, 1);
    }
}

/* A helper beside a reader that waits. What fails meets the next writer. */
static DREY_ASYNC int send_beside(void *arg)
{
    drey_tls *c = arg;
    int rc = drey_sem_acquire(&c->writing, 1);
    if (rc == 0) {
        rc = drey__tls_flush(c);
        drey_sem_release(&c->writing, 1);
    }
    return rc < 0 ? 0 : rc;
}

static DREY_ASYNC ssize_t read_below(drey_tls *c, void *to, size_t bytes, bool helper)
{
    if (!helper)
        return c->below.ops->read(c->below.self, to, bytes);
    DREY_SCOPE(scope, .name = "tls");
    ssize_t n = drey_go_daemon(&scope, send_beside, c);
    if (n == 0)
        n = c->below.ops->read(c->below.self, to, bytes);
    int rc = drey_scope_close(&scope, 0); /* bytes that came are kept, whatever happened */
    return n < 0 && rc < 0 ? rc : n;
}

/* The peer wants answers and does not take them. */
static DREY_ASYNC int wait_until_sent(drey_tls *c)
{
    int rc = drey_sem_acquire(&c->writing, 1);
    if (rc < 0)
        return rc;
    rc = drey__tls_flush(c);
    drey_sem_release(&c->writing, 1);
    return rc;
}

static DREY_ASYNC int came_to_an_end(drey_tls *c)
{
    DREY_LOCKED(&c->lock);
    drey__tls_say(c, atomic_load_explicit(&c->shaken, memory_order_relaxed)
                         ? "the connection ended without a word: what came may be cut short"
                         : "the peer closed the connection in the handshake");
    return -ECONNABORTED;
}

/* Where to read to. A large buffer is for when there is more than a small one holds. */
static unsigned char *make_room(struct drey__tls_in *in, size_t *out_room)
{
    if (in->eager && in->large == NULL)
        in->large = OPENSSL_malloc(DREY__TLS_LARGE);
    *out_room = in->large != NULL ? DREY__TLS_LARGE : DREY__TLS_SMALL;
    return in->large != NULL ? in->large : in->small;
}

static DREY_ASYNC void came(drey_tls *c, size_t bytes, size_t room)
{
    DREY_LOCKED(&c->lock);
    c->in.start = 0;
    c->in.end = bytes;
    c->in.eager = bytes == room;
    c->in.ended = bytes == 0;
}

int drey__tls_fill(drey_tls *c)
{
    struct drey__tls_in *in = &c->in;
    bool left, helper, much;
    size_t room;
    {
        DREY_LOCKED(&c->lock);
        left = in->end > in->start;
        helper = c->unsent > 0 && !c->flushing;
        much = c->unsent > DREY__TLS_UNSENT && atomic_load_explicit(&c->shaken, memory_order_relaxed);
        if (!left && !in->eager && in->large != NULL) {
            OPENSSL_free(in->large);
            in->large = NULL;
        }
    }
    if (much) {
        int rc = wait_until_sent(c);
        if (rc < 0 || left)
            return rc;
    }
    if (left) /* what came was not data: others have a turn before the next */
        return drey_yield();
    if (in->ended)
        return came_to_an_end(c);
    unsigned char *to = make_room(in, &room);
    ssize_t n = read_below(c, to, room, helper);
    if (n < 0)
        return (int)n;
    came(c, (size_t)n, room);
    return n > 0 ? 0 : came_to_an_end(c);
}
