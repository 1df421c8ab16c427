import Backend

/// Why a read or a compaction is refused.
package enum MVCCError: Error, Equatable {
    /// The revision asked for is below the compacted one, given here (for a compaction: not above it).
    case compacted(Int64)
    /// The revision asked for is above the current one.
    case futureRevision
    /// The database failed.
    case backend(BackendError)
    /// A record of bucket `key` cannot be read: a key of wrong length or form, a value that is no KeyValue,
    /// or a revision the index names but the database lacks.
    case damagedRecord(Revision)
}
