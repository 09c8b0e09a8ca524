/* SPDX-License-Identifier: MIT */
/* OpenSSL's view of the stream below: two buffers. It never waits: an empty one says "later", a full one grows. */
#include <string.h>

#include "tls/tls.h"

enum { FIRST_ROOM = 512 };

static int take(BIO *bio, char *to, size_t bytes, size_t *out_done)
{
    drey_tls *c = BIO_get_data(bio);
    struct drey__tls_in *in = &c->in;
    size_t left = in->end - in->start;
    BIO_clear_retry_flags(bio);
    *out_done = 0;
    if (left == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    bytes = bytes < left ? bytes : left;
    memcpy(to, (in->large != NULL ? in->large : in->small) + in->start, bytes);
    in->start += bytes;
    *out_done = bytes;
    return 1;
}

bool drey__tls_out_reserve(struct drey__tls_out *out, size_t more)
{
    size_t room = out->room > 0 ? out->room : FIRST_ROOM;
    while (room < out->end + more)
        room *= 2;
    if (room == out->room)
        return true;
    unsigned char *data = OPENSSL_realloc(out->data, room);
    if (data == NULL)
        return false;
    out->data = data;
    out->room = room;
    return true;
}

static int add(BIO *bio, const char *from, size_t bytes, size_t *out_done)
{
    drey_tls *c = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *out_done = 0;
    if (!drey__tls_out_reserve(&c->out, bytes)) {
        c->no_memory = true;
        return 0;
    }
    memcpy(c->out.data + c->out.end, from, bytes);
    c->out.end += bytes;
    c->unsent += bytes;
    *out_done = bytes;
    return 1;
}

static long control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

static int create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *drey__tls_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "drey stream");
    if (method != NULL && (BIO_meth_set_read_ex(method, take) != 1 || BIO_meth_set_write_ex(method, add) != 1 ||
                           BIO_meth_set_ctrl(method, control) != 1 || BIO_meth_set_create(method, create) != 1)) {
        BIO_meth_free(method);
        method = NULL;
    }
    return method;
}
