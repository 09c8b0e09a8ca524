/* SPDX-License-Identifier: MIT */
/* A program run to its end: one task waits for its pipes and its end at once. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "process/process.h"
#include "wait/wait.h"

enum { FIRST_ROOM = 4096, READ_AT_ONCE = 64 << 10 };

struct sink {
    char *data;
    size_t used, room, max; /* room: one byte more is allocated, for a NUL */
    bool drops;             /* what is over the max; else it fails */
    bool cut;
};

struct run {
    const drey_process_talk *talk;
    size_t written;
    struct sink out, err;
    drey_process process;
    drey_process_status status;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void feed(struct run *r)
{
    size_t left = r->talk->input_bytes - r->written;
    ssize_t n = left > 0 ? write(r->process.in, (const char *)r->talk->input + r->written, left) : 0;
    if (n > 0)
        r->written += (size_t)n;
    if (r->written == r->talk->input_bytes || (n < 0 && errno != EAGAIN && errno != EINTR))
        close_end(&r->process.in); /* it need not read all: what counts is its answer */
}

static int grow(struct sink *s)
{
    size_t room = s->room == 0 ? FIRST_ROOM : s->room > SIZE_MAX / 2 - 1 ? SIZE_MAX - 1 : s->room * 2;
    room = room < s->max ? room : s->max;
    char *data = room == SIZE_MAX ? NULL : drey__realloc(s->data, room + 1);
    if (data == NULL)
        return -ENOMEM;
    s->data = data;
    s->room = room;
    return 0;
}

/* At the max, a byte that comes is one too many. */
static int overflow(struct sink *s, int *fd, size_t *out_got)
{
    char rest[1024];
    ssize_t n = read(*fd, rest, s->drops ? sizeof rest : 1);
    *out_got = n > 0 ? (size_t)n : 0;
    if (n > 0) {
        s->cut = true;
        return s->drops ? 0 : -EMSGSIZE;
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        close_end(fd);
    return 0;
}

/* One read, of `most` bytes at most. */
static int collect(struct sink *s, int *fd, size_t most, size_t *out_got)
{
    *out_got = 0;
    if (s->used == s->max)
        return overflow(s, fd, out_got);
    if (s->used == s->room && grow(s) < 0)
        return -ENOMEM;
    size_t room = s->room - s->used;
    ssize_t n = read(*fd, s->data + s->used, room < most ? room : most);
    if (n > 0) {
        s->used += (size_t)n;
        *out_got = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_end(fd);
    }
    return 0;
}

/* What is in the pipe when the process has ended, and no more: another one may hold it, and write for ever. */
static int take_rest(struct sink *s, int *fd)
{
    int left = 0, rc = 0;
    size_t got = 1;
    if (*fd < 0 || ioctl(*fd, FIONREAD, &left) < 0)
        return 0;
    for (; rc == 0 && left > 0 && got > 0 && *fd >= 0; left -= (int)got)
        rc = collect(s, fd, (size_t)left, &got);
    return rc;
}

static drey_case on_end(int fd, unsigned events)
{
    return fd >= 0 ? drey_on_fd(fd, events) : drey_on_never();
}

static DREY_ASYNC int converse(struct run *r)
{
    drey_process *p = &r->process;
    size_t got;
    int rc = 0;
    while (rc == 0) {
        drey_case cases[] = {on_end(p->in, POLLOUT), on_end(p->out, POLLIN), on_end(p->err, POLLIN),
                             drey_on_process(p)};
        int which = drey_select(cases, 4);
        if (which < 0)
            return which;
        if (cases[which].result < 0 && which < 3)
            return cases[which].result; /* it cannot be waited for */
        if (which == 0)
            feed(r);
        else if (which == 1)
            rc = collect(&r->out, &p->out, READ_AT_ONCE, &got);
        else if (which == 2)
            rc = collect(&r->err, &p->err, READ_AT_ONCE, &got);
        else
            break;
    }
    if (rc == 0)
        rc = drey_process_wait(p, &r->status);
    if (rc == 0)
        rc = take_rest(&r->out, &p->out);
    return rc < 0 ? rc : take_rest(&r->err, &p->err);
}

/* In a scope of its own: whatever goes wrong, the program is stopped before this returns. */
static DREY_ASYNC int run_and_talk(struct run *r, const drey_process_options *options)
{
    DREY_SCOPE(scope, .name = "drey_process_run");
    r->process.in = r->process.out = r->process.err = -1;
    int rc = drey_process_start(&scope, *options, &r->process);
    if (rc == 0)
        rc = converse(r);
    close_end(&r->process.in);
    close_end(&r->process.out);
    close_end(&r->process.err);
    return drey_scope_close(&scope, rc);
}

static void end_sink(struct sink *s, char **out, size_t *out_bytes)
{
    *out = s->data;
    *out_bytes = s->used;
    if (s->data != NULL)
        s->data[s->used] = '\0';
}

int drey_process_run(drey_process_options options, drey_process_talk talk, drey_process_result *out_result)
{
    struct run r = {.talk = &talk, .out = {.max = talk.out_max}, .err = {.max = talk.err_max, .drops = true}};
    struct drey_task *self;
    int rc = drey__enter(&self, DREY__CUT_POINT);
    if (rc < 0)
        return rc;
    if (options.in == DREY_STDIO_PIPE || options.out == DREY_STDIO_PIPE || options.err == DREY_STDIO_PIPE)
        return -EINVAL;
    if (talk.input_bytes > 0)
        options.in = DREY_STDIO_PIPE;
    if (talk.out_max > 0)
        options.out = DREY_STDIO_PIPE;
    if (talk.err_max > 0)
        options.err = DREY_STDIO_PIPE;
    if ((talk.out_max > 0 && grow(&r.out) < 0) || (talk.err_max > 0 && grow(&r.err) < 0))
        rc = -ENOMEM;
    else
        rc = run_and_talk(&r, &options);
    if (rc < 0) {
        drey__free(r.out.data);
        drey__free(r.err.data);
        return rc;
    }
    *out_result = (drey_process_result){.status = r.status, .err_cut = r.err.cut};
    end_sink(&r.out, &out_result->out, &out_result->out_bytes);
    end_sink(&r.err, &out_result->err, &out_result->err_bytes);
    return rc;
}
