/* A load of receivers: opens up to 20,000 connections as boxes have them (TLS, WebSocket, the handshake of
 * codecs/control/messages.py with real signatures) in one thread, reads every message and reports what was
 * wrong with the audio and how late it was.
 *
 *   receivers ADDRESS PORT KEY FIRST [--tick T --deadline NS] [--batch US] [--ping SECONDS]
 *
 * KEY is the Ed25519 secret that all of them sign with, in hex; box number i is receiver FIRST + i. With
 * --batch it reads at most every so many microseconds, as a machine would whose boxes are many, instead of
 * waking for each message. T and NS say that tick T of the server is due at NS on CLOCK_MONOTONIC; with them
 * the delay of each message of audio is measured: from the moment at which its last tick was due to be
 * complete, to when the message was read and decrypted. It holds everything between: making the packets,
 * the server's loop, TLS, the kernel, and this program's own queue.
 *
 * It does what the lines on standard input say and answers each with one line of JSON:
 *
 *   open N IN_FLIGHT SECONDS   open boxes until N have a session (and hear, if anything is on), for at most
 *                              SECONDS, at most IN_FLIGHT at a time between connect() and the welcome
 *   measure SECONDS            forget all counts, listen, report
 *   close                      break all connections at once (RST)
 *   quit
 *
 * What it does not do: check the server's identity, and decode. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "bench.h"

enum {
    MAX_BOXES = 20000,
    CONNECTS_A_ROUND = 64,
    MAX_PENDING = 512 * 1024,
    SCRATCH = 64 * 1024,
    KEY_BYTES = 32,
    SIGNATURE_BYTES = 64
};

enum state { CLOSED, CONNECTING, SHAKING, UPGRADING, CHALLENGED, WELCOMED };

typedef struct {
    int fd;
    enum state state;
    SSL *tls;
    bool hears, follows;
    int64_t next_tick;
    int64_t opened, pinged;
    uint8_t *pending; /* the beginning of a message that is not whole yet */
    size_t size, capacity;
} box;

typedef struct {
    uint64_t messages, ticks, bytes, texts, changes;
    uint64_t gaps, missing_ticks, repeats, garbage, lost, refused, failed;
} counts;

typedef struct {
    uint64_t in, out, segments_in, segments_out;
} traffic;

static box boxes[MAX_BOXES];
static counts count;
static bench_histogram delay, lateness, welcomed_after;
static SSL_CTX *context;
static EVP_PKEY *identity;
static struct sockaddr_in server;
static char authority[64];
static int epoll_fd, first_receiver, wanted, in_flight_limit, open_count, in_flight, session_count;
static bool opening;
static int64_t known_tick = -1, known_deadline, batch_ns, ping_ns;
static uint8_t scratch[SCRATCH];

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void shut(box *one)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(one->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    if (one->tls != NULL)
        SSL_free(one->tls);
    close(one->fd);
    if (one->state != WELCOMED)
        in_flight--;
    else
        session_count--;
    open_count--;
    one->tls = NULL;
    one->state = CLOSED;
    one->hears = one->follows = false;
    one->size = 0;
}

static void watch(const box *one, uint32_t events, int how)
{
    struct epoll_event event = {.events = events, .data.u32 = (uint32_t)(one - boxes)};
    if (epoll_ctl(epoll_fd, how, one->fd, &event) < 0)
        fail("epoll_ctl");
}

static bool dial(box *one)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0)
        return false;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    one->fd = fd;
    one->state = CONNECTING;
    one->opened = one->pinged = bench_now();
    open_count++;
    in_flight++;
    watch(one, EPOLLOUT, EPOLL_CTL_ADD);
    return true;
}

/* --- sending: little, and only at the beginning, so that it is taken at once */

static bool send_all(box *one, const void *data, size_t size)
{
    return SSL_write(one->tls, data, (int)size) == (int)size;
}

/* A text message, masked with zeros, which is a mask like any other. */
static bool send_text(box *one, const char *text)
{
    uint8_t frame[1200];
    const size_t size = strlen(text);
    size_t at = 0;
    frame[at++] = 0x81;
    if (size < 126) {
        frame[at++] = (uint8_t)(0x80 | size);
    } else {
        frame[at++] = 0x80 | 126;
        frame[at++] = (uint8_t)(size >> 8);
        frame[at++] = (uint8_t)size;
    }
    memset(frame + at, 0, 4);
    at += 4;
    if (at + size > sizeof frame)
        return false;
    memcpy(frame + at, text, size);
    return send_all(one, frame, at + size);
}

static bool base64_field(const char *text, const char *name, uint8_t *out, size_t bytes)
{
    char wanted_name[32];
    uint8_t decoded[128];
    snprintf(wanted_name, sizeof wanted_name, "\"%s\":\"", name);
    const char *at = strstr(text, wanted_name);
    if (at == NULL)
        return false;
    at += strlen(wanted_name);
    const size_t size = strcspn(at, "\"");
    if (size > 160 || EVP_DecodeBlock(decoded, (const uint8_t *)at, (int)size) < (int)bytes)
        return false;
    memcpy(out, decoded, bytes);
    return true;
}

/* SHA-256 of the SubjectPublicKeyInfo of the certificate that the server showed. */
static bool certificate_hash(const box *one, uint8_t *hash)
{
    X509 *certificate = SSL_get1_peer_certificate(one->tls);
    uint8_t *der = NULL;
    if (certificate == NULL)
        return false;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    X509_free(certificate);
    const bool done = size > 0 && EVP_Digest(der, (size_t)size, hash, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return done;
}

static bool say_hello(box *one, const char *challenge)
{
    static const char PURPOSE[] = "loa session 1"; /* its zero byte is signed as well */
    const int receiver = first_receiver + (int)(one - boxes);
    uint8_t text[sizeof PURPOSE + 4 * KEY_BYTES + 8] = {0}, signature[SIGNATURE_BYTES];
    uint8_t *at = text + sizeof PURPOSE, *nonce = at + KEY_BYTES;
    memcpy(text, PURPOSE, sizeof PURPOSE);
    memset(nonce, receiver & 0xff, KEY_BYTES);
    if (!base64_field(challenge, "nonce", at, KEY_BYTES) ||
        !certificate_hash(one, at + 2 * KEY_BYTES) ||
        !base64_field(challenge, "key", at + 3 * KEY_BYTES, KEY_BYTES))
        return false;
    for (int i = 0; i < 4; i++)
        text[sizeof text - 1 - (size_t)i] = (uint8_t)(receiver >> (8 * i));
    size_t size = sizeof signature;
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    const bool done =
        EVP_DigestSignInit(signing, NULL, NULL, NULL, identity) == 1 &&
        EVP_DigestSign(signing, signature, &size, text, sizeof text) == 1;
    EVP_MD_CTX_free(signing);
    char nonce_text[64], signature_text[128], hello[600];
    EVP_EncodeBlock((uint8_t *)nonce_text, nonce, KEY_BYTES);
    EVP_EncodeBlock((uint8_t *)signature_text, signature, SIGNATURE_BYTES);
    snprintf(hello, sizeof hello,
             "{\"t\":\"hello\",\"version\":1,\"receiver\":%d,\"nonce\":\"%s\",\"signature\":\"%s\","
             "\"software\":\"benchmark\",\"settings\":1000000}",
             receiver, nonce_text, signature_text);
    return done && send_text(one, hello);
}

/* --- what comes */

static void judge_audio(box *one, const uint8_t *payload, size_t size, int64_t now)
{
    int64_t tick = 0;
    if (size < 8 || payload[0] != 1 || payload[7] == 0) {
        count.garbage++;
        return;
    }
    for (int i = 1; i < 7; i++)
        tick = tick << 8 | payload[i];
    const int64_t end = tick + payload[7];
    if (one->follows && tick > one->next_tick) {
        count.gaps++;
        count.missing_ticks += (uint64_t)(tick - one->next_tick);
    } else if (one->follows && tick < one->next_tick) {
        count.repeats++;
    }
    one->follows = one->hears = true;
    one->next_tick = end;
    count.messages++;
    count.ticks += payload[7];
    if (known_tick >= 0)
        bench_add(&delay, now - known_deadline - (end - 1 - known_tick) * BENCH_TICK_NS);
}

/* False when the connection is of no use any more. */
static bool judge_text(box *one, const char *text, int64_t now)
{
    count.texts++;
    if (one->state == CHALLENGED && strstr(text, "\"challenge\"") != NULL)
        return say_hello(one, text);
    if (strstr(text, "\"refused\"") != NULL) {
        count.refused++;
        fprintf(stderr, "receivers: %s\n", text);
        return false;
    }
    if (strstr(text, "\"welcome\"") != NULL) {
        one->state = WELCOMED;
        in_flight--;
        session_count++;
        bench_add(&welcomed_after, now - one->opened);
    }
    count.changes += strncmp(text, "{\"t\":\"change\"", 13) == 0;
    return true;
}

/* Takes whole messages from the front; returns how many bytes, or -1. */
static ssize_t take_messages(box *one, uint8_t *data, size_t size, int64_t now)
{
    size_t at = 0;
    while (size - at >= 2) {
        const uint8_t *head = data + at;
        size_t begin = 2, length = head[1] & 0x7f;
        if (length == 126) {
            begin = 4;
            if (size - at < begin)
                break;
            length = (size_t)head[2] << 8 | head[3];
        } else if (length == 127) {
            return -1; /* nothing is so long here */
        }
        if (size - at < begin + length)
            break;
        uint8_t *payload = data + at + begin;
        if ((head[0] & 0x0f) == 2) {
            judge_audio(one, payload, length, now);
        } else if ((head[0] & 0x0f) == 1) {
            const uint8_t kept = payload[length]; /* there is always a byte of room behind */
            payload[length] = 0;
            const bool well = judge_text(one, (const char *)payload, now);
            payload[length] = kept;
            if (!well)
                return -1;
        } else if ((head[0] & 0x0f) == 8) {
            return -1;
        }
        at += begin + length;
    }
    return (ssize_t)at;
}

static void keep(box *one, const uint8_t *data, size_t size)
{
    if (size + 1 > one->capacity) {
        one->capacity = size + 1024;
        one->pending = realloc(one->pending, one->capacity);
        if (one->pending == NULL)
            fail("realloc");
    }
    memmove(one->pending, data, size);
    one->size = size;
}

static bool take(box *one, size_t got, int64_t now)
{
    uint8_t *data = scratch;
    size_t size = got;
    if (one->state == UPGRADING) {
        const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
        if (end == NULL || memcmp(data, "HTTP/1.1 101", 12) != 0) {
            count.refused++;
            return false;
        }
        one->state = CHALLENGED;
        size -= (size_t)(end + 4 - data);
        data += end + 4 - data;
    }
    const ssize_t taken = take_messages(one, data, size, now);
    if (taken < 0 || size - (size_t)taken > MAX_PENDING)
        return false;
    one->size = 0;
    if (size > (size_t)taken)
        keep(one, data + taken, size - (size_t)taken);
    return true;
}

static bool again(const box *one, int result)
{
    const int error = SSL_get_error(one->tls, result);
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Reads what there is; false when the connection broke. */
static bool readable(box *one)
{
    if (one->state == SHAKING) {
        const int done = SSL_do_handshake(one->tls);
        if (done != 1)
            return again(one, done);
        char request[512];
        const int size = snprintf(
            request, sizeof request,
            "GET /api/v1/receivers/control HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: bG9hIGJlbmNobWFya3MgIQ==\r\n\r\n",
            authority);
        one->state = UPGRADING;
        if (!send_all(one, request, (size_t)size))
            return false;
    }
    for (;;) {
        if (one->size > 0)
            memcpy(scratch, one->pending, one->size);
        const int got =
            SSL_read(one->tls, scratch + one->size, (int)(sizeof scratch - one->size - 1));
        if (got <= 0)
            return again(one, got);
        count.bytes += (uint64_t)got;
        if (!take(one, one->size + (size_t)got, bench_now()))
            return false;
    }
}

static bool connected(box *one)
{
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(one->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    one->tls = SSL_new(context);
    if (error != 0 || one->tls == NULL || SSL_set_fd(one->tls, one->fd) != 1)
        return false;
    SSL_set_connect_state(one->tls);
    one->state = SHAKING;
    watch(one, EPOLLIN, EPOLL_CTL_MOD);
    return readable(one);
}

static void ping_some(int64_t now)
{
    static int next;
    char text[80];
    for (int i = 0; i < 16; i++, next = (next + 1) % MAX_BOXES) {
        box *one = &boxes[next];
        if (one->state != WELCOMED || now - one->pinged < ping_ns)
            continue;
        one->pinged = now;
        snprintf(text, sizeof text, "{\"t\":\"ping\",\"sent\":%.6f}", (double)now / 1e9);
        if (!send_text(one, text)) {
            count.lost++;
            shut(one);
        }
    }
}

static void turn(int64_t until)
{
    struct epoll_event events[512];
    const int64_t left = until - bench_now();
    const bool may = opening && open_count < wanted && in_flight < in_flight_limit;
    const int found = epoll_wait(epoll_fd, events, 512, may || left <= 0 ? 0 : (int)(left / 1000000) + 1);
    for (int i = 0; i < found; i++) {
        box *one = &boxes[events[i].data.u32];
        if (one->state == CLOSED || (one->state == CONNECTING ? connected(one) : readable(one)))
            continue;
        if (one->state == WELCOMED)
            count.lost++;
        else
            count.failed++;
        shut(one);
    }
    if (ping_ns > 0)
        ping_some(bench_now());
    if (opening) {
        for (int i = 0, dialled = 0; i < MAX_BOXES && dialled < CONNECTS_A_ROUND &&
                                     open_count < wanted && in_flight < in_flight_limit; i++)
            if (boxes[i].state == CLOSED) {
                dialled++;
                if (!dial(&boxes[i]))
                    count.failed++;
            }
    } else if (batch_ns > 0) {
        bench_sleep_until(bench_now() + batch_ns);
    }
}

/* --- the commands */

static traffic sum_traffic(void)
{
    traffic sum = {0};
    for (int i = 0; i < MAX_BOXES; i++) {
        struct tcp_info info;
        socklen_t size = sizeof info;
        if (boxes[i].state != WELCOMED ||
            getsockopt(boxes[i].fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
            continue;
        sum.in += info.tcpi_bytes_received;
        sum.out += info.tcpi_bytes_sent;
        sum.segments_in += info.tcpi_segs_in;
        sum.segments_out += info.tcpi_segs_out;
    }
    return sum;
}

static int hearing(void)
{
    int found = 0;
    for (int i = 0; i < MAX_BOXES; i++)
        found += boxes[i].hears;
    return found;
}

static void do_open(int number, int limit, double seconds)
{
    memset(&count, 0, sizeof count);
    bench_reset(&welcomed_after);
    wanted = number;
    in_flight_limit = limit;
    opening = true;
    const int64_t start = bench_now(), until = start + (int64_t)(seconds * 1e9);
    while (session_count < wanted && bench_now() < until)
        turn(until);
    opening = false;
    printf("{\"sessions\": %d, \"seconds\": %.4f, \"welcome_p50_ms\": %.2f, \"welcome_p99_ms\": %.2f, "
           "\"failed\": %llu, \"refused\": %llu, \"lost\": %llu}\n",
           session_count, (double)(bench_now() - start) / 1e9,
           bench_percentile(&welcomed_after, 0.5), bench_percentile(&welcomed_after, 0.99),
           (unsigned long long)count.failed, (unsigned long long)count.refused,
           (unsigned long long)count.lost);
}

static void do_measure(double seconds)
{
    memset(&count, 0, sizeof count);
    bench_reset(&delay);
    bench_reset(&lateness);
    const traffic before = sum_traffic();
    const int64_t start = bench_now(), used = bench_cpu();
    const int64_t until = start + (int64_t)(seconds * 1e9);
    while (bench_now() < until)
        turn(until);
    const traffic after = sum_traffic();
    printf("{\"sessions\": %d, \"hearing\": %d, \"seconds\": %.4f, \"messages\": %llu, \"ticks\": %llu, "
           "\"bytes\": %llu, \"texts\": %llu, \"changes\": %llu, \"gaps\": %llu, "
           "\"missing_ticks\": %llu, \"repeats\": %llu, \"garbage\": %llu, \"lost\": %llu, "
           "\"refused\": %llu, \"tcp_in\": %llu, \"tcp_out\": %llu, \"segments_in\": %llu, "
           "\"segments_out\": %llu, \"delay_p50_ms\": %.3f, \"delay_p99_ms\": %.3f, "
           "\"delay_max_ms\": %.3f, \"timer_p50_ms\": %.3f, \"timer_p99_ms\": %.3f, "
           "\"own_cpu_s\": %.4f}\n",
           session_count, hearing(), (double)(bench_now() - start) / 1e9,
           (unsigned long long)count.messages, (unsigned long long)count.ticks,
           (unsigned long long)count.bytes, (unsigned long long)count.texts,
           (unsigned long long)count.changes, (unsigned long long)count.gaps,
           (unsigned long long)count.missing_ticks, (unsigned long long)count.repeats,
           (unsigned long long)count.garbage, (unsigned long long)count.lost,
           (unsigned long long)count.refused, (unsigned long long)(after.in - before.in),
           (unsigned long long)(after.out - before.out),
           (unsigned long long)(after.segments_in - before.segments_in),
           (unsigned long long)(after.segments_out - before.segments_out),
           bench_percentile(&delay, 0.5), bench_percentile(&delay, 0.99),
           (double)atomic_load(&delay.longest) / 1e6, bench_percentile(&lateness, 0.5),
           bench_percentile(&lateness, 0.99), (double)(bench_cpu() - used) / 1e9);
}

static void do_close(void)
{
    int closed = 0;
    for (int i = 0; i < MAX_BOXES; i++)
        if (boxes[i].state != CLOSED) {
            shut(&boxes[i]);
            closed++;
        }
    printf("{\"closed\": %d}\n", closed);
}

/* The next command, while the boxes go on reading; false at the end of standard input. */
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

static void make_identity(const char *hex)
{
    uint8_t secret[KEY_BYTES];
    for (int i = 0; i < KEY_BYTES; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            fputs("receivers: the key has 64 hex digits\n", stderr);
            exit(2);
        }
        secret[i] = (uint8_t)byte;
    }
    identity = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
    context = SSL_CTX_new(TLS_client_method());
    if (identity == NULL || context == NULL) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1); /* one recv() for a record, not two */
}

static void arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"tick", required_argument, NULL, 't'},  {"deadline", required_argument, NULL, 'd'},
        {"batch", required_argument, NULL, 'b'}, {"ping", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    for (int found; (found = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (found) {
        case 't': known_tick = strtoll(optarg, NULL, 10); break;
        case 'd': known_deadline = strtoll(optarg, NULL, 10); break;
        case 'b': batch_ns = strtoll(optarg, NULL, 10) * 1000; break;
        case 'p': ping_ns = (int64_t)(strtod(optarg, NULL) * 1e9); break;
        default: exit(2);
        }
    }
    if (argc - optind != 4) {
        fputs("usage: receivers ADDRESS PORT KEY FIRST [--tick T --deadline NS] [--batch US] [--ping S]\n",
              stderr);
        exit(2);
    }
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
    if (inet_pton(AF_INET, argv[optind], &server.sin_addr) != 1) {
        fputs("receivers: not an IPv4 address\n", stderr);
        exit(2);
    }
    snprintf(authority, sizeof authority, "%s:%s", argv[optind], argv[optind + 1]);
    make_identity(argv[optind + 2]);
    first_receiver = atoi(argv[optind + 3]);
}

int main(int argc, char **argv)
{
    arguments(argc, argv);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
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
        double seconds;
        if (sscanf(line, "open %d %d %lf", &number, &limit, &seconds) == 3 && number >= 0 &&
            number <= MAX_BOXES && limit > 0)
            do_open(number, limit, seconds);
        else if (sscanf(line, "measure %lf", &seconds) == 1)
            do_measure(seconds);
        else if (strcmp(line, "close") == 0)
            do_close();
        else if (strcmp(line, "quit") == 0)
            break;
        else
            printf("{\"error\": \"what?\"}\n");
    }
    return 0;
}
