import EtcdAPI
import Journal
import Net
import Raft
import Replication
import Services
import Store
import Wire

/// Does what only the leader can (`LeaderErrand`), for members that asked over the peer port and for
/// this member itself. On the peers loop.
///
/// An answer may have to wait: until what was committed when the request came is applied (so that a lease
/// granted before is known), until a lease past its expiry is revoked, until a promotion is applied.
final class LeaderDesk {
    typealias Reply = (LeaderAnswer) -> Void

    private let member: Member
    private let loop: EventLoop
    private var ids: RequestIDs
    private var promotions: [UInt64: Reply] = [:]

    /// How long a request waits for the applied index (spec/peer.md 7.2).
    private static let applyTimeout: Duration = .seconds(1)
    /// How often it is looked at again.
    private static let lookInterval: Duration = .milliseconds(2)
    private static let notPrimary = "not a primary lessor"

    init(member: Member, loop: EventLoop) {
        self.member = member
        self.loop = loop
        ids = member.boot.ids(loop: Switchboard.peersLoop)
    }

    func drawID() -> UInt64 { ids.draw() }

    /// Answers once, now or later on this loop.
    func handle(_ request: LeaderErrand, _ reply: @escaping Reply) {
        let committed = member.status.engineStatus.committed
        let deadline = loop.now + Self.applyTimeout
        var resetProposed = false
        switch request {
        case .keepAlive(let lease):
            attempt(until: deadline, late: .applyTooSlow, reply) { [self] in
                guard hasApplied(committed) else { return nil }
                return renew(lease, &resetProposed)
            }
        case .timeToLive(let lease, let wantsKeys):
            attempt(until: deadline, late: .applyTooSlow, reply) { [self] in
                guard hasApplied(committed) else { return nil }
                return timeToLive(lease, wantsKeys)
            }
        case .promote(let id):
            attempt(until: deadline, late: .applyTooSlow, reply) { [self] in
                guard hasApplied(committed) else { return nil }
                return promote(id, reply)
            }
        }
    }

    private func hasApplied(_ index: LogIndex) -> Bool { member.status.appliedIndex >= index }

    /// What an attempt that answers by other means returns.
    private enum Attempt {
        case answered(LeaderAnswer)
        /// The answer comes by itself.
        case underWay
    }

    private func attempt(
        until deadline: MonotonicTime, late: LeaderAnswer.Failure, _ reply: @escaping Reply,
        _ body: @escaping () -> Attempt?
    ) {
        switch body() {
        case .answered(let answer)?: reply(answer)
        case .underWay?: break
        case nil where loop.now >= deadline: reply(.failed(late))
        case nil:
            loop.schedule(after: Self.lookInterval) { [weak self] in
                self?.attempt(until: deadline, late: late, reply, body)
            }
        }
    }

    private var leaseTime: Duration { .nanoseconds(MonotonicTime.now().nanoseconds) }

    private func renew(_ lease: Int64, _ resetProposed: inout Bool) -> Attempt? {
        switch member.lessor.renew(id: lease, at: leaseTime) {
        case .renewed(let ttl): return .answered(.renewed(ttl: ttl))
        case .notFound: return .answered(.failed(.leaseNotFound))
        case .notPrimary: return .answered(.failed(.other(Self.notPrimary)))
        // Its revoke is in the log's hands.
        case .expired: return nil
        case .needsCheckpointReset:
            if !resetProposed { proposeReset(lease) }
            resetProposed = true
            return nil
        }
    }

    /// A LeaseCheckpointRequest of {1 lease, 2 remaining TTL 0}.
    private func proposeReset(_ lease: Int64) {
        var item: [UInt8] = []
        item.appendField(1, lease)
        var request: [UInt8] = []
        request.appendField(1, always: item)
        propose(.leaseCheckpoint, request)
    }

    /// Proposes what nobody waits for.
    func propose(_ kind: InternalRaftRequest.Kind, _ request: [UInt8]) {
        let id = drawID()
        let asker = member.auth.ownIdentity
        var data: [UInt8] = []
        // The span does not outlive `request`.
        unsafe data.appendInternalRaftRequest(
            kind, request.span.bytes, id: id, username: asker.user, authRevision: asker.revision)
        _ = member.switchboard.replica.push(.proposals([ProposedEntry(tag: id, data: data)]))
    }

    private func timeToLive(_ lease: Int64, _ wantsKeys: Bool) -> Attempt? {
        guard member.lessor.isPrimary else { return .answered(.failed(.other(Self.notPrimary))) }
        let found = member.lessor.timeToLive(id: lease, wantsKeys: wantsKeys, at: leaseTime)
        return .answered(found.map { .timeToLive($0) } ?? .failed(.leaseNotFound))
    }

    // Promotion.

    private func promote(_ id: MemberID, _ reply: @escaping Reply) -> Attempt {
        let guardian = MembershipGuard(
            members: member.membership.members, local: member.metadata.memberID,
            isStrict: member.configuration.cluster.strictReconfigCheck, active: member.link.activePeers,
            now: loop.now)
        if let refusal = guardian.refusalOfPromoting(id, progress: member.link.progress) {
            return .answered(.failed(refusal))
        }
        let request = drawID()
        promotions[request] = reply
        member.link.proposeConfigurationChange(request, MembershipProposal(.promote(id)))
        loop.schedule(after: member.requestTimeout) { [weak self] in
            self?.promotions.removeValue(forKey: request)?(.failed(.timedOut))
        }
        return .underWay
    }

    /// An entry this loop proposed was applied.
    func replied(_ answer: Store.Reply) {
        guard let reply = promotions.removeValue(forKey: answer.id) else { return }
        switch answer.outcome {
        case .members(_, let all): reply(.members(all))
        case .failure(.memberNotFound): reply(.failed(.memberNotFound))
        case .failure(.memberNotLearner): reply(.failed(.memberNotLearner))
        case .failure(let error): reply(.failed(.other("\(error)")))
        default: preconditionFailure("a promotion is answered with members")
        }
    }

    /// Proposals of this loop never entered the log.
    func dropped(_ tags: [UInt64]) {
        for tag in tags {
            promotions.removeValue(forKey: tag)?(.failed(.other("raft proposal dropped")))
        }
    }
}
