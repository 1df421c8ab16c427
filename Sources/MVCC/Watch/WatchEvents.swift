import Wire

/// Events ready to be appended to a WatchResponse: each is field 11, tag and length included.
///
/// Copies share one object: a thousand watchers of one key hold one encoding, and passing it on counts one
/// reference.
@usableFromInline package struct WatchEvents {
    /// At least one event.
    @usableFromInline final class Content {
        @usableFromInline var bytes: [UInt8]
        /// Where each event but the last ends.
        @usableFromInline var borders: [Int] = []

        init(_ bytes: [UInt8]) { self.bytes = bytes }

        func append(_ other: Content) {
            let base = bytes.count
            bytes += other.bytes
            borders.append(base)
            for border in other.borders { borders.append(base + border) }
        }

        func copy() -> Content {
            let copy = Content(bytes)
            copy.borders = borders
            return copy
        }
    }

    /// Nil when there are none.
    @usableFromInline var content: Content?

    @inlinable package init() {}

    @inlinable package var bytes: [UInt8] { content?.bytes ?? [] }
    /// Where each event ends in `bytes`, ascending; a response may be split there (`fragment`).
    package var ends: [Int] { content.map { $0.borders + [$0.bytes.count] } ?? [] }
    @inlinable package var isEmpty: Bool { content == nil }
    @inlinable package var count: Int { content.map { $0.borders.count + 1 } ?? 0 }
    @inlinable package var byteCount: Int { content?.bytes.count ?? 0 }

    /// Whether both are copies of one value: told without looking at the bytes, perhaps false for equal ones.
    @inlinable package func sharesBytes(with other: WatchEvents) -> Bool { content === other.content }

    mutating func append(_ other: WatchEvents) {
        guard let added = other.content else { return }
        // The first events of a response are taken over without copying.
        if content == nil {
            content = added
            return
        }
        if !isKnownUniquelyReferenced(&content) { content = content?.copy() }
        content?.append(added)
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
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 + varintSize(UInt64(size)) + size)
        bytes.appendBytesTag(11)
        bytes.appendVarint(UInt64(size))
        if isTombstone { bytes.appendField(1, always: 1) }
        bytes.appendBytesTag(2)
        bytes.appendVarint(UInt64(pairSize))
        bytes.appendSpan(record)
        if isTombstone { bytes.appendField(3, modRevision) }
        if let previous { bytes.appendField(3, always: previous) }
        content = Content(bytes)
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
