import Synchronization

/// A piece of the log of changes that may not be in LMDB yet: records in the order of their revisions.
///
/// One thread appends (apply); any thread that came by a reference under the index lock reads what was
/// appended before. Nothing moves and nothing is removed, so what a reader found stays where it is until
/// the last reference goes.
@safe final class Chunk: @unchecked Sendable {
    // Sendable: memory behind `count` is written before the releasing store of `count` and never after;
    // readers load it acquiring. The rest is set in init.
    struct Entry {
        var main: Int64
        var sub: UInt32
        var isTombstone: Bool
        var offset: Int
        var size: Int
        var revision: Revision { Revision(main: main, sub: Int64(sub)) }
    }

    static let bytesMax = 256 << 10
    static let entriesMax = 1024

    private let bytes: UnsafeMutableRawPointer
    private let capacity: Int
    private let entries: UnsafeMutablePointer<Entry>
    private let published = Atomic(0)
    /// Only the appending thread uses it.
    private var used = 0

    /// An empty chunk with room for at least one record of `size` bytes.
    init(fitting size: Int) {
        capacity = max(size, Chunk.bytesMax)
        unsafe bytes = .allocate(byteCount: capacity, alignment: 16)
        unsafe entries = .allocate(capacity: Chunk.entriesMax)
    }

    deinit {
        unsafe bytes.deallocate()
        unsafe entries.deallocate()
    }

    var count: Int { published.load(ordering: .acquiring) }

    /// Bytes of memory the chunk holds.
    var footprint: Int { capacity + Chunk.entriesMax * MemoryLayout<Entry>.stride }

    func hasRoom(for size: Int) -> Bool {
        published.load(ordering: .relaxed) < Chunk.entriesMax && used + size <= capacity
    }

    /// Takes room for a record and says where; the caller fills it before its revision is published.
    func append(_ revision: Revision, isTombstone: Bool, size: Int) -> UnsafeMutableRawPointer {
        precondition(hasRoom(for: size))
        let index = published.load(ordering: .relaxed)
        unsafe (entries + index).initialize(
            to: Entry(
                main: revision.main, sub: UInt32(revision.sub), isTombstone: isTombstone, offset: used,
                size: size))
        let place = unsafe bytes + used
        used += size
        published.store(index + 1, ordering: .releasing)
        return unsafe place
    }

    func entry(_ index: Int) -> Entry {
        precondition(index < count)
        return unsafe entries[index]
    }

    /// The record's bytes, valid as long as the chunk is referenced.
    func record(_ index: Int) -> UnsafeRawBufferPointer {
        let entry = entry(index)
        return unsafe UnsafeRawBufferPointer(start: bytes + entry.offset, count: entry.size)
    }

    /// The place of the first record not below `revision`.
    func lowerBound(_ revision: Revision) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if unsafe entries[middle].revision < revision { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// The chunks of the tail, oldest first; a value, so a reader's copy stays as it is.
struct PendingTail: Sendable {
    private(set) var chunks: [Chunk] = []

    /// Takes room for a record; apply thread, under the write lock (the list may change).
    mutating func append(_ revision: Revision, isTombstone: Bool, size: Int) -> UnsafeMutableRawPointer {
        if let last = chunks.last, last.hasRoom(for: size) {
            return unsafe last.append(revision, isTombstone: isTombstone, size: size)
        }
        let chunk = Chunk(fitting: size)
        chunks.append(chunk)
        return unsafe chunk.append(revision, isTombstone: isTombstone, size: size)
    }

    /// Takes out the chunks whose records are all at or below `durable`, but not the one being filled. The
    /// caller lets them go after the lock: giving memory back to the kernel takes its time.
    mutating func drop(through durable: Revision) -> [Chunk] {
        var count = 0
        while count + 1 < chunks.count, chunks[count + 1].entry(0).revision <= durable { count += 1 }
        if count + 1 < chunks.count {
            let chunk = chunks[count]
            if chunk.entry(chunk.count - 1).revision <= durable { count += 1 }
        }
        let dropped = Array(chunks[..<count])
        chunks.removeFirst(count)
        return dropped
    }

    /// The first revision held, or nil when there is nothing.
    var first: Revision? {
        guard let chunk = chunks.first, chunk.count > 0 else { return nil }
        return chunk.entry(0).revision
    }

    /// The record of exactly this revision.
    func find(_ revision: Revision) -> UnsafeRawBufferPointer? {
        guard let index = chunkIndex(of: revision) else { return nil }
        let chunk = chunks[index]
        let place = chunk.lowerBound(revision)
        guard place < chunk.count, chunk.entry(place).revision == revision else { return nil }
        return unsafe chunk.record(place)
    }

    /// The last chunk that begins at or below `revision`.
    private func chunkIndex(of revision: Revision) -> Int? {
        var (low, high) = (0, chunks.count)
        while low < high {
            let middle = (low + high) / 2
            if chunks[middle].entry(0).revision <= revision { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? low - 1 : nil
    }

    /// Calls `body` with the records from `from` on, in order, until it answers false.
    func forEach(from: Revision, _ body: (Chunk.Entry, UnsafeRawBufferPointer) -> Bool) {
        var index = chunkIndex(of: from) ?? 0
        while index < chunks.count {
            let chunk = chunks[index]
            var place = chunk.lowerBound(from)
            let count = chunk.count
            while place < count {
                guard unsafe body(chunk.entry(place), chunk.record(place)) else { return }
                place += 1
            }
            index += 1
        }
    }
}
