/* SPDX-License-Identifier: MIT */
/* Unix sockets on both backends: their files, who is at the other end, a full backlog. */
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net_kit.h"
#include "on_both.h"

TEST_ON_BOTH(unix_in_a_directory)
{
    char at[DREY_ADDR_TEXT];
    snprintf(at, sizeof at, "unix:%s/socket", drey_test_dir());
    return exchange(at);
}

TEST_ON_BOTH(unix_abstract)
{
    char at[DREY_ADDR_TEXT];
    snprintf(at, sizeof at, "unix:@drey-test-%d", (int)getpid());
    return exchange(at);
}

TEST_ON_BOTH(credentials)
{
    int fds[2];
    struct pair p;
    drey_credentials who;
    char at[DREY_ADDR_TEXT];
    snprintf(at, sizeof at, "unix:%s/socket", drey_test_dir());
    DREY_CHECK_EQ(pair_open(&p, at), 0);
    DREY_CHECK_EQ(drey_peer_credentials(p.server, &who), 0);
    DREY_CHECK_EQ(who.pid, getpid());
    DREY_CHECK_EQ(who.uid, geteuid());
    DREY_CHECK_EQ(who.gid, getegid());
    pair_close(&p);
    DREY_CHECK_EQ(drey_socket_pair(fds), 0);
    DREY_CHECK_EQ(drey_peer_credentials(fds[0], &who), 0);
    DREY_CHECK_EQ(who.pid, getpid());
    drey_close(fds[0]);
    drey_close(fds[1]);
    DREY_CHECK_EQ(pair_open(&p, "127.0.0.1:0"), 0);
    DREY_CHECK_EQ(drey_peer_credentials(p.server, &who), -ENOTCONN);
    pair_close(&p);
    return 0;
}

/* A file that a listener left behind is replaced if that is asked for; one that is in use, or no socket, is not. */
TEST_ON_BOTH(the_file_of_a_unix_socket)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    struct stat st;
    snprintf(text, sizeof text, "unix:%s/socket", drey_test_dir());
    DREY_CHECK_EQ(drey_addr_parse(text, &at), 0);
    int first = drey_listen(&at, (drey_listen_options){.mode = 0600});
    DREY_CHECK(first >= 0);
    DREY_CHECK_EQ(stat(text + 5, &st), 0);
    DREY_CHECK_EQ(st.st_mode & 0777, 0600);
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){.replace = true}), -EADDRINUSE);
    drey_close(first);
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){0}), -EADDRINUSE);
    first = drey_listen(&at, (drey_listen_options){.replace = true});
    DREY_CHECK(first >= 0);
    drey_close(first);
    DREY_CHECK_EQ(unlink(text + 5), 0);
    close(open(text + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    DREY_CHECK_EQ(drey_listen(&at, (drey_listen_options){.replace = true}), -EADDRINUSE);
    return 0;
}

/* The backlog is full: connecting waits for room, which nothing announces. */
TEST_ON_BOTH(r7_unix_backlog_is_full)
{
    char text[DREY_ADDR_TEXT];
    drey_addr at;
    int fds[2], accepted = -1;
    snprintf(text, sizeof text, "unix:%s/socket", drey_test_dir());
    DREY_CHECK_EQ(drey_addr_parse(text, &at), 0);
    int listener = drey_listen(&at, (drey_listen_options){.backlog = 1});
    for (int i = 0; i < 2; i++)
        DREY_CHECK((fds[i] = drey_connect_to(&at, (drey_connect_options){0})) >= 0);
    {
        DREY_SCOPE(scope, .timeout = DREY_SEC(5));
        DREY_CHECK_EQ(drey_connect_to(&at, (drey_connect_options){0}), -ECANCELED);
        DREY_CHECK_EQ(drey_scope_close(&scope, -ECANCELED), -ETIMEDOUT);
    }
    struct accepting a = {.listener = listener};
    DREY_SCOPE(scope);
    DREY_CHECK_EQ(drey_go(&scope, accept_one, &a), 0);
    accepted = drey_connect_to(&at, (drey_connect_options){0});
    DREY_CHECK_EQ(drey_scope_close(&scope, 0), 0);
    DREY_CHECK(accepted >= 0);
    drey_close(a.fd);
    drey_close(accepted);
    drey_close(fds[0]);
    drey_close(fds[1]);
    drey_close(listener);
    return 0;
}

DREY_TEST_MAIN()
