import HTTP
import Journal
import Net
import Peers
import Raft
import Services
import Store

/// Carries requests of this member's clients to the leader, whoever that is by then, until it answers or
/// the request timeout has passed (spec/peer.md 7). On the peers loop.
final class LeaderErrands {
    private struct Pending {
        let request: LeaderErrand
        let deadline: MonotonicTime
        /// Which of the leader's URLs is next.
        var attempts = 0
    }

    private let member: Member
    private let loop: EventLoop
    private let client: PeerClient
    private let desk: LeaderDesk
    private var pending: [UInt64: Pending] = [:]

    private static let retryPause: Duration = .milliseconds(50)

    init(member: Member, loop: EventLoop, client: PeerClient, desk: LeaderDesk) {
        self.member = member
        self.loop = loop
        self.client = client
        self.desk = desk
    }

    /// `leaderAnswered(id)` goes to the loop that drew the id.
    func ask(_ id: UInt64, _ request: LeaderErrand) {
        pending[id] = Pending(request: request, deadline: loop.now + member.requestTimeout)
        attempt(id)
    }

    private func attempt(_ id: UInt64) {
        guard var current = pending[id] else { return }
        if loop.now >= current.deadline { return end(id, .failed(.timedOut)) }
        guard let leader = member.status.engineStatus.leader else { return retry(id) }
        if leader == member.metadata.memberID {
            return desk.handle(current.request) { [weak self] answer in self?.end(id, answer) }
        }
        guard let urls = member.membership.member(leader)?.peerURLs, !urls.isEmpty else { return retry(id) }
        let url = urls[current.attempts % urls.count]
        current.attempts += 1
        pending[id] = current
        let wire = LeaderWire.encode(current.request)
        client.request(
            wire.method, url: url, path: wire.path, headers: wire.headers, body: wire.body,
            timeout: current.deadline - loop.now
        ) { [weak self] result in
            guard let self else { return }
            if case .success(let response) = result,
                let answer = LeaderWire.decode(response, to: current.request)
            {
                end(id, answer)
            } else {
                retry(id)
            }
        }
    }

    private func retry(_ id: UInt64) {
        loop.schedule(after: Self.retryPause) { [weak self] in self?.attempt(id) }
    }

    private func end(_ id: UInt64, _ answer: LeaderAnswer) {
        guard pending.removeValue(forKey: id) != nil else { return }
        member.switchboard.tell(waiterOf: id, .leaderAnswered(id, answer))
    }
}
