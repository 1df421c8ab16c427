/// Bounds of the module, and what happens at them.
enum Limits {
    /// Unflushed bytes from which a flush is due.
    static let flushDueBytes = 8 << 20
    /// Unflushed bytes from which `Keyspace.isOverfull`: the apply thread waits.
    static let unflushedBytesMax = 64 << 20
    /// Records a slice of a compaction looks at, for each that it may find.
    static let compactionScanFactor = 4
    /// Found records from which a compaction waits for a flush: those of one --backend-batch-interval at the
    /// pace of etcd, 1000 in 10 ms.
    static let compactionDoomedMax = 10_000
    /// Keys the index prunes under one hold of the write lock: some 100 us. Halved, not below the
    /// minimum, while a hold takes longer than the target (nanoseconds), a fifth of the 5 ms for which
    /// compaction may hold up writes.
    static let pruneKeysMax = 2048
    static let pruneKeysMin = 64
    static let pruneHoldTarget: Int64 = 1_000_000
    /// Holds of that lock in one flush.
    static let pruneStepsMax = 16
    /// Hashes of finished compactions kept for HashKV (spec/api.md 16).
    static let compactionHashesMax = 10
}
