import Wire

/// Events ready to be appended to a WatchResponse: each is field 11, tag and length included.
///
/// Copies share their bytes: a thousand watchers of one key hold one encoding.
package struct WatchEvents: Sendable, Equatable {
    package private(set) var bytes: [UInt8] = []
    /// Where each event ends in `bytes`, ascending; a response may be split there (`fragment`).
    package private(set) var ends: [Int] = []

    package init() {}

    package var isEmpty: Bool { ends.isEmpty }
    package var count: Int { ends.count }

    /// Whether both are copies of one value: told without looking at the bytes, perhaps false for equal ones.
    package func sharesBytes(with other: WatchEvents) -> Bool {
        // Addresses are compared only; both arrays are alive.
        unsafe bytes.withUnsafeBufferPointer { mine in
            unsafe other.bytes.withUnsafeBufferPointer {
                unsafe mine.baseAddress == $0.baseAddress && mine.count == $0.count
            }
        }
    }

    mutating func append(_ other: WatchEvents) {
        // The first events of a response are taken over without copying.
        if isEmpty {
            self = other
            return
        }
        let base = bytes.count
        bytes += other.bytes
        for end in other.ends { ends.append(base + end) }
    }

    /// One event of the log: `record` is the stored KeyValue, for a tombstone its key only (the answer
    /// then gets `modRevision`, as etcd's DELETE events have it). `previous` is a stored KeyValue.
    init(
        isTombstone: Bool, record: borrowing RawSpan, modRevision: Int64, previous: [UInt8]?
    ) {
        let revisionSize = isTombstone ? 1 + varintSize(UInt64(bitPattern: modRevision)) : 0
        let pairSize = record.byteCount + revisionSize
        var size = (isTombstone ? 2 : 0) + 1 + varintSize(UInt64(pairSize)) + pairSize
        if let previous { size += 1 + varintSize(UInt64(previous.count)) + previous.count }
        bytes.reserveCapacity(1 + varintSize(UInt64(size)) + size)
        bytes.appendBytesTag(11)
        bytes.appendVarint(UInt64(size))
        if isTombstone { bytes.appendField(1, always: 1) }
        bytes.appendBytesTag(2)
        bytes.appendVarint(UInt64(pairSize))
        bytes.appendSpan(record)
        if isTombstone { bytes.appendField(3, modRevision) }
        if let previous { bytes.appendField(3, always: previous) }
        ends = [bytes.count]
    }
}

/// Takes what the hub has for its watchers; called only inside `WatchHub.advance`.
package protocol WatchSink: AnyObject {
    /// Takes events of a watcher: whole revisions, ascending, each once. `revision` belongs into the
    /// response's header. False when the watcher's stream has no room: nothing was taken then, and the
    /// hub keeps the watcher's place until `WatchHub.resume`.
    func deliver(_ watcher: WatcherID, revision: Int64, events: WatchEvents) -> Bool

    /// The watcher ended because what it should see next is compacted; it is gone from the hub.
    func compacted(_ watcher: WatcherID, compactRevision: Int64)
}
