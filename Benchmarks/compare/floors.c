// What no server can do without, done by a program that does nothing else:
//
//     floors sync FOLDER COUNT           pwrite of 384 bytes and fdatasync
//     floors echo BYTES                  sends back what one connection sends, BYTES at a time
//     floors ask PORT BYTES COUNT        asks such an echo
//     floors fan FOLDER CONNECTIONS BYTES ROUNDS   takes a Put's bytes from its last connection, writes and
//                                        syncs a block past the page cache, sends to each of the others and
//                                        answers, so often
//     floors watch PORT CONNECTIONS ROUNDS PER-SECOND   asks for that at this rate and reads
//     floors log FOLDER BATCH SECONDS    receives batches from one connection; a second thread writes and
//                                        syncs each past the page cache, as a log; a third appends it to a
//                                        file, as a database does, through the cache and synced every 8 MiB
//     floors log FOLDER BATCH SECONDS past   the same, with the database's file past the page cache too:
//                                        what the disk takes when everything goes to it twice
//     floors pour PORT                   sends to such a log without end
//
// Servers print their port first. Each prints "MICROSECONDS CPU": the median of a turn (0 where none is
// timed), and processor per turn; `log` prints bytes per second instead of the median. Errors end it, and
// so does a minute without an end.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void *buffer;
enum { PUT = 300, BUFFER = 16 << 20, BLOCK = 4096, PLACES = 4, SEGMENT = 64 << 20, FLUSH = 8 << 20 };

static long must(long result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e6 + at.tv_nsec / 1e3;
}

static double processor(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    long seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec;
    return seconds * 1e6 + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *times, long count) {
    qsort(times, count, sizeof *times, compare);
    return times[count / 2];
}

static void configure(int connection) {
    int on = 1;
    must(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), "TCP_NODELAY");
}

static int listening(void) {
    int listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    must(bind(listener, (struct sockaddr *)&address, size), "bind");
    must(listen(listener, 1024), "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &size), "getsockname");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static int accepted(int listener) {
    int connection = must(accept(listener, NULL, NULL), "accept");
    configure(connection);
    return connection;
}

static int connected(const char *port) {
    int connection = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(port))};
    must(connect(connection, (struct sockaddr *)&address, sizeof address), "connect");
    configure(connection);
    return connection;
}

/// False at the end of the stream.
static int receive_into(int connection, char *place, long size) {
    for (long have = 0; have < size;) {
        long count = must(recv(connection, place + have, size - have, 0), "recv");
        if (count == 0) return 0;
        have += count;
    }
    return 1;
}

static int receive(int connection, long size) { return receive_into(connection, buffer, size); }

/// A file of zeros that is on the disk, as a segment of a log is.
static int zeroed(const char *folder, long size, int flags) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/floor", folder);
    int file = must(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), path);
    unlink(path);
    for (long at = 0; at < size; at += BUFFER) must(pwrite(file, buffer, BUFFER, at), "pwrite");
    must(fsync(file), "fsync");
    posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    must(fcntl(file, F_SETFL, flags), "F_SETFL");
    return file;
}

static void sync_each(const char *folder, long count) {
    int file = zeroed(folder, count * 384, 0);
    double *times = malloc(count * sizeof *times), before = processor();
    for (long turn = 0; turn < count; turn++) {
        double began = now();
        must(pwrite(file, buffer, 384, turn * 384), "pwrite");
        must(fdatasync(file), "fdatasync");
        times[turn] = now() - began;
    }
    double used = processor() - before;
    printf("%.1f %.1f\n", median(times, count), used / count);
}

/// As an event loop does it: waits, reads, answers.
static void echo(long size) {
    int connection = accepted(listening()), poll = must(epoll_create1(0), "epoll_create1");
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    must(epoll_ctl(poll, EPOLL_CTL_ADD, connection, &event), "epoll_ctl");
    double before = processor();
    long turns = 0;
    while (must(epoll_wait(poll, &event, 1, -1), "epoll_wait") && receive(connection, size)) {
        must(send(connection, buffer, size, 0), "send");
        turns++;
    }
    printf("0 %.1f\n", (processor() - before) / turns);
}

static void ask(const char *port, long size, long count) {
    int connection = connected(port);
    double *times = malloc(count * sizeof *times), before = processor();
    for (long turn = 0; turn < count; turn++) {
        double began = now();
        must(send(connection, buffer, size, 0), "send");
        if (!receive(connection, size)) exit(1);
        times[turn] = now() - began;
    }
    double used = processor() - before;
    printf("%.1f %.1f\n", median(times, count), used / count);
}

static void fan_out(const char *folder, long connections, long size, long rounds) {
    int file = zeroed(folder, rounds * BLOCK, O_DIRECT);
    int listener = listening(), poll = must(epoll_create1(0), "epoll_create1");
    int *to = malloc(connections * sizeof *to);
    for (long each = 0; each < connections; each++) to[each] = accepted(listener);
    int asker = accepted(listener);
    struct epoll_event event = {.events = EPOLLIN};
    must(epoll_ctl(poll, EPOLL_CTL_ADD, asker, &event), "epoll_ctl");
    double before = processor();
    for (long round = 0; round < rounds; round++) {
        must(epoll_wait(poll, &event, 1, -1), "epoll_wait");
        if (!receive(asker, PUT)) exit(1);
        must(pwrite(file, buffer, BLOCK, round * BLOCK), "pwrite");
        must(fdatasync(file), "fdatasync");
        for (long each = 0; each < connections; each++) must(send(to[each], buffer, size, 0), "send");
        must(send(asker, buffer, PUT, 0), "send");
    }
    printf("0 %.2f\n", (processor() - before) / (rounds * connections));
}

static void watch(const char *port, long connections, long rounds, long per_second) {
    int poll = must(epoll_create1(0), "epoll_create1"), asker = -1;
    for (long each = 0; each <= connections; each++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = asker = connected(port)};
        must(epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event), "epoll_ctl");
    }
    struct epoll_event ready[64];
    double due = now();
    for (;;) {
        if (rounds > 0 && now() >= due) {
            must(send(asker, buffer, PUT, 0), "send");
            due += 1e6 / per_second;
            rounds--;
        }
        double left = due - now(), wait = rounds <= 0 ? 1e6 : left > 0 ? left : 0;
        struct timespec until = {.tv_sec = wait / 1e6, .tv_nsec = (long)(wait * 1e3) % 1000000000};
        long count = must(epoll_pwait2(poll, ready, 64, &until, NULL), "epoll_pwait2");
        for (long each = 0; each < count; each++)
            if (recv(ready[each].data.fd, buffer, BUFFER, 0) <= 0) return;
    }
}

/// Batches on their way from the connection to the log, and from there to the database.
static struct {
    char *place[PLACES];
    /// Bytes of a batch, of the blocks that hold it, and of what is written to the database of it.
    long size, blocks, stored, received;
    sem_t empty, arrived, logged;
} batches;

/// Waits for the batch of this number; NULL when there is none any more.
static void *taken(sem_t *from, long number) {
    while (sem_wait(from)) {}
    long received = __atomic_load_n(&batches.received, __ATOMIC_ACQUIRE);
    return number < received ? batches.place[number % PLACES] : NULL;
}

static void *log_them(void *file) {
    void *batch;
    long at = 0;
    for (long number = 0; (batch = taken(&batches.arrived, number)); number++, at += batches.size) {
        if (at + batches.blocks > SEGMENT) at = 0;
        must(pwrite((long)file, batch, batches.blocks, at / BLOCK * BLOCK), "pwrite");
        must(fdatasync((long)file), "fdatasync");
        sem_post(&batches.logged);
    }
    sem_post(&batches.logged);
    return NULL;
}

static void *store_them(void *file) {
    void *batch;
    for (long number = 0, unflushed = 0; (batch = taken(&batches.logged, number)); number++) {
        must(pwrite((long)file, batch, batches.stored, number * batches.stored), "pwrite");
        if ((unflushed += batches.stored) >= FLUSH) must(fdatasync((long)file), "fdatasync"), unflushed = 0;
        sem_post(&batches.empty);
    }
    return NULL;
}

static void log_batches(const char *folder, long size, double seconds, int past) {
    long file = zeroed(folder, SEGMENT, O_DIRECT), database = zeroed(folder, 0, past ? O_DIRECT : 0);
    batches.size = size;
    batches.blocks = (size + BLOCK - 1) / BLOCK * BLOCK;
    batches.stored = past ? batches.blocks : size;
    for (int each = 0; each < PLACES; each++)
        memset(batches.place[each] = aligned_alloc(BLOCK, batches.blocks), 1, batches.blocks);
    sem_init(&batches.empty, 0, PLACES);
    sem_init(&batches.arrived, 0, 0);
    sem_init(&batches.logged, 0, 0);
    pthread_t logging, storing;
    int connection = accepted(listening());
    double before = processor(), began = now(), end = began + seconds * 1e6;
    if (pthread_create(&logging, NULL, log_them, (void *)file)) exit(1);
    if (pthread_create(&storing, NULL, store_them, (void *)database)) exit(1);
    long count = 0;
    for (; now() < end; count++) {
        while (sem_wait(&batches.empty)) {}
        if (!receive_into(connection, batches.place[count % PLACES], size)) break;
        __atomic_store_n(&batches.received, count + 1, __ATOMIC_RELEASE);
        sem_post(&batches.arrived);
    }
    if (count == 0) exit(1);
    sem_post(&batches.arrived);
    pthread_join(logging, NULL);
    pthread_join(storing, NULL);
    printf("%.0f %.1f\n", count * size / ((now() - began) / 1e6), (processor() - before) / count);
}

static void pour(const char *port) {
    int connection = connected(port);
    while (send(connection, buffer, 64 << 10, MSG_NOSIGNAL) > 0) {}
}

int main(int count, char **words) {
    if (posix_memalign(&buffer, BLOCK, BUFFER)) return 1;
    memset(buffer, 0, BUFFER);
    alarm(60);
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "sync") && count == 4) sync_each(words[2], atol(words[3]));
    else if (!strcmp(what, "echo") && count == 3) echo(atol(words[2]));
    else if (!strcmp(what, "ask") && count == 5) ask(words[2], atol(words[3]), atol(words[4]));
    else if (!strcmp(what, "fan") && count == 6)
        fan_out(words[2], atol(words[3]), atol(words[4]), atol(words[5]));
    else if (!strcmp(what, "watch") && count == 6)
        watch(words[2], atol(words[3]), atol(words[4]), atol(words[5]));
    else if (!strcmp(what, "log") && (count == 5 || count == 6) && atol(words[3]) <= BUFFER)
        log_batches(words[2], atol(words[3]), atof(words[4]), count == 6);
    else if (!strcmp(what, "pour") && count == 3) pour(words[2]);
    else {
        fprintf(stderr, "floors: see the head of floors.c for its arguments\n");
        return 64;
    }
}
