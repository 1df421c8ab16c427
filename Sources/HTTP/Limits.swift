/// The bounds of a server's connections and what happens at each.
package struct HTTPLimits: Sendable {
    /// A larger message is refused with code 8 and grpc-go's text, before its bytes are kept.
    package var messageBytesMax = 2 * 1024 * 1024
    /// SETTINGS_MAX_CONCURRENT_STREAMS; streams beyond it are refused. (--max-concurrent-streams)
    package var concurrentStreamsMax: UInt32 = .max
    /// Calls open on one connection, whatever --max-concurrent-streams says (etcd's default is 2^32-1);
    /// more are reset with REFUSED_STREAM, which a client may repeat.
    package var openCallsMax = 100_000
    /// A ping sooner than this after the last one is a strike. (--grpc-keepalive-min-time)
    package var keepaliveMinTime: Duration = .seconds(5)
    /// Silence after which the server pings. (--grpc-keepalive-interval)
    package var keepaliveInterval: Duration = .seconds(7200)
    /// Silence after that ping which closes the connection. (--grpc-keepalive-timeout)
    package var keepaliveTimeout: Duration = .seconds(20)
    /// Strikes after which a client that pings too often gets ENHANCE_YOUR_CALM (grpc-go keeps 2).
    package var pingStrikesMax = 2
    /// A connection that has not sent its HTTP/2 preface and SETTINGS, or a whole HTTP/1.1 request,
    /// within this time is closed.
    package var handshakeTimeout: Duration = .seconds(10)
    /// An HTTP/1.1 connection without a request is closed after this time.
    package var idleTimeout: Duration = .seconds(300)
    /// A client that takes no byte of a message source for this time is cut off with RST_STREAM CANCEL,
    /// so that it cannot pin the source's pages for ever.
    package var stallTimeout: Duration = .seconds(60)
    /// `GRPCHandler.drained` is told when a call's queue falls below it.
    package var lowWaterBytes = 64 * 1024
    /// Bytes of unfinished incoming messages kept per connection; the call that goes beyond gets code 8.
    /// At least `messageBytesMax`, so that one client alone always succeeds.
    package var partialBytesMax = 64 * 1024 * 1024
    /// Unsent bytes of replies kept per connection (message sources not counted); while there are more,
    /// new calls get code 8.
    package var unsentBytesMax = 64 * 1024 * 1024
    /// Names and values of one request's headers, decoded, as HPACK counts them (32 more per field). A
    /// stream beyond it is reset.
    package var headerListBytesMax = 65_535
    /// The window of a stream and of a connection for incoming bytes.
    package var windowBytes: Int32 = 1024 * 1024
    /// Streams a client may reset, or make us reset, at once and per second; beyond them GOAWAY.
    package var resetsBurst: UInt64 = 2000
    package var resetsPerSecond: UInt64 = 500
    /// CONTINUATION frames of one header block; beyond them GOAWAY.
    package var continuationsMax = 8
    /// Values of one SETTINGS frame; beyond them GOAWAY.
    package var settingsMax = 32
    /// SETTINGS and PING acknowledgements not yet sent; beyond them GOAWAY (a flood that is not read).
    package var unsentAcknowledgementsMax = 1000
    /// Answers to requests that became no calls, not yet sent; beyond them the connection is closed. What the
    /// reads of one pass can honestly ask for is less.
    package var unsentRefusalBytesMax = 4 * 1024 * 1024
    /// Request line and headers of an HTTP/1.1 request; beyond it 431.
    package var webHeaderBytesMax = 64 * 1024
    /// Body of an HTTP/1.1 request; beyond it 413.
    package var webBodyBytesMax = 4 * 1024 * 1024

    package init() {}
}
