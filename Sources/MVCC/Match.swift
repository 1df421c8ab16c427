import Wire

/// What the index knows of one key at one revision, enough for everything but value and lease.
package struct Match: Sendable, Equatable {
    package var createRevision: Int64
    package var modRevision: Int64
    /// Counts puts of the generation from 1.
    package var version: Int64
    /// `modSub` and `hasLease`, as in `Payload`.
    private var subFlags: UInt32
    /// Bytes of the stored KeyValue, which `Selection.withRecord` gives.
    package var size: UInt32

    /// Of `subFlags` the flags other than the lease's are dropped.
    init(createRevision: Int64, modRevision: Int64, version: Int64, subFlags: UInt32, size: UInt32) {
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        self.subFlags = subFlags & (Payload.subMask | Payload.lease)
        self.size = size
    }

    /// Position inside the write `modRevision`.
    package var modSub: UInt32 { subFlags & Payload.subMask }

    /// Whether the record has field 6, a lease.
    package var hasLease: Bool { subFlags & Payload.lease != 0 }

    /// Bytes of that KeyValue as a field of a message: a tag of one byte, the length, the record.
    package var fieldSize: Int { 1 + varintSize(UInt64(size)) + Int(size) }

    package var revision: Revision { Revision(main: modRevision, sub: Int64(modSub)) }
}

/// How a selection is cut down while the index is walked, without touching a record.
package struct SelectionOptions: Sendable {
    /// Ends the list of matches after that many; 0 for no end. `count` is exact all the same.
    package var limit = 0
    /// Only counts: `matches` stays empty.
    package var isCountOnly = false
    /// Bounds of mod and create revision, 0 for none; a key outside is counted and not listed.
    package var modRevisionMin: Int64 = 0
    package var modRevisionMax: Int64 = 0
    package var createRevisionMin: Int64 = 0
    package var createRevisionMax: Int64 = 0
    /// Copies the keys beside the matches (`Selection.withKey`): an answer of keys only needs no record
    /// then, but for the lease where `hasLease` says there is one.
    package var wantsKeys = false
    /// Leaves `count` at the number of matches found up to the limit: saves the walk over the rest.
    package var wantsTotal = true
    /// Off: no view of the database is held, and no record of the matches can be read. What asks for
    /// revisions only needs none.
    package var wantsRecords = true

    package init() {}
}
