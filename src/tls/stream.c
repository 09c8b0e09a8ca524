/* SPDX-License-Identifier: MIT */
/* A connection as a stream: records sealed and unsealed, the end declared. */
#include <errno.h>
#include <string.h>

#include <drey/scope.h>
#include <drey/time.h>

#include "tls/tls.h"

/* One at a time in each direction; and the connection lives as long as somebody is inside. */
static DREY_ASYNC int enter(drey_tls *c, drey_sem *direction)
{
    drey__tls_hold(c);
    int rc = drey_sem_acquire(direction, 1);
    if (rc < 0)
        drey__tls_drop(c);
    return rc;
}

static void leave(drey_tls *c, drey_sem *direction)
{
    drey_sem_release(direction, 1);
    drey__tls_drop(c);
}

struct unsealing {
    drey_tls *tls;
    char *buffer;
    size_t bytes;
};

/* As much as there is: bytes, 0 at the end, -EAGAIN if there is none. */
static int unseal(void *arg)
{
    struct unsealing *u = arg;
    drey_tls *c = u->tls;
    size_t done = 0, n;
    int ret;
    do {
        ret = SSL_read_ex(c->ssl, u->buffer + done, u->bytes - done, &n);
        done += ret == 1 ? n : 0;
    } while (ret == 1 && done < u->bytes && (SSL_pending(c->ssl) > 0 || c->in.end > c->in.start));
    int rc = ret == 1 ? 0 : drey__tls_failed(c, ret); /* what fails behind the data is told by the next call */
    atomic_store_explicit(&c->ready, (size_t)SSL_pending(c->ssl) + c->in.end - c->in.start, memory_order_relaxed);
    return done > 0 ? (int)done : rc;
}

static DREY_ASYNC ssize_t tls_read(void *self, void *buffer, size_t bytes)
{
    drey_tls *c = self;
    struct unsealing u = {c, buffer, bytes < DREY__TLS_WRITE ? bytes : DREY__TLS_WRITE};
    int rc = enter(c, &c->reading);
    if (rc < 0)
        return rc;
    if (bytes > 0)
        rc = drey__tls_shake(c);
    while (rc == 0 && bytes > 0 && (rc = drey__tls_step(c, unseal, &u)) == -EAGAIN)
        rc = drey__tls_fill(c);
    leave(c, &c->reading);
    return rc;
}

struct sealing {
    drey_tls *tls;
    const struct iovec *parts;
    int count;
    size_t at; /* bytes of the first part that are sealed */
};

/* What goes into the next record: a part of one, or several small ones together. */
static size_t next_record(struct sealing *s, char *room, const char **out_data)
{
    size_t bytes = 0;
    *out_data = room;
    while (s->count > 0 && bytes < DREY__TLS_RECORD) {
        size_t left = s->parts->iov_len - s->at, n = DREY__TLS_RECORD - bytes;
        n = n < left ? n : left;
        const char *from = n > 0 ? (const char *)s->parts->iov_base + s->at : NULL;
        if (bytes == 0 && (s->count == 1 || n == DREY__TLS_RECORD))
            *out_data = from; /* alone: no need for a copy */
        else if (n > 0)
            memcpy(room + bytes, from, n);
        bytes += n;
        s->at += n;
        if (s->at == s->parts->iov_len) {
            s->parts++;
            s->count--;
            s->at = 0;
        }
    }
    return bytes;
}

/* Bytes that were sealed, or a negative errno and none were. */
static int seal(void *arg)
{
    struct sealing *s = arg;
    char room[DREY__TLS_RECORD]; /* on the worker's large stack */
    const char *data;
    size_t done = 0, bytes, n;
    if ((SSL_get_shutdown(s->tls->ssl) & SSL_SENT_SHUTDOWN) != 0)
        return -EPIPE;
    s->tls->flushing = true; /* I5: by this call */
    while (done < DREY__TLS_WRITE && (bytes = next_record(s, room, &data)) > 0) {
        int ret = SSL_write_ex(s->tls->ssl, data, bytes, &n);
        if (ret != 1) {
            int rc = drey__tls_failed(s->tls, ret);
            s->tls->flushing = done > 0;
            return done > 0 ? (int)done : rc == 0 || rc == -EAGAIN ? -EPROTO : rc;
        }
        done += n;
    }
    return (int)done;
}

static DREY_ASYNC int write_some(drey_tls *c, const struct iovec *parts, int count)
{
    struct sealing s = {.tls = c, .parts = parts, .count = count};
    int rc = drey__tls_shake(c);
    if (rc == 0)
        rc = drey__tls_flush(c); /* what an earlier call left; as long as it is refused nothing new is taken */
    int taken = rc == 0 ? drey__tls_step(c, seal, &s) : rc;
    if (taken < 0)
        return taken;
    rc = drey__tls_flush(c);
    return rc == 0 || rc == -ECANCELED || rc == -ENOMEM ? taken : rc; /* it can go on later */
}

static DREY_ASYNC ssize_t tls_writev(void *self, const struct iovec *parts, int count)
{
    drey_tls *c = self;
    int rc = enter(c, &c->writing);
    if (rc < 0)
        return rc;
    rc = count < 1 || count > 1024 ? -EINVAL : write_some(c, parts, count);
    leave(c, &c->writing);
    return rc;
}

static int declare_end(void *arg)
{
    drey_tls *c = arg;
    if ((SSL_get_shutdown(c->ssl) & SSL_SENT_SHUTDOWN) != 0)
        return 0;
    int ret = SSL_shutdown(c->ssl);
    return ret < 0 ? drey__tls_failed(c, ret) : 0;
}

static DREY_ASYNC int say_goodbye(drey_tls *c)
{
    int rc = drey__tls_flush(c);
    if (rc == 0)
        rc = drey__tls_step(c, declare_end, c);
    return rc < 0 ? rc : drey__tls_flush(c);
}

static DREY_ASYNC int tls_shutdown(void *self)
{
    drey_tls *c = self;
    int rc = enter(c, &c->writing);
    if (rc < 0)
        return rc;
    rc = drey__tls_shake(c);
    if (rc == 0)
        rc = say_goodbye(c);
    leave(c, &c->writing);
    return rc;
}

static size_t tls_pending(void *self)
{
    const drey_tls *c = self;
    return atomic_load_explicit(&c->ready, memory_order_relaxed);
}

/* The last words: an alert, the rest of a record, the end. Of use to the peer, so they are tried, but not for long. */
static DREY_ASYNC void last_words(drey_tls *c)
{
    if (drey_sem_try_acquire(&c->writing, 1) < 0)
        return; /* a writer is inside, and will fail */
    bool before = !atomic_load_explicit(&c->shaken, memory_order_acquire);
    if (!before || drey_sem_try_acquire(&c->shaking, 1) == 0) { /* else a handshake is under way, and writes (I2) */
        DREY_SCOPE(scope, .shield = true, .timeout = DREY_MS(DREY__TLS_LINGER_MS), .name = "tls close");
        bool shaken = atomic_load_explicit(&c->shaken, memory_order_acquire);
        int rc = shaken ? say_goodbye(c) : drey__tls_flush(c);
        rc = drey_scope_close(&scope, rc);
        (void)rc; /* the peer is gone, or does not listen */
        if (before)
            drey_sem_release(&c->shaking, 1);
    }
    drey_sem_release(&c->writing, 1);
}

int drey__tls_end(drey_tls *c, bool below)
{
    last_words(c);
    atomic_store_explicit(&c->closed, true, memory_order_relaxed);
    int rc = below ? drey_stream_close(c->below) : 0;
    drey__tls_drop(c);
    return rc;
}

static DREY_ASYNC int tls_close(void *self)
{
    return drey__tls_end(self, true);
}

const drey_stream_ops drey__tls_ops = {
    .read = tls_read, .writev = tls_writev, .shutdown = tls_shutdown, .close = tls_close, .pending = tls_pending};
