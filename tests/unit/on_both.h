/* SPDX-License-Identifier: MIT */
/* TEST_ON_BOTH(name, options...) { body }: a test on the system's best I/O backend, and again on epoll. */
#pragma once

#define TEST_ON_BOTH(name, ...)                                 \
    static DREY_ASYNC int body_of_##name(void);                 \
    DREY_TEST(name, .io = DREY_IO_AUTO, ##__VA_ARGS__)          \
    {                                                           \
        return body_of_##name();                                \
    }                                                           \
    DREY_TEST(name##_by_epoll, .io = DREY_IO_EPOLL, ##__VA_ARGS__) \
    {                                                           \
        return body_of_##name();                                \
    }                                                           \
    static DREY_ASYNC int body_of_##name(void)
