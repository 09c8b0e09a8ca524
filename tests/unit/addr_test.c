/* SPDX-License-Identifier: MIT */
/* Addresses and their texts, without a runtime. */
#include <arpa/inet.h>
#include <drey.h>
#include <drey/test.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

DREY_TEST(reads_and_writes_back, .no_runtime = true)
{
    static const char *const texts[] = {
        "127.0.0.1:80",        "0.0.0.0:0",           "255.255.255.255:65535", "[::1]:80",      "[::]:0",
        "[2001:db8::7]:65535", "[::ffff:10.0.0.1]:1", "unix:/run/me.sock",     "unix:relative", "unix:@name",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        drey_addr addr;
        char text[DREY_ADDR_TEXT];
        DREY_CHECK_EQ(drey_addr_parse(texts[i], &addr), 0);
        DREY_CHECK_STR(drey_addr_format(&addr, text), texts[i]);
    }
    return 0;
}

DREY_TEST(reads_other_spellings, .no_runtime = true)
{
    drey_addr addr;
    char text[DREY_ADDR_TEXT];
    DREY_CHECK_EQ(drey_addr_parse("[0:0:0:0:0:0:0:1]:0080", &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "[::1]:80");
    DREY_CHECK_EQ(drey_addr_parse("[fe80::1%lo]:80", &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "[fe80::1%lo]:80");
    DREY_CHECK_EQ(drey_addr_parse("[fe80::1%1]:80", &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "[fe80::1%lo]:80");
    DREY_CHECK_EQ(drey_addr_parse("[fe80::1%99999]:80", &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "[fe80::1%99999]:80");
    return 0;
}

DREY_TEST(refuses_what_is_none, .no_runtime = true)
{
    static const char *const texts[] = {
        "",
        ":",
        ":80",
        "80",
        "localhost:80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1: 1",
        "127.0.0.1:1 ",
        "127.0.0.1:000001",
        "127.1:80",
        "1.2.3.4.5:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1",
        "[]:80",
        "[127.0.0.1]:80",
        "[::1]:",
        "unix:",
        "Unix:/x",
        "[::g]:1",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        drey_addr addr = {{7}}, before = addr;
        if (drey_addr_parse(texts[i], &addr) != -EINVAL)
            printf("taken: \"%s\"\n", texts[i]);
        DREY_CHECK_EQ(drey_addr_parse(texts[i], &addr), -EINVAL);
        DREY_CHECK_EQ(memcmp(&addr, &before, sizeof addr), 0);
    }
    drey_addr addr;
    DREY_CHECK_EQ(drey_addr_parse("[fe80::1%nosuchinterface]:80", &addr), -ENODEV);
    return 0;
}

/* R19: a path has the system's limit, which is 107 bytes and a NUL. */
DREY_TEST(r19_length_of_paths, .no_runtime = true)
{
    char text[200] = "unix:/", back[DREY_ADDR_TEXT];
    drey_addr addr;
    memset(text + 6, 'a', 106);
    DREY_CHECK_EQ(drey_addr_parse(text, &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, back), text);
    text[112] = 'a';
    DREY_CHECK_EQ(drey_addr_parse(text, &addr), -ENAMETOOLONG);
    text[5] = '@';
    text[112] = '\0';
    DREY_CHECK_EQ(drey_addr_parse(text, &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, back), text);
    return 0;
}

DREY_TEST(equality, .no_runtime = true)
{
    static const char *const texts[] = {"1.2.3.4:5",     "1.2.3.4:6", "1.2.3.5:5", "[::1]:5", "[::1]:6", "[::2]:5",
                                        "[fe80::1%1]:5", "unix:a",    "unix:b",    "unix:@a", "unix:ab"};
    enum { COUNT = sizeof texts / sizeof texts[0] };
    drey_addr addrs[COUNT], none = {{0}}, again;
    for (size_t i = 0; i < COUNT; i++)
        DREY_CHECK_EQ(drey_addr_parse(texts[i], &addrs[i]), 0);
    for (size_t i = 0; i < COUNT; i++) {
        DREY_CHECK_EQ(drey_addr_parse(texts[i], &again), 0);
        DREY_CHECK(!drey_addr_equal(&addrs[i], &none));
        for (size_t j = 0; j < COUNT; j++)
            DREY_CHECK_EQ(drey_addr_equal(&again, &addrs[j]), i == j);
    }
    DREY_CHECK(drey_addr_equal(&none, &none));
    DREY_CHECK_EQ(drey_addr_port(&addrs[0]), 5);
    DREY_CHECK_EQ(drey_addr_port(&addrs[4]), 6);
    DREY_CHECK_EQ(drey_addr_port(&addrs[7]), 0);
    DREY_CHECK_EQ(drey_addr_port(&none), 0);
    return 0;
}

DREY_TEST(from_and_to_the_systems_own, .no_runtime = true)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_storage other = {.ss_family = AF_NETLINK};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    const struct sockaddr *any = (const struct sockaddr *)(const void *)&v4;
    drey_addr addr = {{0}};
    char text[DREY_ADDR_TEXT];
    unsigned bytes = 7;
    DREY_CHECK_STR(drey_addr_format(&addr, text), "unknown");
    DREY_CHECK(drey_addr_sockaddr(&addr, &bytes) != NULL);
    DREY_CHECK_EQ(bytes, 0);
    DREY_CHECK_EQ(drey_addr_from(any, sizeof v4, &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "0.0.0.0:80");
    DREY_CHECK_EQ(memcmp(drey_addr_sockaddr(&addr, &bytes), &v4, sizeof v4), 0);
    DREY_CHECK_EQ(bytes, sizeof v4);
    DREY_CHECK_EQ(drey_addr_from(any, sizeof v4 - 1, &addr), -EINVAL);
    DREY_CHECK_EQ(drey_addr_from(any, 1, &addr), -EINVAL);
    DREY_CHECK_EQ(drey_addr_from((const void *)&other, sizeof other, &addr), -EAFNOSUPPORT);
    DREY_CHECK_EQ(drey_addr_from((const void *)&local, sizeof(sa_family_t), &addr), 0);
    DREY_CHECK_STR(drey_addr_format(&addr, text), "unix:");
    DREY_CHECK_EQ(drey_addr_from((const void *)&local, sizeof local + 1, &addr), -EINVAL);
    return 0;
}

DREY_TEST_MAIN()
