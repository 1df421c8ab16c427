/// Streams in the order in which they get their turn.
struct HTTP2StreamQueue {
    private var streams: [HTTP2Stream] = []
    private var start = 0

    var isEmpty: Bool { start == streams.count }
    var count: Int { streams.count - start }

    mutating func append(_ stream: HTTP2Stream) { streams.append(stream) }

    mutating func popFirst() -> HTTP2Stream? {
        if isEmpty { return nil }
        if start == 0, streams.count == 1 { return streams.removeLast() }
        let stream = streams[start]
        start += 1
        if start == streams.count {
            removeAll()
        } else if start > 32, 2 * start > streams.count {
            streams.removeFirst(start)
            start = 0
        }
        return stream
    }

    /// Takes out who is closed, and would be passed over.
    mutating func removeClosed() {
        streams = streams[start...].filter(\.isListed)
        start = 0
    }

    mutating func removeAll() {
        streams.removeAll(keepingCapacity: true)
        start = 0
    }
}
