/// The keys a request names, by etcd's convention of key and range_end. Source: spec/api.md 12.1.
package struct KeyRange: Sendable, Equatable {
    package enum End: Sendable, Equatable {
        /// Just `start`.
        case single
        /// `start` and everything above.
        case fromKey
        /// Everything from `start` and below this key; empty when this is not above `start`.
        case key([UInt8])
    }

    package var start: [UInt8]
    package var end: End

    /// From the two fields of a request: an absent or empty end is the single key, one zero byte means
    /// every key from `key` on.
    package init(key: [UInt8], rangeEnd: [UInt8]) {
        start = key
        end = rangeEnd.isEmpty ? .single : rangeEnd == [0] ? .fromKey : .key(rangeEnd)
    }

    /// One key.
    package init(key: [UInt8]) {
        start = key
        end = .single
    }

    /// Every key.
    package static var all: KeyRange { KeyRange(key: [0], rangeEnd: [0]) }

    package func contains(_ key: borrowing RawSpan) -> Bool {
        switch end {
        case .single: isOrdered(key, start, orEqual: true) && isOrdered(start, key, orEqual: true)
        case .fromKey: isOrdered(start, key, orEqual: true)
        case .key(let end): isOrdered(start, key, orEqual: true) && isOrdered(key, end, orEqual: false)
        }
    }

    private func isOrdered(_ a: [UInt8], _ b: borrowing RawSpan, orEqual: Bool) -> Bool {
        let order = unsafe KeyRange.compare(a.span.bytes, b)
        return order < 0 || orEqual && order == 0
    }

    private func isOrdered(_ a: borrowing RawSpan, _ b: [UInt8], orEqual: Bool) -> Bool {
        let order = unsafe KeyRange.compare(a, b.span.bytes)
        return order < 0 || orEqual && order == 0
    }

    /// Byte-wise unsigned order: negative, zero or positive.
    package static func compare(_ a: borrowing RawSpan, _ b: borrowing RawSpan) -> Int {
        // The buffers stay inside the closures; compareBytes reads no further than both counts.
        unsafe a.withUnsafeBytes { a in unsafe b.withUnsafeBytes { b in unsafe compareBytes(a, b) } }
    }
}
