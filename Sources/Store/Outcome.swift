/// What applying one entry answers to the member that proposed it.
///
/// `revision` is what goes into the response header: the new revision where something changed, else
/// the current one (api.md 2.4). Bytes are spliced by Services behind the header it writes itself.
package enum Outcome: Sendable, Equatable {
    /// `previous`: the stored KeyValue, when asked for and there was one.
    case put(revision: Int64, previous: [UInt8]?)
    /// `previous`: stored KeyValues in key order, when asked for.
    case deleteRange(revision: Int64, deleted: Int64, previous: [[UInt8]])
    /// `response`: RangeResponse from field 2 on. Only for a Range that came through the log.
    case range(revision: Int64, response: [UInt8])
    /// `response`: TxnResponse from field 2 on.
    case txn(revision: Int64, response: [UInt8])
    /// Reads below `compacted` fail from now on; the records still have to be deleted, and a request
    /// with `physical` set is answered only when the key space has finished doing so.
    case compaction(revision: Int64, compacted: Int64)
    case leaseGrant(revision: Int64, id: Int64, ttl: Int64)
    case leaseRevoke(revision: Int64)
    case leaseCheckpoint(revision: Int64)
    /// The alarms the AlarmResponse lists.
    case alarm(revision: Int64, alarms: [AlarmRecord])
    /// A configuration change was applied: the member it was about (nil when removed) and all members
    /// by ascending id.
    case members(member: ClusterMember?, all: [ClusterMember])
    case clusterVersion, memberAttributes, downgradeInfo
    case auth(AuthOutcome)
    case failure(StoreError)
}

/// Answers of the auth requests; `revision` is the key space's current one.
package enum AuthOutcome: Sendable, Equatable {
    /// Every request that answers a header only.
    case done(revision: Int64)
    case status(revision: Int64, enabled: Bool, authRevision: UInt64)
    /// Names, ascending: roles of a user, all users, or all roles.
    case names(revision: Int64, [[UInt8]])
    /// Encoded authpb.Permission messages of a role, in stored order.
    case permissions(revision: Int64, [[UInt8]])
    /// A new token, made at this auth revision; empty where it has to be signed yet.
    case token(revision: Int64, authRevision: UInt64, [UInt8])
}

/// An outcome on its way to the event loop that waits for it.
package struct Reply: Sendable, Equatable {
    /// The id of the request, as the proposer chose it; `RequestIDs.loop(of:)` tells the event loop.
    package var id: UInt64
    package var outcome: Outcome

    package init(id: UInt64, outcome: Outcome) {
        self.id = id
        self.outcome = outcome
    }
}
