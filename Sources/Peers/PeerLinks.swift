import Net
import Raft
import Synchronization

/// Which members are heard; written by the transport, read by anybody.
///
/// A member is active while a stream from it is up: something came within `PeerSettings.readTimeout`.
/// (etcd also counts what we could write; the kernel of a stopped process takes bytes for hours.)
package final class PeerLinks: Sendable {
    /// Since when each active member is; no entry for the others. Held for a look-up or one change.
    private let active = Mutex<[MemberID: MonotonicTime]>([:])

    init() {}

    /// Since when the member is heard without a break; nil when it is not.
    package func activeSince(_ id: MemberID) -> MonotonicTime? { active.withLock { $0[id] } }

    /// Every member that is heard, this one never among them.
    package var activeMembers: [MemberID: MonotonicTime] { active.withLock { $0 } }

    func activate(_ id: MemberID, at time: MonotonicTime) {
        active.withLock { if $0[id] == nil { $0[id] = time } }
    }

    func deactivate(_ id: MemberID) { active.withLock { $0[id] = nil } }
}
