/* A load of listeners: opens up to 20,000 HTTP listeners of an Ogg Opus stream in one thread, reads
 * every page they get and reports what was wrong with them and how late they were.
 *
 *   listeners ADDRESS PORT TARGET [--tick T --deadline NS] [--late MS] [--sources N] [--batch US] [--mounts M]
 *
 * TARGET is the path with its query; in it listener number i has i modulo M for a '#'. With --batch it
 * reads at most every so many microseconds, as a machine would whose listeners are many, instead of
 * waking for each page: what the sender pays for waking it is no cost of sending. T and NS say that tick T of the server is due at NS on
 * CLOCK_MONOTONIC; with them the delay of each page is measured: from the moment at which the last
 * tick in the page was due to be complete, to the return of the recv() that completed the page. It
 * holds everything between: making the page, the fan-out, the kernel, and this program's own queue.
 *
 * It does what the lines on standard input say and answers each with one line of JSON:
 *
 *   open N IN_FLIGHT SECONDS RATE   open listeners until N are on and have heard a page, for at most
 *                              SECONDS; at most IN_FLIGHT at a time are between connect() and the
 *                              answer's head, and at most RATE connects a second are made (0: no limit)
 *   measure SECONDS            forget all counts, listen, report
 *   collect SECONDS            the same, but count what came since the opening as well
 *   close                      break all connections at once (RST, so that no port stays in TIME_WAIT)
 *   quit
 *
 * With no listener open, measure reports the bare timer alone. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum {
    MAX_LISTENERS = 20000,
    SCRATCH = 256 * 1024,
    MAX_PENDING = 128 * 1024,   /* more than a page that Ogg allows */
    MAX_HEAD = 16 * 1024,
    CONNECTS_A_ROUND = 256,
    CRC_EVERY = 16
};

enum state { CLOSED, CONNECTING, HEAD, BODY };

typedef struct {
    int fd;
    enum state state;
    bool hearing;              /* got an audio page since it was opened */
    bool follows;              /* next_granule and next_sequence hold */
    uint32_t next_sequence;
    int64_t next_granule;      /* where the next page must begin */
    int64_t opened;
    uint8_t *pending;          /* the beginning of a page (or head) that is not whole yet */
    size_t pending_size, pending_capacity;
} listener;

typedef struct {
    uint64_t pages, bytes, audio_bytes;
    uint64_t gaps, missing_ticks, repeats, sequence_errors;
    uint64_t crc_checked, crc_wrong, garbage;
    uint64_t lost, refused, failed;
} counts;

static listener listeners[MAX_LISTENERS];
static bench_histogram delay, lateness, hearing_after;
static counts count;
static bench_crc crc;
static int epoll_fd, wanted, in_flight_limit;
static int open_count, in_flight, hearing_count;
static int64_t opening_since;
static double connects_a_second, dialled;
static bool opening;
static int64_t known_tick = -1, known_deadline, late_ns = 100000000;
static int64_t batch_ns;
static int sources = 1;
static struct sockaddr_in server;
static const char *target;
static char authority[64];
static int mounts = 1;
static uint8_t scratch[SCRATCH];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void shut(listener *who)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(who->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(who->fd);
    if (who->state == CONNECTING || who->state == HEAD)
        in_flight--;
    if (who->hearing)
        hearing_count--;
    open_count--;
    who->state = CLOSED;
    who->hearing = who->follows = false;
    who->pending_size = 0;
}

/* Starts to connect; false when the machine has no descriptor or port left. */
static bool dial(listener *who, int number)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (sources > 1) {
        const struct sockaddr_in from = {
            .sin_family = AF_INET,
            .sin_addr.s_addr = htonl(0x7f000002u + (uint32_t)(number % sources)),
        };
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(fd, (const struct sockaddr *)&from, sizeof from) < 0)
            fail("bind");
    }
    if (connect(fd, (const struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    who->fd = fd;
    who->state = CONNECTING;
    who->opened = bench_now();
    open_count++;
    in_flight++;
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)number};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        fail("epoll_ctl");
    return true;
}

/* Sends the request; false when the connection is broken. */
static bool ask(const listener *who, int number)
{
    char request[2048], mount[16];
    const char *mark = strchr(target, '#');
    const int before = mark == NULL ? (int)strlen(target) : (int)(mark - target);
    snprintf(mount, sizeof mount, "%d", number % mounts);
    const int size = snprintf(request, sizeof request,
                              "GET %.*s%s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: loa-benchmarks\r\n"
                              "Connection: close\r\n\r\n",
                              before, target, mark == NULL ? "" : mount,
                              mark == NULL ? "" : mark + 1, authority);
    return size > 0 && size < (int)sizeof request
           && send(who->fd, request, (size_t)size, MSG_NOSIGNAL) == size;
}

static void connected(listener *who, int number)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(who->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || !ask(who, number)) {
        count.failed++;
        shut(who);
        return;
    }
    who->state = HEAD;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)number};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, who->fd, &event) < 0)
        fail("epoll_ctl");
}

/* Bytes of the answer's head, 0 when it is not whole yet, -1 when the server refuses. */
static ssize_t parse_head(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL)
        return size > MAX_HEAD ? -1 : 0;
    if (size < 12 || memcmp(bytes, "HTTP/1.", 7) != 0 || memcmp(bytes + 8, " 200", 4) != 0)
        return -1;
    return end + 4 - bytes;
}

static void heard(listener *who, int64_t now)
{
    who->hearing = true;
    hearing_count++;
    bench_add(&hearing_after, now - who->opened);
}

/* Judges one page that follows what this listener got before. */
static void judge(listener *who, const uint8_t *page, size_t size, int64_t now)
{
    const int64_t granule = (int64_t)bench_read_le(page + 6, 8);
    const uint32_t sequence = (uint32_t)bench_read_le(page + 18, 4);
    int packets = 0;
    for (int i = 0; i < page[26]; i++)
        packets += page[27 + i] < 255;
    if (granule == 0)
        return; /* the two headers */
    const int64_t start = granule - (int64_t)packets * BENCH_TICK_SAMPLES;
    if (who->follows) {
        if (start > who->next_granule) {
            count.gaps++;
            count.missing_ticks += (uint64_t)(start - who->next_granule) / BENCH_TICK_SAMPLES;
        } else if (start < who->next_granule) {
            count.repeats++;
        }
        count.sequence_errors += sequence != who->next_sequence;
    }
    who->follows = true;
    who->next_granule = granule;
    who->next_sequence = sequence + 1;
    count.audio_bytes += size;
    if (count.pages++ % CRC_EVERY == 0) {
        count.crc_checked++;
        count.crc_wrong += bench_crc_page(&crc, page, size) != bench_read_le(page + 22, 4);
    }
    if (!who->hearing)
        heard(who, now);
    if (known_tick >= 0) {
        const int64_t last = granule / BENCH_TICK_SAMPLES - 1;
        bench_add(&delay, now - known_deadline - (last - known_tick) * BENCH_TICK_NS);
    }
}

/* Takes whole pages from the front; returns the bytes taken, or -1 on what is not Ogg. */
static ssize_t parse_pages(listener *who, const uint8_t *bytes, size_t size, int64_t now)
{
    size_t at = 0;
    while (size - at >= 27) {
        const uint8_t *page = bytes + at;
        if (memcmp(page, "OggS", 4) != 0)
            return -1;
        size_t whole = (size_t)27 + page[26];
        if (size - at < whole)
            break;
        for (int i = 0; i < page[26]; i++)
            whole += page[27 + i];
        if (size - at < whole)
            break;
        judge(who, page, whole, now);
        at += whole;
    }
    return (ssize_t)at;
}

static void keep(listener *who, const uint8_t *bytes, size_t size)
{
    if (size > who->pending_capacity) {
        who->pending = realloc(who->pending, size + 1024);
        if (who->pending == NULL)
            fail("realloc");
        who->pending_capacity = size + 1024;
    }
    memcpy(who->pending, bytes, size);
    who->pending_size = size;
}

static void readable(listener *who)
{
    size_t size = who->pending_size;
    if (size > 0)
        memcpy(scratch, who->pending, size);
    const ssize_t got = recv(who->fd, scratch + size, SCRATCH - size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        count.lost++;
        shut(who);
        return;
    }
    const int64_t now = bench_now();
    count.bytes += (uint64_t)got;
    size += (size_t)got;
    const uint8_t *rest = scratch;
    if (who->state == HEAD) {
        const ssize_t head = parse_head(rest, size);
        if (head < 0) {
            count.refused++;
            shut(who);
            return;
        }
        if (head > 0) {
            who->state = BODY;
            in_flight--;
            rest += head;
            size -= (size_t)head;
        }
    }
    if (who->state == BODY) {
        const ssize_t taken = parse_pages(who, rest, size, now);
        if (taken < 0) {
            count.garbage++;
            shut(who);
            return;
        }
        rest += taken;
        size -= (size_t)taken;
    }
    if (size > MAX_PENDING) {
        count.garbage++;
        shut(who);
        return;
    }
    who->pending_size = 0;
    if (size > 0)
        keep(who, rest, size);
}

static bool may_dial(void)
{
    const double passed = (double)(bench_now() - opening_since) / 1e9;
    return opening && open_count < wanted && in_flight < in_flight_limit
           && (connects_a_second <= 0 || dialled < passed * connects_a_second);
}

static void open_more(void)
{
    static int next;
    for (int round = 0; round < CONNECTS_A_ROUND && may_dial(); round++) {
        dialled++;
        while (listeners[next].state != CLOSED)
            next = (next + 1) % MAX_LISTENERS;
        if (!dial(&listeners[next], next)) {
            count.failed++;
            return;
        }
    }
}

/* One round of the loop, at most until the given time. */
static void turn(int64_t until)
{
    struct epoll_event events[512];
    const int64_t left = until - bench_now();
    const bool paced = opening && connects_a_second > 0;
    const int wait = may_dial() || left <= 0 ? 0 : paced ? 1 : (int)(left / 1000000) + 1;
    const int found = epoll_wait(epoll_fd, events, 512, wait);
    for (int i = 0; i < found; i++) {
        listener *who = &listeners[events[i].data.u32];
        if (who->state == CONNECTING)
            connected(who, (int)events[i].data.u32);
        else if (who->state != CLOSED)
            readable(who);
    }
    if (opening)
        open_more();
    else if (batch_ns > 0)
        bench_sleep_until(bench_now() + batch_ns);
}

static void do_open(int number, int limit, double seconds, double rate)
{
    wanted = number;
    in_flight_limit = limit;
    connects_a_second = rate;
    dialled = 0;
    opening = true;
    memset(&count, 0, sizeof count);
    bench_reset(&hearing_after);
    const int before = hearing_count;
    const int64_t start = bench_now(), until = start + (int64_t)(seconds * 1e9);
    opening_since = start;
    while (hearing_count < wanted && bench_now() < until)
        turn(until);
    opening = false;
    const double took = (double)(bench_now() - start) / 1e9;
    printf("{\"hearing\": %d, \"seconds\": %.4f, \"joins_a_second\": %.1f, \"hear_p50_ms\": %.2f, "
           "\"hear_p99_ms\": %.2f, \"failed\": %llu, \"refused\": %llu, \"lost\": %llu}\n",
           hearing_count, took, (hearing_count - before) / took,
           bench_percentile(&hearing_after, 0.5), bench_percentile(&hearing_after, 0.99),
           (unsigned long long)count.failed, (unsigned long long)count.refused,
           (unsigned long long)count.lost);
}

static void do_measure(double seconds, bool forget)
{
    if (forget) {
        memset(&count, 0, sizeof count);
        bench_reset(&delay);
        bench_reset(&lateness);
    }
    const int64_t start = bench_now(), used = bench_cpu();
    const int64_t until = start + (int64_t)(seconds * 1e9);
    while (bench_now() < until)
        turn(until);
    const double took = (double)(bench_now() - start) / 1e9;
    printf("{\"listeners\": %d, \"hearing\": %d, \"seconds\": %.4f, \"pages\": %llu, "
           "\"bytes\": %llu, \"audio_bytes\": %llu, \"gaps\": %llu, \"missing_ticks\": %llu, "
           "\"repeats\": %llu, \"sequence_errors\": %llu, \"crc_checked\": %llu, "
           "\"crc_wrong\": %llu, \"garbage\": %llu, \"lost\": %llu, \"delay_p50_ms\": %.3f, "
           "\"delay_p99_ms\": %.3f, \"delay_max_ms\": %.3f, \"late\": %llu, "
           "\"timer_p50_ms\": %.3f, \"timer_p99_ms\": %.3f, \"timer_max_ms\": %.3f, "
           "\"own_cpu_s\": %.4f}\n",
           open_count, hearing_count, took, (unsigned long long)count.pages,
           (unsigned long long)count.bytes, (unsigned long long)count.audio_bytes,
           (unsigned long long)count.gaps, (unsigned long long)count.missing_ticks,
           (unsigned long long)count.repeats, (unsigned long long)count.sequence_errors,
           (unsigned long long)count.crc_checked, (unsigned long long)count.crc_wrong,
           (unsigned long long)count.garbage, (unsigned long long)count.lost,
           bench_percentile(&delay, 0.5), bench_percentile(&delay, 0.99),
           (double)atomic_load(&delay.longest) / 1e6,
           (unsigned long long)bench_beyond(&delay, late_ns), bench_percentile(&lateness, 0.5),
           bench_percentile(&lateness, 0.99), (double)atomic_load(&lateness.longest) / 1e6,
           (double)(bench_cpu() - used) / 1e9);
}

static void do_close(void)
{
    int closed = 0;
    for (int i = 0; i < MAX_LISTENERS; i++) {
        if (listeners[i].state != CLOSED) {
            shut(&listeners[i]);
            closed++;
        }
    }
    printf("{\"closed\": %d}\n", closed);
}

/* The next command, while the listeners go on reading; false at the end of standard input. */
static bool next_line(char *line, size_t capacity)
{
    size_t size = 0;
    for (;;) {
        const ssize_t got = read(STDIN_FILENO, line + size, 1);
        if (got == 0)
            return false;
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR)
                fail("standard input");
            turn(bench_now() + 10000000);
            continue;
        }
        if (line[size] == '\n') {
            line[size] = '\0';
            return true;
        }
        if (++size == capacity)
            return false;
    }
}

static void arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"tick", required_argument, NULL, 't'},    {"deadline", required_argument, NULL, 'd'},
        {"late", required_argument, NULL, 'l'},    {"sources", required_argument, NULL, 's'},
        {"batch", required_argument, NULL, 'b'},    {"mounts", required_argument, NULL, 'm'},
        {NULL, 0, NULL, 0},
    };
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (found) {
        case 't': known_tick = strtoll(optarg, NULL, 10); break;
        case 'd': known_deadline = strtoll(optarg, NULL, 10); break;
        case 'l': late_ns = (int64_t)(strtod(optarg, NULL) * 1e6); break;
        case 'b': batch_ns = strtoll(optarg, NULL, 10) * 1000; break;
        case 'm': mounts = atoi(optarg); break;
        case 's': sources = atoi(optarg); break;
        default: exit(2);
        }
    }
    if (argc - optind != 3 || sources < 1 || sources > 250 || mounts < 1) {
        fputs("usage: listeners ADDRESS PORT TARGET [--tick T --deadline NS] [--late MS] "
              "[--sources N] [--batch US] [--mounts M]\n", stderr);
        exit(2);
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
    if (inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1) {
        fputs("listeners: not an IPv4 address\n", stderr);
        exit(2);
    }
    target = argv[optind + 2];
    snprintf(authority, sizeof authority, "%s:%s", argv[optind], argv[optind + 1]);
}

int main(int argc, char **argv)
{
    arguments(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    bench_crc_fill(&crc);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        fail("epoll_create1");
    pthread_t timer;
    if (pthread_create(&timer, NULL, bench_timer_thread, &lateness) != 0)
        fail("pthread_create");
    fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
    setvbuf(stdout, NULL, _IOLBF, 0);

    char line[128];
    while (next_line(line, sizeof line)) {
        int number, limit;
        double seconds, rate;
        if (sscanf(line, "open %d %d %lf %lf", &number, &limit, &seconds, &rate) == 4 && number >= 0
            && number <= MAX_LISTENERS && limit > 0)
            do_open(number, limit, seconds, rate);
        else if (sscanf(line, "measure %lf", &seconds) == 1)
            do_measure(seconds, true);
        else if (sscanf(line, "collect %lf", &seconds) == 1)
            do_measure(seconds, false);
        else if (strcmp(line, "close") == 0)
            do_close();
        else if (strcmp(line, "quit") == 0)
            break;
        else
            printf("{\"error\": \"what?\"}\n");
    }
    return 0;
}
