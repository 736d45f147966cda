/* The floor: the least that sending these pages to so many listeners can cost on this machine.
 *
 *   floor TICKS_A_PAGE PACKET_SIZES [PHASES]
 *
 * One thread on the same 20 ms deadlines as the engine. PACKET_SIZES is a file with the sizes of a
 * real mount's packets, one in a line, used round and round: pages have the real sizes and cadence,
 * each listener has one of the cadence's phases (of the first PHASES of them), and one page for each phase is made when it is due
 * and shared. What remains for each listener is a cursor and a non-blocking send(). No lag policy,
 * no resume, no carriage, no counters: a server must do more, and the ratio says how much more.
 *
 * Prints one line of JSON: the port on 127.0.0.1, and a tick with its CLOCK_MONOTONIC deadline in
 * ns. Ends when standard input does. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum {
    MAX_LISTENERS = 20000,
    MAX_PACKETS = 100000,
    RING = 64,              /* pages kept for each phase */
    MAX_PHASES = 10,
    MAX_PAGE = 27 + MAX_PHASES * 6 + MAX_PHASES * 1275,
    FIRST_TICK = 1000000
};

static const char HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nConnection: close\r\n"
                           "Cache-Control: no-cache, no-store\r\n\r\n";

typedef struct {
    uint8_t bytes[MAX_PAGE];
    size_t size;
} page;

typedef struct {
    int fd;
    int64_t cursor;         /* number of the next page of its phase to send */
    size_t sent;            /* of that page */
} listener;

typedef struct {
    listener *listeners;
    int count;
    int64_t newest;         /* number of the newest page */
    page ring[RING];
} phase;

static phase phases[MAX_PHASES];
static uint16_t packet_sizes[MAX_PACKETS];
static int packet_count, cadence, used_phases;
static bench_crc crc;
static int greeting[MAX_LISTENERS], greeting_count;

static void make_page(page *out, int64_t last_tick)
{
    uint8_t *at = out->bytes + 27;
    size_t body = 0;
    for (int64_t tick = last_tick - cadence + 1; tick <= last_tick; tick++) {
        int size = packet_sizes[tick % packet_count];
        body += (size_t)size;
        for (; size >= 255; size -= 255)
            *at++ = 255;
        *at++ = (uint8_t)size;
    }
    memset(out->bytes, 0, 27);
    memcpy(out->bytes, "OggS", 4);
    bench_write_le(out->bytes + 6, (uint64_t)(last_tick + 1) * BENCH_TICK_SAMPLES, 8);
    bench_write_le(out->bytes + 14, 0x4c6f61, 4);
    bench_write_le(out->bytes + 18, (uint64_t)(last_tick / cadence), 4);
    out->bytes[26] = (uint8_t)(at - out->bytes - 27);
    memset(at, (int)(last_tick & 0xff), body);
    out->size = (size_t)(at - out->bytes) + body;
    bench_write_le(out->bytes + 22, bench_crc_page(&crc, out->bytes, out->size), 4);
}

static void join(int fd)
{
    phase *least = &phases[0];
    for (int i = 1; i < used_phases; i++)
        if (phases[i].count < least->count)
            least = &phases[i];
    least->listeners[least->count++] = (listener){.fd = fd, .cursor = least->newest + 1};
}

static void accept_new(int server)
{
    for (int fd; (fd = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (greeting_count == MAX_LISTENERS || phases[used_phases - 1].count == MAX_LISTENERS)
            close(fd);
        else
            greeting[greeting_count++] = fd;
    }
    for (int i = 0; i < greeting_count;) {
        char request[4096];
        const int fd = greeting[i];
        const ssize_t got = recv(fd, request, sizeof request, 0);
        if (got < 0 && errno == EAGAIN) {
            i++;
            continue;
        }
        greeting[i] = greeting[--greeting_count];
        if (got > 0 && send(fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) == (ssize_t)sizeof HEAD - 1)
            join(fd);
        else
            close(fd);
    }
}

static void send_all(phase *due)
{
    for (int i = 0; i < due->count;) {
        listener *who = &due->listeners[i];
        bool gone = false;
        while (who->cursor <= due->newest) {
            if (due->newest - who->cursor >= RING) {
                gone = true;
                break;
            }
            const page *next = &due->ring[who->cursor % RING];
            const ssize_t sent = send(who->fd, next->bytes + who->sent, next->size - who->sent,
                                      MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent < 0) {
                gone = errno != EAGAIN;
                break;
            }
            who->sent += (size_t)sent;
            if (who->sent < next->size)
                break;
            who->cursor++;
            who->sent = 0;
        }
        if (gone) {
            close(who->fd);
            due->listeners[i] = due->listeners[--due->count];
        } else {
            i++;
        }
    }
}

static int listen_somewhere(int *port)
{
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof address;
    if (server < 0 || bind(server, (struct sockaddr *)&address, sizeof address) < 0
        || listen(server, 4096) < 0
        || getsockname(server, (struct sockaddr *)&address, &size) < 0) {
        perror("floor");
        exit(1);
    }
    *port = ntohs(address.sin_port);
    return server;
}

static void prepare(int argc, char **argv)
{
    cadence = atoi(argv[1]);
    used_phases = argc == 4 ? atoi(argv[3]) : cadence;
    FILE *file = fopen(argv[2], "r");
    if (cadence < 1 || cadence > MAX_PHASES || used_phases < 1 || used_phases > cadence
        || file == NULL) {
        fputs("floor: 1 to 10 ticks a page, and a file of packet sizes\n", stderr);
        exit(2);
    }
    for (unsigned size; packet_count < MAX_PACKETS && fscanf(file, "%u", &size) == 1;)
        packet_sizes[packet_count++] = (uint16_t)(size > 1275 ? 1275 : size);
    fclose(file);
    if (packet_count == 0)
        exit(2);
    bench_crc_fill(&crc);
    for (int i = 0; i < cadence; i++) {
        phases[i].listeners = calloc(MAX_LISTENERS, sizeof(listener));
        if (phases[i].listeners == NULL)
            exit(1);
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        fputs("usage: floor TICKS_A_PAGE PACKET_SIZES [PHASES]\n", stderr);
        return 2;
    }
    prepare(argc, argv);
    int port;
    const int server = listen_somewhere(&port);
    const int64_t first = bench_now();
    printf("{\"port\": %d, \"tick\": %d, \"deadline\": %lld}\n", port, FIRST_TICK,
           (long long)first);
    fflush(stdout);
    prctl(PR_SET_TIMERSLACK, 1000);
    for (int64_t tick = FIRST_TICK + 1;; tick++) {
        bench_sleep_until(first + (tick - FIRST_TICK) * BENCH_TICK_NS);
        phase *due = &phases[tick % cadence];
        due->newest++;
        make_page(&due->ring[due->newest % RING], tick);
        send_all(due);
        accept_new(server);
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char byte;
        if (poll(&input, 1, 0) > 0 && read(STDIN_FILENO, &byte, 1) <= 0)
            return 0;
    }
}
