/* SPDX-License-Identifier: MIT */
#include "transport_kit.h"

#include <drey/test.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static DREY_ASYNC int stay(void)
{
    DREY_SCOPE(scope, .shield = true, .timeout = DREY_SEC(5));
    return drey_scope_close(&scope, drey_sleep(DREY_SEC(1)));
}

static DREY_ASYNC int answer_with_items(sq_call *call, int count, drey_duration pause)
{
    char item[32];
    for (int i = 0; i < count; i++) {
        int bytes = snprintf(item, sizeof item, "%d", i);
        int rc = sq_call_item(call, item, (size_t)bytes);
        if (rc == 0 && pause > 0)
            rc = drey_sleep(pause);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static DREY_ASYNC int handle_word(owner *o, sq_call *call, sq_text *answer)
{
    const char *word = call->request;
    if (strncmp(word, "echo ", 5) == 0)
        sq_text_add(answer, word + 5, call->bytes - 5);
    else if (strncmp(word, "big ", 4) == 0)
        for (long i = atol(word + 4); i > 0 && !answer->failed; i--)
            sq_text_char(answer, 'x');
    else if (strcmp(word, "wait") == 0)
        return drey_sleep(DREY_SEC(1000000));
    else if (strncmp(word, "slow", 4) == 0)
        return drey_sleep(DREY_SEC(1));
    else if (strcmp(word, "stay") == 0)
        return stay();
    else if (strncmp(word, "count ", 6) == 0)
        return answer_with_items(call, atoi(word + 6), 0);
    else if (strcmp(word, "watch") == 0) {
        if (sq_call_stream(call) < 0)
            return 0;
        return answer_with_items(call, 1 << 30, DREY_MS(10));
    }
    (void)o;
    return 0;
}

static DREY_ASYNC int handle(void *arg, sq_call *call, sq_text *answer)
{
    owner *o = arg;
    atomic_fetch_add(&o->calls, 1);
    int running = atomic_fetch_add(&o->running, 1) + 1, most = atomic_load(&o->most_running);
    while (running > most && !atomic_compare_exchange_weak(&o->most_running, &most, running))
        continue;
    int rc = handle_word(o, call, answer);
    atomic_fetch_sub(&o->running, 1);
    if (rc == -ECANCELED)
        atomic_fetch_add(&o->cancelled, 1);
    return rc;
}

static void fail(void *arg, int rc, sq_text *answer)
{
    (void)arg;
    sq_text_format(answer, "failed %s", rc == -ECANCELED ? "cancelled" : "otherwise");
}

static bool leave(void *arg, const char *program, const char *version)
{
    owner *o = arg;
    o->leaving += program == NULL || (strcmp(program, "/bin/newer") == 0 && strcmp(version, sq_version) == 0);
    return o->leaving < 3;
}

int listen_at(const char *path)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    snprintf(text, sizeof text, "unix:%s", path);
    int rc = drey_addr_parse(text, &at);
    return rc < 0 ? rc : drey_listen(&at, (drey_listen_options){.replace = true});
}

/* Fired, `stop` drains as an owner does that is told to end, and `kill` cuts all off as SIGKILL does. */
static DREY_ASYNC int owner_main(void *arg)
{
    owner *o = arg;
    DREY_SCOPE(scope, .keep_going = true, .token = o->kill, .name = "owner");
    int rc = sq_server_init(&o->server, &scope, o->options);
    o->listener = rc < 0 ? rc : listen_at(o->path);
    drey_gate_open(&o->listening, 0);
    if (o->listener >= 0)
        rc = drey_accept_each(o->listener, sq_server_take, &o->server, (drey_serve_options){.stop = o->stop});
    drey_close(o->listener);
    if (rc == 0)
        drey_token_cancel(o->server.drain, "stopped");
    rc = drey_scope_close(&scope, rc);
    sq_server_deinit(&o->server);
    drey_gate_open(&o->ended, 0);
    return rc == -ECANCELED ? 0 : rc;
}

DREY_ASYNC int owner_start(owner *o, drey_scope *scope, const char *path, sq_server_options options)
{
    *o = (owner){.path = path, .options = options};
    o->options.handle = handle;
    o->options.fail = fail;
    o->options.leave = leave;
    o->options.arg = o;
    if (o->options.uid == 0)
        o->options.uid = getuid();
    int ignored, rc = drey_token_new(NULL, &o->stop);
    if (rc == 0)
        rc = drey_token_new(NULL, &o->kill);
    if (rc == 0)
        rc = drey_go(scope, owner_main, o);
    if (rc == 0)
        rc = drey_gate_wait(&o->listening, &ignored);
    return rc;
}

DREY_ASYNC int owner_end(owner *o, bool killed)
{
    int ignored;
    drey_token_cancel(killed ? o->kill : o->stop, "the test");
    int rc = drey_gate_wait(&o->ended, &ignored);
    drey_token_unref(o->stop);
    drey_token_unref(o->kill);
    return rc;
}

static DREY_ASYNC int connect_once(way *w, int *out_fd, sq_error *error)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    sq_hello own, theirs;
    snprintf(text, sizeof text, "unix:%s", w->path);
    int rc = drey_addr_parse(text, &at), fd = rc < 0 ? rc : drey_connect_to(&at, (drey_connect_options){0});
    if (fd < 0)
        return fd;
    sq_hello_own(&own, 0);
    rc = sq_client_greet(fd, &own, &theirs, error);
    if (rc < 0)
        drey_close(fd);
    else
        *out_fd = fd;
    return rc;
}

DREY_ASYNC int connect_way(void *arg, int *out_fd, sq_error *error)
{
    way *w = arg;
    int rc = -ECONNREFUSED;
    for (int i = 0; w->failures == 0 || i < w->failures; i++) {
        rc = connect_once(w, out_fd, error);
        w->attempts += rc == 0;
        if (rc == 0 || rc == -EINVAL || rc == -ECANCELED)
            return rc;
        rc = drey_sleep(DREY_MS(1));
        if (rc < 0)
            return rc;
    }
    return sq_fail(error, SQ_STORE_BUSY, "nobody answers");
}

way way_to(const char *name)
{
    way w = {0};
    snprintf(w.path, sizeof w.path, "%s/%s", drey_test_dir(), name);
    return w;
}

DREY_ASYNC int ask(sq_client *client, const char *request, const char *key, char *out, size_t room,
                          sq_error *error)
{
    sq_text answer = {0};
    int rc = sq_client_call(client, &(sq_message){request, strlen(request), key}, &answer, error);
    if (rc == 0)
        snprintf(out, room, "%s", answer.data ? answer.data : "");
    sq_text_free(&answer);
    return rc;
}

DREY_ASYNC int ask_task(void *arg)
{
    asking *a = arg;
    a->rc = ask(a->client, a->request, a->key, a->answer, sizeof a->answer, &a->error);
    return 0;
}

DREY_ASYNC int raw(const way *w, const char *bytes, size_t count)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    snprintf(text, sizeof text, "unix:%s", w->path);
    int rc = drey_addr_parse(text, &at), fd = rc < 0 ? rc : drey_connect_to(&at, (drey_connect_options){0});
    if (fd >= 0 && count > 0 && drey_write_all(fd, bytes, count, NULL) < 0)
        rc = -EIO;
    return rc < 0 ? rc : fd;
}

DREY_ASYNC int say_hello(const way *w)
{
    sq_hello own;
    sq_text text = {0}, frame = {0};
    sq_hello_own(&own, 0);
    sq_hello_write(&text, &own);
    sq_frame_add(&frame, SQ_FRAME_HELLO, 0, text.data, text.bytes);
    int fd = raw(w, frame.data, frame.bytes);
    sq_text_free(&text);
    sq_text_free(&frame);
    return fd;
}

DREY_ASYNC int send_call(int fd, uint64_t id, const char *request)
{
    sq_text frame = {0};
    sq_frame_add(&frame, SQ_FRAME_CALL, id, request, strlen(request));
    int rc = drey_write_all(fd, frame.data, frame.bytes, NULL);
    sq_text_free(&frame);
    return rc;
}
