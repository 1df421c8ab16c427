#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nss.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441  // in the headers of Linux since 5.11; the same on every architecture
#endif

static int answer(int result) { return result < 0 ? -errno : result; }

int platform_epoll_create(void) { return answer(epoll_create1(EPOLL_CLOEXEC)); }

static int add(int epoll, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data.u64 = data};
    return answer(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int platform_epoll_add_connection(int epoll, int descriptor, uint64_t data) {
    return add(epoll, descriptor, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, data);
}

int platform_epoll_add_listener(int epoll, int descriptor, uint64_t data) {
    return add(epoll, descriptor, EPOLLIN | EPOLLEXCLUSIVE, data);
}

int platform_epoll_add_eventfd(int epoll, int descriptor, uint64_t data) {
    return add(epoll, descriptor, EPOLLIN | EPOLLET, data);
}

int platform_epoll_remove(int epoll, int descriptor) {
    return answer(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

enum { READY_MAX = 256 };

static int limited(int capacity) { return capacity > READY_MAX ? READY_MAX : capacity; }

static int report(const struct epoll_event *ready, int count, platform_event *events) {
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        uint32_t bits = ready[index].events;
        events[index].data = ready[index].data.u64;
        events[index].events = (bits & EPOLLIN ? PLATFORM_READABLE : 0) |
                               (bits & EPOLLOUT ? PLATFORM_WRITABLE : 0) |
                               (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR) ? PLATFORM_HANGUP : 0);
    }
    return count;
}

int platform_epoll_wait(int epoll, platform_event *events, int capacity, int timeout_ms) {
    struct epoll_event ready[READY_MAX];
    return report(ready, epoll_wait(epoll, ready, limited(capacity), timeout_ms), events);
}

int platform_epoll_wait_ns(int epoll, platform_event *events, int capacity, int64_t timeout_ns) {
    struct epoll_event ready[READY_MAX];
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    // By its number: the C library has had it since glibc 2.35 only. Old containers refuse what they do not
    // know.
    int count = (int)syscall(SYS_epoll_pwait2, epoll, ready, limited(capacity), &timeout, NULL, 0);
    if (count < 0 && (errno == ENOSYS || errno == EPERM))
        count = epoll_wait(epoll, ready, limited(capacity), (int)(timeout_ns / 1000000));
    return report(ready, count, events);
}

int platform_sleep_precisely(void) { return answer(prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL)); }

int platform_eventfd_create(void) { return answer(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

int platform_eventfd_ring(int descriptor) {
    uint64_t one = 1;
    while (write(descriptor, &one, sizeof one) < 0) {
        if (errno == EAGAIN) return 0;  // the counter is at its maximum: it is rung already
        if (errno != EINTR) return -errno;
    }
    return 0;
}

int platform_eventfd_wait(int descriptor, int64_t timeout_ns) {
    struct pollfd poll = {.fd = descriptor, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    int count = ppoll(&poll, 1, timeout_ns < 0 ? NULL : &timeout, NULL);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    uint64_t rings;
    if (count > 0 && read(descriptor, &rings, sizeof rings) < 0 && errno != EAGAIN) return -errno;
    return count;
}

static int fail(int descriptor, const char *call, platform_listen_failure *failure) {
    int error = errno;
    failure->call = call;
    if (descriptor >= 0) close(descriptor);
    return -error;
}

static int listen_at(int family, const struct sockaddr *address, socklen_t length, int reuse_port, int both,
                     int backlog, platform_listen_failure *failure) {
    int on = 1, off = 0;
    int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return fail(-1, "socket", failure);
    if (family != AF_UNIX) setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (reuse_port && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return fail(descriptor, "setsockopt", failure);
    if (family == AF_INET6)
        setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof on);
    if (bind(descriptor, address, length) < 0) return fail(descriptor, "bind", failure);
    if (listen(descriptor, backlog) < 0) return fail(descriptor, "listen", failure);
    return descriptor;
}

static int is_wildcard(const struct addrinfo *info) {
    if (info->ai_family == AF_INET)
        return ((const struct sockaddr_in *)info->ai_addr)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)info->ai_addr)->sin6_addr);
}

static void ask_hosts_file_and_dns(void) { __nss_configure_lookup("hosts", "files dns"); }

/* getaddrinfo by /etc/hosts and DNS alone, whatever /etc/nsswitch.conf says, as Go's own resolver.
   Our release is linked statically: its glibc would load the plug-ins of the system it runs on (mdns4,
   resolve, myhostname), and aborts the process when they were made for another glibc. */
static int resolve(const char *host, const char *port, struct addrinfo hints, struct addrinfo **found) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask_hosts_file_and_dns);
    hints.ai_flags |= AI_NUMERICSERV;
    return getaddrinfo(host, port, &hints, found);
}

int platform_listen_tcp(const char *host, uint16_t port, int reuse_port, int backlog,
                        platform_listen_failure *failure) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    failure->call = "lookup";
    failure->resolution = resolve(host, service, hints, &found);
    if (failure->resolution != 0) return failure->resolution == EAI_SYSTEM ? -errno : -EADDRNOTAVAIL;
    const struct addrinfo *chosen = found;
    for (const struct addrinfo *info = found; info; info = info->ai_next)
        if (info->ai_family == AF_INET) {
            chosen = info;
            break;
        }
    int descriptor = -1;
    if (is_wildcard(chosen)) {  // as Go: one socket for both families where the kernel has IPv6
        struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        descriptor =
            listen_at(AF_INET6, (struct sockaddr *)&any, sizeof any, reuse_port, 1, backlog, failure);
        if (descriptor >= 0 || descriptor == -EADDRINUSE || descriptor == -EACCES) {
            freeaddrinfo(found);
            return descriptor;
        }
    }
    descriptor = listen_at(
        chosen->ai_family, chosen->ai_addr, chosen->ai_addrlen, reuse_port, 0, backlog, failure);
    freeaddrinfo(found);
    return descriptor;
}

int platform_listen_unix(const char *path, int backlog, platform_listen_failure *failure) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    failure->call = "bind";
    failure->resolution = 0;
    if (strlen(path) >= sizeof address.sun_path) return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    return listen_at(AF_UNIX, (struct sockaddr *)&address, sizeof address, 0, 0, backlog, failure);
}

int platform_local_port(int descriptor) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) return -errno;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return 0;
}

static void tune(int descriptor) {
    int on = 1, seconds = 15;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof seconds);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof seconds);
}

int platform_accept(int listener, platform_address *peer) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int descriptor;
    do {
        descriptor = accept4(listener, (struct sockaddr *)&address, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    } while (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (descriptor < 0) return -errno;
    memset(peer, 0, sizeof *peer);
    peer->family = 1;
    if (address.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
        peer->family = 4;
        peer->port = ntohs(v4->sin_port);
        memcpy(peer->bytes, &v4->sin_addr, 4);
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
        peer->port = ntohs(v6->sin6_port);
        int mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        peer->family = mapped ? 4 : 6;
        memcpy(peer->bytes, (const uint8_t *)&v6->sin6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
    }
    if (peer->family != 1) tune(descriptor);
    return descriptor;
}

int platform_parse_address(const char *host, uint16_t port, platform_address *address) {
    memset(address, 0, sizeof *address);
    address->port = port;
    if (inet_pton(AF_INET, host, address->bytes) == 1) {
        address->family = 4;
        return 0;
    }
    if (inet_pton(AF_INET6, host, address->bytes) == 1) {
        address->family = 6;
        return 0;
    }
    return -EINVAL;
}

int platform_resolve(const char *host, uint16_t port, platform_address *found, int capacity,
                     int *resolution) {
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    *resolution = resolve(host, service, hints, &list);
    if (*resolution != 0) return *resolution == EAI_SYSTEM ? -errno : -EADDRNOTAVAIL;
    int count = 0;
    for (const struct addrinfo *info = list; info && count < capacity; info = info->ai_next) {
        memset(&found[count], 0, sizeof found[count]);
        found[count].port = port;
        if (info->ai_family == AF_INET) {
            found[count].family = 4;
            memcpy(found[count].bytes, &((const struct sockaddr_in *)info->ai_addr)->sin_addr, 4);
        } else if (info->ai_family == AF_INET6) {
            found[count].family = 6;
            memcpy(found[count].bytes, &((const struct sockaddr_in6 *)info->ai_addr)->sin6_addr, 16);
        } else {
            continue;
        }
        count++;
    }
    freeaddrinfo(list);
    return count;
}

int platform_connect_start(const platform_address *peer) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(peer->port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(peer->port)};
    if (peer->family != 4 && peer->family != 6) return -EAFNOSUPPORT;
    memcpy(&v4.sin_addr, peer->bytes, 4);
    memcpy(&v6.sin6_addr, peer->bytes, 16);
    int is_v4 = peer->family == 4;
    int descriptor = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    tune(descriptor);
    const struct sockaddr *address = is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    if (connect(descriptor, address, is_v4 ? sizeof v4 : sizeof v6) < 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int platform_connect_result(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
    if (error != 0) return -error;
    struct sockaddr_storage here, there;
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    socklen_t here_length = sizeof here, there_length = sizeof there;
    if (getsockname(descriptor, (struct sockaddr *)&here, &here_length) < 0) return -errno;
    if (getpeername(descriptor, (struct sockaddr *)&there, &there_length) < 0) return -errno;
    if (here_length == there_length && memcmp(&here, &there, here_length) == 0) return -ECONNREFUSED;
    return 0;
}

int platform_connect_loopback(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    if (connect(descriptor, (struct sockaddr *)&address, sizeof address) < 0 ||
        fcntl(descriptor, F_SETFL, O_NONBLOCK) < 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

// The two that every message takes, without what glibc does around them for threads that are cancelled
// (two locked instructions a call); no thread of ours ever is.

int64_t platform_read(int descriptor, void *bytes, size_t count) {
    ssize_t result;
    do {
        result = syscall(SYS_read, descriptor, bytes, count);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

int64_t platform_write(int descriptor, const void *bytes, size_t count) {
    ssize_t result;
    do {
        result = syscall(SYS_sendto, descriptor, bytes, count, MSG_NOSIGNAL, NULL, 0);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : result;
}

int platform_shutdown_write(int descriptor) { return answer(shutdown(descriptor, SHUT_WR)); }

void platform_close(int descriptor) { close(descriptor); }

int64_t platform_monotonic_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t platform_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

const char *platform_error_text(int error) {
    switch (error) {
        case EADDRINUSE: return "address already in use";
        case EADDRNOTAVAIL: return "cannot assign requested address";
        case EACCES: return "permission denied";
        case EMFILE: return "too many open files";
        case ENOENT: return "no such file or directory";
        case ENAMETOOLONG: return "file name too long";
        case ECONNREFUSED: return "connection refused";
        case ETIMEDOUT: return "i/o timeout";
        default: {
            const char *text = strerrordesc_np(error);
            return text ? text : "unknown error";
        }
    }
}

const char *platform_resolution_text(int error) { return gai_strerror(error); }

int platform_bytes_equal(const void *left, const void *right, size_t count) {
    return memcmp(left, right, count) == 0;
}

void platform_http_date(uint8_t text[29]) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    char line[64];
    snprintf(line, sizeof line, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * utc.tm_wday,
             utc.tm_mday,
             months + 3 * utc.tm_mon, utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
    memcpy(text, line, 29);
}
