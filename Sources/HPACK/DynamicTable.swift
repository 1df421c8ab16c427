/// The fields one side has sent so far, newest first (RFC 7541 section 2.3.2): a queue that drops its oldest
/// entries when it grows beyond `sizeMax`.
///
/// All names and values stand behind each other in one array, oldest first; what was dropped is taken out
/// when it is half of the bytes, or half of the entries, which may have no bytes.
struct DynamicTable {
    private struct Entry {
        /// Counted from the first byte this table ever held.
        var start: Int
        var nameCount: Int
        var valueCount: Int

        var size: Int { nameCount + valueCount + DynamicTable.overhead }
    }

    /// What an entry counts beyond its bytes (section 4.1).
    static let overhead = 32

    private var bytes: [UInt8] = []
    /// How many bytes were taken out at the front of `bytes`.
    private var base = 0
    private var entries: [Entry] = []
    /// The oldest entry that is still there.
    private var oldest = 0
    private(set) var size = 0
    private(set) var sizeMax: Int
    /// How often the table changed: while it is the same, an index means the same.
    private(set) var changes = 0

    init(sizeMax: Int) { self.sizeMax = sizeMax }

    var count: Int { entries.count - oldest }

    /// Adds a field, which may be too large for the table, and then empties it (section 4.4). Neither may lie
    /// in this table.
    mutating func insert(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        changes += 1
        let entry = Entry(start: base + bytes.count, nameCount: name.count, valueCount: value.count)
        shrink(to: sizeMax - entry.size)
        guard entry.size <= sizeMax else { return }
        unsafe bytes.append(contentsOf: name)
        unsafe bytes.append(contentsOf: value)
        entries.append(entry)
        size += entry.size
    }

    mutating func resize(to sizeMax: Int) {
        changes += 1
        self.sizeMax = sizeMax
        shrink(to: sizeMax)
    }

    /// Drops the oldest entries until the size is at most `limit`.
    private mutating func shrink(to limit: Int) {
        while size > max(0, limit) {
            size -= entries[oldest].size
            oldest += 1
        }
        if oldest == entries.count {
            base += bytes.count
            bytes.removeAll(keepingCapacity: true)
            entries.removeAll(keepingCapacity: true)
            oldest = 0
        } else if entries[oldest].start - base > bytes.count / 2 || oldest > entries.count / 2 {
            let dropped = entries[oldest].start - base
            base += dropped
            bytes.removeFirst(dropped)
            entries.removeFirst(oldest)
            oldest = 0
        }
    }

    /// Calls `body` with the field at `place`, 0 being the newest; nil when there is none.
    func withField<Result>(
        _ place: Int, _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Result
    ) -> Result? {
        guard place < count else { return nil }
        let entry = entries[entries.count - 1 - place]
        let start = entry.start - base
        return unsafe bytes.withUnsafeBytes { bytes in
            let middle = start + entry.nameCount
            return unsafe body(
                UnsafeRawBufferPointer(rebasing: bytes[start..<middle]),
                UnsafeRawBufferPointer(rebasing: bytes[middle..<middle + entry.valueCount]))
        }
    }
}
