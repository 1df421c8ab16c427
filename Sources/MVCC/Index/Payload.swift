/// What a leaf of the key tree holds of one key: the newest change, 24 bytes in the page.
///
///     0  u64 mod revision    8  u32 mod - create, or the history slot    12 u32 sub and flags
///     16 u32 version         20 u32 size of the record
///
/// Extended (flag): the key has older live revisions or numbers that do not fit; then field 8 names the
/// slot in `Histories` that has create revision and version in full.
@safe struct Payload {
    static let tombstone: UInt32 = 1 << 31
    static let lease: UInt32 = 1 << 30
    static let extended: UInt32 = 1 << 29
    static let subMask: UInt32 = (1 << 29) - 1

    let base: UnsafeMutableRawPointer

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    // All offsets lie inside the 24 bytes of the cell.
    @inline(__always) private func load<T: BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
        unsafe base.loadUnaligned(fromByteOffset: offset, as: type)
    }
    @inline(__always) private func store<T: BitwiseCopyable>(_ offset: Int, _ value: T) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    @inline(__always) var mod: Int64 {
        get { load(0, Int64.self) }
        nonmutating set { store(0, newValue) }
    }
    /// mod - create, or the history slot.
    @inline(__always) var link: UInt32 {
        get { load(8, UInt32.self) }
        nonmutating set { store(8, newValue) }
    }
    @inline(__always) var subFlags: UInt32 {
        get { load(12, UInt32.self) }
        nonmutating set { store(12, newValue) }
    }
    @inline(__always) var version: UInt32 {
        get { load(16, UInt32.self) }
        nonmutating set { store(16, newValue) }
    }
    @inline(__always) var size: UInt32 {
        get { load(20, UInt32.self) }
        nonmutating set { store(20, newValue) }
    }
    @inline(__always) var isExtended: Bool { subFlags & Payload.extended != 0 }
    @inline(__always) var isTombstone: Bool { subFlags & Payload.tombstone != 0 }
}

/// One change of a key in full, as histories keep it: 32 bytes.
struct Change: Equatable {
    var main: Int64
    var create: Int64
    var version: Int64
    /// Sub revision and the flags of `Payload` (never `extended`).
    var subFlags: UInt32
    var size: UInt32

    var isTombstone: Bool { subFlags & Payload.tombstone != 0 }
    var revision: Revision { Revision(main: main, sub: Int64(subFlags & Payload.subMask)) }

    /// Nil for a tombstone.
    var match: Match? {
        if isTombstone { return nil }
        return Match(
            createRevision: create, modRevision: main, version: version, subFlags: subFlags, size: size)
    }
}

/// The older live revisions of the keys that have some, in slots.
struct Histories {
    struct History {
        var create: Int64
        var version: Int64
        /// Oldest first; all below the key's current change.
        var older: [Change]
    }

    /// In segments, so that growing never copies more than one.
    private var segments: [[History]] = []
    private var idle: [UInt32] = []
    /// Older changes held, over all keys.
    private(set) var count = 0
    private(set) var slotsInUse = 0

    private static let segmentSlots = 1024

    /// Bytes held: slots, and for each array its header and what the allocator rounds up.
    var footprint: Int {
        segments.count * Histories.segmentSlots * MemoryLayout<History>.stride
            + slotsInUse * 48 + count * MemoryLayout<Change>.stride
    }

    mutating func add(_ history: History) -> UInt32 {
        count += history.older.count
        slotsInUse += 1
        if let slot = idle.popLast() {
            segments[Int(slot) / Histories.segmentSlots][Int(slot) % Histories.segmentSlots] = history
            return slot
        }
        if segments.last.map({ $0.count == Histories.segmentSlots }) ?? true {
            segments.append([])
            segments[segments.count - 1].reserveCapacity(Histories.segmentSlots)
        }
        segments[segments.count - 1].append(history)
        return UInt32((segments.count - 1) * Histories.segmentSlots + segments[segments.count - 1].count - 1)
    }

    subscript(slot: UInt32) -> History {
        _read { yield segments[Int(slot) / Histories.segmentSlots][Int(slot) % Histories.segmentSlots] }
        _modify { yield &segments[Int(slot) / Histories.segmentSlots][Int(slot) % Histories.segmentSlots] }
    }

    mutating func push(_ change: Change, create: Int64, version: Int64, to slot: UInt32) {
        count += 1
        self[slot].older.append(change)
        self[slot].create = create
        self[slot].version = version
    }

    mutating func dropFirst(_ dropped: Int, of slot: UInt32) {
        count -= dropped
        self[slot].older.removeFirst(dropped)
    }

    /// Frees a slot; nobody may name it any more.
    mutating func remove(_ slot: UInt32) {
        count -= self[slot].older.count
        slotsInUse -= 1
        self[slot].older = []
        idle.append(slot)
    }
}
