import Net
import Wire

/// What the events of a watch say about time.
package struct EventTimes {
    package private(set) var latencies = Latencies()
    private var timeline = Timeline(unixOffset: ProcessFigures.unixOffset())
    private let began = MonotonicTime.now().nanoseconds
    private var previous = MonotonicTime.now().nanoseconds

    package init() {}

    /// The events as a result.
    package var result: LoadResult {
        var result = LoadResult(kinds: [LoadResult.Kind(name: "watch event")], timeline: timeline)
        result.kinds[0].latencies = latencies
        result.timeline.close()
        result.elapsed = Double(previous - began) / 1e9
        return result
    }

    /// Records for every event how long after the one before it came.
    package mutating func recordGaps(_ count: Int) {
        let now = MonotonicTime.now().nanoseconds
        record(now - previous, at: now)
        for _ in 1..<max(count, 1) { record(0, at: now) }
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
            record(now - asked, at: now)
        }
    }

    private mutating func record(_ nanoseconds: Int64, at now: Int64) {
        latencies.record(nanoseconds)
        timeline.record(nanoseconds, at: now)
        previous = now
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
