#pragma once
#include <stddef.h>
#include <stdint.h>

// Sockets, epoll, eventfd, threads and the monotonic clock. Every function answers a value >= 0 or a
// negated errno, retries EINTR itself, and never touches the caller's errno.

/// One readiness report; `data` is what was handed to platform_epoll_add.
typedef struct {
    uint64_t data;
    uint32_t events;
} platform_event;

/// An endpoint: family 4 or 6 (network-order bytes and a port), or 1 for a unix socket.
typedef struct {
    uint8_t bytes[16];
    uint16_t port;
    uint8_t family;
} platform_address;

enum {
    PLATFORM_READABLE = 1u << 0,
    PLATFORM_WRITABLE = 1u << 1,
    PLATFORM_HANGUP = 1u << 2,
};

/// How platform_listen_tcp failed: which call named the error.
typedef struct {
    const char *call;
    int resolution;
} platform_listen_failure;

int platform_epoll_create(void);
/// Edge-triggered for reading, writing and hang-up: one registration for a connection's whole life.
int platform_epoll_add_connection(int epoll, int descriptor, uint64_t data);
/// Level-triggered and exclusive, so that one of the loops sharing a listener wakes for a connection.
int platform_epoll_add_listener(int epoll, int descriptor, uint64_t data);
/// Edge-triggered for reading: an eventfd never needs to be read.
int platform_epoll_add_eventfd(int epoll, int descriptor, uint64_t data);
int platform_epoll_remove(int epoll, int descriptor);
/// Waits at most timeout_ms (-1: for ever); answers how many events were written.
int platform_epoll_wait(int epoll, platform_event *events, int capacity, int timeout_ms);
/// The same with nanoseconds (0 ... 2000000000); before Linux 5.11 it returns up to a millisecond too early.
int platform_epoll_wait_ns(int epoll, platform_event *events, int capacity, int64_t timeout_ns);
/// From now on the kernel wakes this thread from such a wait at its time, and not up to 50 us after it.
int platform_sleep_precisely(void);

int platform_eventfd_create(void);
int platform_eventfd_ring(int descriptor);
/// Waits until rung or timeout_ns have passed (-1: for ever) and clears it; 1 if rung, 0 if not.
int platform_eventfd_wait(int descriptor, int64_t timeout_ns);

/// Resolves host (NULL: every address) and listens; IPv4 is preferred, a wildcard listens on both.
int platform_listen_tcp(const char *host, uint16_t port, int reuse_port, int backlog,
                        platform_listen_failure *failure);
int platform_listen_unix(const char *path, int backlog, platform_listen_failure *failure);
/// The port a socket is bound to.
int platform_local_port(int descriptor);
/// Non-blocking, close-on-exec, TCP_NODELAY and TCP keep-alive (15 s, as Go sets it).
int platform_accept(int listener, platform_address *peer);
/// Reads a numeric address ("10.0.0.1", "::1"); 0, or -EINVAL for a name.
int platform_parse_address(const char *host, uint16_t port, platform_address *address);
/// Looks a name up (blocking) and answers how many addresses were written; *resolution tells getaddrinfo's
/// error where the result is negative.
int platform_resolve(const char *host, uint16_t port, platform_address *found, int capacity,
                     int *resolution);
/// Begins to connect without waiting: a descriptor with the options of platform_accept, whose
/// platform_connect_result is known once it is writable.
int platform_connect_start(const platform_address *peer);
/// 0 when connected, or why not. A socket that met itself (it was given the very port it dials, where
/// nobody listens) counts as refused.
int platform_connect_result(int descriptor);
/// A blocking connect to 127.0.0.1, answered as a non-blocking socket.
int platform_connect_loopback(uint16_t port);

int64_t platform_read(int descriptor, void *bytes, size_t count);
/// MSG_NOSIGNAL: a closed peer is -EPIPE, never SIGPIPE.
int64_t platform_write(int descriptor, const void *bytes, size_t count);
int platform_shutdown_write(int descriptor);
void platform_close(int descriptor);

int64_t platform_monotonic_ns(void);
/// The soft limit of open descriptors, after raising it to the hard limit.
int64_t platform_descriptor_limit(void);
/// The text of an errno, in the lower-case form Go prints ("address already in use").
const char *platform_error_text(int error);
const char *platform_resolution_text(int error);

/// Starts a joinable thread of 8 MiB stack; answers 0 and its handle.
int platform_thread_start(const char *name, void (*body)(void *), void *context, uint64_t *handle);
void platform_thread_join(uint64_t handle);

/// 1 when `count` bytes are the same (memcmp, without its order).
int platform_bytes_equal(const void *left, const void *right, size_t count);
/// The time of day as HTTP writes it (`Sun, 06 Nov 1994 08:49:37 GMT`, 29 bytes), not terminated.
void platform_http_date(uint8_t text[29]);
