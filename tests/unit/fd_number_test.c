/* SPDX-License-Identifier: MIT */
/* R5: a call that writes several times does not go on with what got the descriptor's number meanwhile. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "on_both.h"

enum { MUCH = 4 << 20 };

struct long_call {
    int fds[2], file;
    char *data;
    size_t done;
    int rc;
    bool by_sendfile, begun;
};

/* Near the end of its turn, so that it yields after the first part of what it writes. */
static DREY_ASYNC int write_much(void *arg)
{
    struct long_call *c = arg;
    drey_gate open = {0};
    int ignored;
    drey_gate_open(&open, 0);
    for (int i = 0; i < 100; i++)
        DREY_CHECK_EQ(drey_gate_wait(&open, &ignored), 0);
    c->begun = true;
    c->rc = c->by_sendfile ? drey_sendfile(c->fds[0], c->file, 0, MUCH, &c->done)
                           : drey_write_all(c->fds[0], c->data, MUCH, &c->done);
    return 0;
}

static DREY_ASYNC int take_the_number(void *arg)
{
    struct long_call *c = arg;
    int fds[2];
    char byte;
    DREY_CHECK(c->begun);
    drey_close(c->fds[0]);
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(fds[0], c->fds[0]);
    DREY_CHECK_EQ(drey_sleep(DREY_MS(2)), 0);
    DREY_CHECK_EQ(recv(fds[1], &byte, 1, 0), -1); /* nothing has come */
    drey_close(fds[0]);
    drey_close(fds[1]);
    return 0;
}

static DREY_ASYNC int number_is_taken(bool by_sendfile)
{
    struct long_call c = {.data = calloc(1, MUCH), .rc = 1, .by_sendfile = by_sendfile};
    c.file = memfd_create("much", MFD_CLOEXEC);
    DREY_CHECK_EQ(write(c.file, c.data, MUCH), MUCH);
    DREY_CHECK_EQ(drey_socket_pair(c.fds), 0);
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, write_much, &c), 0);
    DREY_CHECK_EQ(drey_go(&scope, take_the_number, &c), 0);
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK_EQ(c.rc, -EBADF);
    DREY_CHECK(c.done > 0 || by_sendfile); /* who looks at a file may have to wait for that first */
    drey_close(c.fds[1]);
    close(c.file);
    free(c.data);
    return 0;
}

TEST_ON_BOTH(r5_a_long_write_keeps_to_its_file, .workers = 1, .real_clock = true)
{
    return number_is_taken(false);
}

TEST_ON_BOTH(r5_sending_a_file_keeps_to_its_socket, .workers = 1, .real_clock = true)
{
    return number_is_taken(true);
}

DREY_TEST_MAIN()
