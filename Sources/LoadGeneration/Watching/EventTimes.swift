import Net
import Wire

/// What the events of a watch say about time.
package struct EventTimes {
    package var latencies = Latencies()
    private let began = MonotonicTime.now().nanoseconds
    private var previous = MonotonicTime.now().nanoseconds

    package init() {}

    /// Seconds to the last event.
    package var elapsed: Double { Double(previous - began) / 1e9 }

    /// Records for every event how long after the one before it came.
    package mutating func recordGaps(_ count: Int) {
        let now = MonotonicTime.now().nanoseconds
        latencies.record(now - previous)
        for _ in 1..<max(count, 1) { latencies.record(0) }
        previous = now
    }

    /// Records for every event of a WatchResponse how long ago its value was asked to be put
    /// (`WatchedPutWorkload`).
    package mutating func recordLatencies(_ response: borrowing RawSpan) {
        let now = MonotonicTime.now().nanoseconds
        var cursor = WireCursor()
        while let field = try? cursor.next(in: response) {
            guard field.number == 11, case .bytes(let event) = field.value,
                let asked = Self.stamp(response, event)
            else { continue }
            latencies.record(now - asked)
            previous = now
        }
    }

    private static func stamp(_ bytes: borrowing RawSpan, _ event: Range<Int>) -> Int64? {
        guard let pair = payload(2, bytes, event), let value = payload(5, bytes, pair), value.count >= 8
        else {
            return nil
        }
        var stamp: UInt64 = 0
        for place in 0..<8 {
            // The eight bytes lie within `value`, which lies within the message.
            let byte = unsafe bytes.unsafeLoad(fromByteOffset: value.lowerBound + place, as: UInt8.self)
            stamp |= UInt64(byte) << UInt64(8 * place)
        }
        return Int64(bitPattern: stamp)
    }

    private static func payload(
        _ number: Int, _ bytes: borrowing RawSpan, _ range: Range<Int>
    ) -> Range<Int>? {
        var cursor = WireCursor(range: range)
        while let field = try? cursor.next(in: bytes) {
            if field.number == number, case .bytes(let found) = field.value { return found }
        }
        return nil
    }
}
