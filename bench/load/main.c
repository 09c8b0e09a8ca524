/* SPDX-License-Identifier: MIT */
/*
 * The load for all servers of the table: bench-load WORK PORT CONNECTIONS PID, on one thread.
 *
 * echo     each connection sends a message and waits for it to come back, over and over. Prints round trips a second,
 *          and microseconds of the server's processor time for each.
 * echo_tls the same over TLS 1.3 by AES-128-GCM, to a server that is not verified.
 * connect  so many at a time: connect, a message there and back, close. Prints the same, for each connection.
 * idle     each connection gets a message back, and is idle then. Prints the server's resident bytes for each.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#if BENCH_TLS
#include <openssl/ssl.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE = 64, BATCH = 200, EVENTS = 256, WARM_MS = 120, MEASURED_MS = 350 };

static struct sockaddr_in server = {.sin_family = AF_INET};
static pid_t server_pid;
static int epoll;

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    need(clock_gettime(clock, &now) == 0, "clock_gettime");
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t server_cpu_ns(void)
{
    clockid_t clock;
    need(clock_getcpuclockid(server_pid, &clock) == 0, "the server's clock");
    return clock_ns(clock);
}

static double server_resident_bytes(void)
{
    char path[64], line[256];
    long kilobytes = -1;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)server_pid);
    FILE *file = fopen(path, "re");
    need(file != NULL, path);
    while (kilobytes < 0 && fgets(line, sizeof line, file) != NULL)
        sscanf(line, "Rss: %ld", &kilobytes);
    fclose(file);
    need(kilobytes >= 0, path);
    return (double)kilobytes * 1024;
}

/* The connections of echo_tls, by descriptor. */
#if BENCH_TLS
enum { DESCRIPTORS = 4096 };
static SSL_CTX *tls;
static SSL *tls_of[DESCRIPTORS];

static void shake_hands(int fd)
{
    need(fd < DESCRIPTORS && (tls_of[fd] = SSL_new(tls)) != NULL, "SSL_new");
    need(SSL_set_fd(tls_of[fd], fd) == 1 && SSL_connect(tls_of[fd]) == 1, "the handshake");
}

static void begin_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    need(tls != NULL && SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) == 1, "SSL_CTX_new");
    need(SSL_CTX_set_ciphersuites(tls, "TLS_AES_128_GCM_SHA256") == 1, "ciphers"); /* the same for all servers */
}

static ssize_t put(int fd, const char *message)
{
    return tls != NULL ? SSL_write(tls_of[fd], message, MESSAGE) : send(fd, message, MESSAGE, MSG_NOSIGNAL);
}

/* Over TLS it waits for a whole record, which is a message. */
static ssize_t get(int fd, char *message, int room)
{
    return tls != NULL ? SSL_read(tls_of[fd], message, room) : recv(fd, message, (size_t)room, 0);
}
#else
static const void *const tls = NULL;

static void shake_hands(int fd)
{
    (void)fd;
}

static void begin_tls(void)
{
    errno = ENOTSUP;
    need(0, "built without OpenSSL");
}

static ssize_t put(int fd, const char *message)
{
    return send(fd, message, MESSAGE, MSG_NOSIGNAL);
}

static ssize_t get(int fd, char *message, int room)
{
    return recv(fd, message, (size_t)room, 0);
}
#endif

static void send_message(int fd)
{
    static const char message[MESSAGE] = "a message";
    need(put(fd, message) == MESSAGE, "send");
}

/* Connect, and send the first message. */
static int connect_one(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    need(fd >= 0, "socket");
    need(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
    need(connect(fd, (struct sockaddr *)&server, sizeof server) == 0, "connect");
    if (tls != NULL)
        shake_hands(fd);
    send_message(fd);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    need(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
    return fd;
}

/* A message has come back. */
typedef void answered(int fd);

static void ask_again(int fd)
{
    send_message(fd);
}

static void connect_again(int fd)
{
    close(fd);
    connect_one();
}

static void leave_idle(int fd)
{
    (void)fd;
}

/* Wait for messages to come back once: how many did. */
static int round_of(answered *next)
{
    struct epoll_event events[EVENTS];
    char message[2 * MESSAGE];
    int n = epoll_wait(epoll, events, EVENTS, 5000);
    need(n > 0 || (n < 0 && errno == EINTR), "no answer for five seconds");
    for (int i = 0; i < n; i++) {
        need(get(events[i].data.fd, message, sizeof message) == MESSAGE, "recv");
        next(events[i].data.fd);
    }
    return n < 0 ? 0 : n;
}

/* All at once would be more than a listener's backlog. The connections, each of which has had an answer. */
static int *connect_all(int count)
{
    int *fds = malloc((size_t)count * sizeof fds[0]);
    need(fds != NULL, "malloc");
    for (int made = 0, back = 0; made < count;) {
        for (int end = made + BATCH < count ? made + BATCH : count; made < end; made++)
            fds[made] = connect_one();
        while (back < made)
            back += round_of(leave_idle);
    }
    return fds;
}

static long rounds_until(int64_t end, answered *next)
{
    long sum = 0;
    while (clock_ns(CLOCK_MONOTONIC) < end)
        sum += round_of(next);
    return sum;
}

static void measure(int count, answered *next)
{
    int *fds = connect_all(count);
    for (int i = 0; i < count; i++)
        next(fds[i]);
    rounds_until(clock_ns(CLOCK_MONOTONIC) + WARM_MS * 1000000LL, next);
    int64_t start = clock_ns(CLOCK_MONOTONIC), cpu = server_cpu_ns();
    double trips = (double)rounds_until(start + MEASURED_MS * 1000000LL, next);
    cpu = server_cpu_ns() - cpu;
    double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - start) / 1e9;
    free(fds);
    printf("%.0f %.4f\n", trips / seconds, (double)cpu / 1e3 / trips);
}

static void measure_idle(int count)
{
    double before = server_resident_bytes();
    free(connect_all(count));
    printf("%.1f\n", (server_resident_bytes() - before) / count);
}

int main(int argc, char **argv)
{
    int port = argc == 5 ? atoi(argv[2]) : 0, count = argc == 5 ? atoi(argv[3]) : 0;
    if (port <= 0 || count <= 0) {
        fprintf(stderr, "usage: bench-load echo|echo_tls|connect|idle PORT CONNECTIONS PID\n");
        return 2;
    }
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons((uint16_t)port);
    server_pid = atoi(argv[4]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    need(epoll >= 0, "epoll_create1");
    if (strcmp(argv[1], "echo_tls") == 0)
        begin_tls();
    if (strcmp(argv[1], "idle") == 0)
        measure_idle(count);
    else
        measure(count, strcmp(argv[1], "connect") == 0 ? connect_again : ask_again);
    return 0;
}
