import Backend
import MVCC
import Raft
import Synchronization

/// Who belongs to the cluster, as far as this member has applied the log.
///
/// The apply thread changes it; every thread may read. Raft's voters and learners follow from it.
/// Every change hands back what to write into the buckets (wal-snap.md 6).
package final class Membership: Sendable {
    private struct State {
        var clusterID: UInt64
        var members: [MemberID: ClusterMember] = [:]
        var removed: Set<MemberID> = []
        var clusterVersion: ClusterVersion?
        var downgrade = DowngradeTarget(enabled: false, version: "")
    }

    /// This member.
    package let localID: MemberID
    private let state: Mutex<State>
    /// Whether this member is a learner: looked at for every call, so beside the lock.
    private let isLearner = Atomic(false)

    package init(localID: MemberID, clusterID: UInt64) {
        self.localID = localID
        state = Mutex(State(clusterID: clusterID))
    }

    package var clusterID: UInt64 { state.withLock { $0.clusterID } }

    /// All members by ascending id.
    package var members: [ClusterMember] {
        state.withLock { $0.members.values.sorted { $0.id < $1.id } }
    }

    package func member(_ id: MemberID) -> ClusterMember? { state.withLock { $0.members[id] } }

    package func isRemoved(_ id: MemberID) -> Bool { state.withLock { $0.removed.contains(id) } }

    package var removedIDs: [MemberID] { state.withLock { $0.removed.sorted() } }

    /// Whether this member is in the cluster as a learner.
    package var isLocalLearner: Bool { isLearner.load(ordering: .relaxed) }

    /// Nil until the cluster agreed on one.
    package var clusterVersion: ClusterVersion? { state.withLock { $0.clusterVersion } }

    package var downgrade: DowngradeTarget { state.withLock { $0.downgrade } }

    /// Raft's configuration of exactly these members.
    package var configuration: ConfigurationState {
        let all = members
        return ConfigurationState(
            voters: all.filter { !$0.isLearner }.map(\.id), learners: all.filter(\.isLearner).map(\.id))
    }

    // Applying.

    /// Checks a change against the members as they are (peer.md 9) and makes it.
    ///
    /// Throws `memberNotFound` (unknown, or removed for ever), `memberIDExists`, `peerURLExists`,
    /// `tooManyLearners`, `memberNotLearner`; nothing has changed then.
    func apply(_ change: MembershipChange, learnersMax: Int) throws(StoreError) -> [BucketChange] {
        let result: Result<[BucketChange], StoreError> = state.withLock { state in
            if let error = Membership.refusal(of: change, by: state, learnersMax: learnersMax) {
                return .failure(error)
            }
            return .success(Membership.make(change, in: &state))
        }
        noteLocal()
        return try result.get()
    }

    private func noteLocal() {
        isLearner.store(state.withLock { $0.members[localID]?.isLearner ?? false }, ordering: .relaxed)
    }

    private static func refusal(
        of change: MembershipChange, by state: State, learnersMax: Int
    ) -> StoreError? {
        if state.removed.contains(change.member) { return .memberNotFound }
        let present = state.members[change.member]
        func isUsed(_ urls: [String]) -> Bool {
            state.members.values.contains { other in
                other.id != change.member && other.peerURLs.contains { urls.contains($0) }
            }
        }
        switch change {
        case .add(let member):
            if present != nil { return .memberIDExists }
            if isUsed(member.peerURLs) { return .peerURLExists }
            let learners = state.members.values.count { $0.isLearner }
            return member.isLearner && learners >= learnersMax ? .tooManyLearners : nil
        case .promote:
            return present.map { $0.isLearner ? nil : .memberNotLearner } ?? .memberNotFound
        case .remove:
            return present == nil ? .memberNotFound : nil
        case .update(_, let urls):
            return present == nil ? .memberNotFound : isUsed(urls) ? .peerURLExists : nil
        }
    }

    private static func make(_ change: MembershipChange, in state: inout State) -> [BucketChange] {
        let id = change.member
        switch change {
        case .add(let member): state.members[id] = member
        case .promote: state.members[id]?.isLearner = false
        case .update(_, let urls): state.members[id]?.peerURLs = urls
        case .remove:
            state.members[id] = nil
            state.removed.insert(id)
            return [
                BucketChange(.members, key: Array(id.hex.utf8), value: nil),
                BucketChange(.membersRemoved, key: Array(id.hex.utf8), value: Array("removed".utf8)),
            ]
        }
        return state.members[id].map { [stored($0)] } ?? []
    }

    private static func stored(_ member: ClusterMember) -> BucketChange {
        BucketChange(.members, key: Array(member.id.hex.utf8), value: Array(member.json.utf8))
    }

    /// A member published its name and client URLs; one that is not there is passed over.
    func setAttributes(of id: MemberID, name: String, clientURLs: [String]) -> [BucketChange] {
        state.withLock { state in
            guard var member = state.members[id] else { return [] }
            member.name = name
            member.clientURLs = clientURLs
            state.members[id] = member
            return [Membership.stored(member)]
        }
    }

    func setClusterVersion(_ version: ClusterVersion) -> [BucketChange] {
        state.withLock { $0.clusterVersion = version }
        return [BucketChange(.cluster, key: Array("clusterVersion".utf8), value: Array(version.text.utf8))]
    }

    func setDowngrade(_ target: DowngradeTarget) -> [BucketChange] {
        state.withLock { $0.downgrade = target }
        return [BucketChange(.cluster, key: Array("downgrade".utf8), value: Array(target.json.utf8))]
    }

    /// Takes over what the buckets hold.
    func restore(
        members: [ClusterMember], removed: [MemberID], clusterVersion: ClusterVersion?,
        downgrade: DowngradeTarget
    ) {
        state.withLock { state in
            state.members = Dictionary(members.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
            state.removed = Set(removed)
            state.clusterVersion = clusterVersion
            state.downgrade = downgrade
        }
        noteLocal()
    }
}
