/* SPDX-License-Identifier: MIT */
/* Writing where there is no room: what was written is counted, and the next write goes on behind it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <drey.h>
#include <drey/test.h>

enum { LIMIT = 4096, PART = 3000 };

static int fill(void)
{
    static const char part[PART];
    char path[4096];
    struct rlimit limit = {LIMIT, RLIM_INFINITY};
    struct stat st;
    snprintf(path, sizeof path, "%s/full", drey_test_dir());
    signal(SIGXFSZ, SIG_IGN);
    int fd = drey_file_open(path, O_WRONLY | O_CREAT, 0600);
    DREY_CHECK(fd >= 0);
    DREY_CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    DREY_CHECK_EQ(drey_file_write(fd, part, PART), PART);
    DREY_CHECK_EQ(drey_file_write(fd, part, PART), LIMIT - PART);
    DREY_CHECK_EQ(drey_file_write(fd, part, PART), -EFBIG);
    DREY_CHECK_EQ(drey_file_fstat(fd, &st), 0);
    DREY_CHECK_EQ(st.st_size, LIMIT);
    DREY_CHECK_EQ(drey_file_close(fd), 0);
    return 0;
}

DREY_TEST(r5_a_short_write_moves_the_position)
{
    return fill();
}

DREY_TEST(r5_a_short_write_moves_the_position_epoll, .io = DREY_IO_EPOLL)
{
    return fill();
}

DREY_TEST_MAIN()
