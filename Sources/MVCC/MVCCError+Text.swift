import Backend

extension MVCCError: CustomStringConvertible {
    /// The sentence an operator reads.
    package var description: String {
        switch self {
        case .backend(let error): error.description
        case .compacted(let revision): "revision \(revision) is compacted"
        case .futureRevision: "revision of the future"
        case .damagedRecord(let revision):
            "the record of revision \(revision.main), or the one after it, is damaged "
                + "(change \(revision.sub))"
        }
    }
}
