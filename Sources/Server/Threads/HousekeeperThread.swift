import EtcdAPI
import Glibc
import MVCC
import Net
import Raft
import Replication
import Services
import Store
import Synchronization
import Wire

/// The thread of the member's own requests: it publishes itself, settles the cluster version, compacts.
///
/// It draws its ids as the last of the loops and hears answers in a mailbox like theirs. One request is
/// under way at a time; one that stays unanswered for the request timeout is made again.
struct HousekeeperThread {
    private enum Work: Equatable {
        case publish
        case clusterVersion
        case compaction
    }

    private let member: Identity
    private let keyspace: Keyspace
    private let membership: Membership
    private let auth: AuthStore
    private let switchboard: Switchboard
    private let status: MemberStatus
    private let mayServe: () -> Bool
    private let versionDecision: () -> VersionDecision
    private var ids: RequestIDs
    private var compactor: AutoCompactor
    private var underWay: (id: UInt64, work: Work, deadline: MonotonicTime)?
    private var isPublished = false
    private var isStopping = false

    /// What the member tells the cluster about itself.
    struct Identity: Sendable {
        var id: MemberID
        var name: String
        var clientURLs: [String]
        var version: ClusterVersion
        /// 5 s and two election timeouts (spec/errors.md 4).
        var requestTimeout: Duration
    }

    private static let lookInterval: Duration = .milliseconds(500)
    private static let shortestRest: Duration = .milliseconds(20)
    /// Until the member is published its clients wait.
    private static let eagerInterval: Duration = .milliseconds(5)

    init(
        member: Identity, keyspace: Keyspace, membership: Membership, auth: AuthStore,
        switchboard: Switchboard, status: MemberStatus, boot: RequestIDs.Boot,
        compaction: AutoCompactor.Mode, mayServe: @escaping () -> Bool,
        versionDecision: @escaping () -> VersionDecision
    ) {
        self.member = member
        self.keyspace = keyspace
        self.membership = membership
        self.auth = auth
        self.switchboard = switchboard
        self.status = status
        self.mayServe = mayServe
        self.versionDecision = versionDecision
        ids = boot.ids(loop: Switchboard.housekeeper)
        compactor = AutoCompactor(mode: compaction, now: MonotonicTime.now())
    }

    /// Runs until told to stop; calls `published` once, when the cluster knows this member.
    mutating func run(published: () -> Void) {
        var batch: [LoopInput] = []
        while !isStopping {
            startWork(at: MonotonicTime.now())
            // An answer wakes it at once.
            let rest = Self.rest(until: compactor.next, at: MonotonicTime.now())
            switchboard.housekeeperBell.wait(timeout: isPublished ? rest : Self.eagerInterval)
            switchboard.housekeeper.drain(into: &batch)
            let wasPublished = isPublished
            for input in batch { take(input) }
            batch.removeAll(keepingCapacity: true)
            if isPublished, !wasPublished { published() }
        }
    }

    /// How long it sleeps when nothing comes: a compactor that keeps little samples often, and must be asked
    /// in time. One that could not be asked is, a moment later.
    static func rest(until next: MonotonicTime?, at now: MonotonicTime) -> Duration {
        guard let next else { return lookInterval }
        return min(lookInterval, max(shortestRest, next - now))
    }

    private mutating func startWork(at now: MonotonicTime) {
        if let current = underWay {
            if now < current.deadline { return }
            finish(current.work, succeeded: false)
        }
        let engine = status.engineStatus
        guard engine.leader != nil, mayServe() else { return }
        let isLeader = engine.leader == member.id
        if !isPublished { return propose(.publish, .clusterMemberAttrSet, attributes(), at: now) }
        if isLeader, let version = dueVersion {
            var request: [UInt8] = []
            request.appendString(1, version.text)
            return propose(.clusterVersion, .clusterVersionSet, request, at: now)
        }
        let revision = keyspace.currentRevision
        if let target = compactor.due(at: now, revision: revision, isLeader: isLeader) {
            var request: [UInt8] = []
            request.appendField(1, target)
            propose(.compaction, .compaction, request, at: now)
        }
    }

    /// The cluster version to set, if it has to change: what all members can do, or the lowest one while
    /// that is unknown and none was ever set (spec/peer.md 8).
    private var dueVersion: ClusterVersion? {
        let current = membership.clusterVersion
        let isAlone = membership.members.allSatisfy { $0.id == member.id }
        switch isAlone ? .minimum(member.version) : versionDecision() {
        case .unasked: return nil
        case .undecided: return current == nil ? ClusterVersion(major: 3, minor: 0) : nil
        case .minimum(let version): return current.map { $0 < version } ?? true ? version : nil
        }
    }

    /// A membershippb.ClusterMemberAttrSetRequest {1 member_ID, 2 Attributes {1 name, 2 client_urls}}.
    private func attributes() -> [UInt8] {
        var inner: [UInt8] = []
        inner.appendString(1, member.name)
        for url in member.clientURLs { inner.appendString(2, url) }
        var request: [UInt8] = []
        request.appendField(1, member.id.rawValue)
        // The span does not outlive `inner`.
        unsafe request.appendField(2, always: inner.span.bytes)
        return request
    }

    private mutating func propose(
        _ work: Work, _ kind: InternalRaftRequest.Kind, _ request: [UInt8], at now: MonotonicTime
    ) {
        let id = ids.draw()
        var data: [UInt8] = []
        let asker = auth.ownIdentity
        // The span does not outlive `request`.
        unsafe data.appendInternalRaftRequest(
            kind, request.span.bytes, id: id, username: asker.user, authRevision: asker.revision)
        underWay = (id, work, now + member.requestTimeout)
        switchboard.deliver(.proposals([ProposedEntry(tag: id, data: data)]), to: switchboard.replica)
    }

    private mutating func take(_ input: LoopInput) {
        switch input {
        case .applied(let batch):
            for reply in batch.replies where reply.id == underWay?.id {
                if let work = underWay?.work { finish(work, succeeded: reply.outcome.isSuccess) }
            }
        case .dropped(let ids, _):
            if let current = underWay, ids.contains(current.id) { finish(current.work, succeeded: false) }
        case .drain: isStopping = true
        case .readsDropped, .performed, .worked, .leaderAnswered, .compacted, .leaderChanged, .serve: break
        }
    }

    private mutating func finish(_ work: Work, succeeded: Bool) {
        underWay = nil
        switch work {
        case .publish: isPublished = succeeded
        case .clusterVersion: break
        case .compaction: compactor.finished(at: MonotonicTime.now(), succeeded: succeeded)
        }
    }
}

extension Outcome {
    /// A compaction at a revision that is compacted already has what it wanted.
    fileprivate var isSuccess: Bool {
        if case .failure(let error) = self { return error == .compacted }
        return true
    }
}

extension [UInt8] {
    fileprivate mutating func appendString(_ number: Int, _ text: String) {
        let bytes = Array(text.utf8)
        // The span does not outlive `bytes`.
        unsafe appendField(number, bytes.span.bytes)
    }
}
