import HTTP
import Journal
import Net
import Peers
import Raft
import Services
import Store
import Synchronization
import Telemetry

/// What the versions of all members allow the cluster to be.
enum VersionDecision: Equatable, Sendable {
    /// Nobody was asked yet.
    case unasked
    /// A member did not answer.
    case undecided
    /// The smallest of all.
    case minimum(ClusterVersion)
}

/// Asks, on a leader, every member for its version (spec/peer.md 8); the housekeeper acts on `decision`.
final class ClusterVersionPoll {
    private let member: Member
    private let client: PeerClient
    private var due: MonotonicTime?
    private var round = 0
    private var missing = 0
    private var smallest: ClusterVersion?
    private var hasFailed = false

    private static let interval: Duration = .seconds(4)
    private static let timeout: Duration = .seconds(2)

    init(member: Member, client: PeerClient) {
        self.member = member
        self.client = client
    }

    func tick(now: MonotonicTime) {
        guard member.status.engineStatus.leader == member.metadata.memberID else {
            due = nil
            return
        }
        if let due, now < due { return }
        due = now + Self.interval
        ask()
    }

    private func ask() {
        let others = member.membership.members.filter { $0.id != member.metadata.memberID }
        round += 1
        missing = others.count
        hasFailed = false
        smallest = ClusterVersion(Version.etcd).map { ClusterVersion(major: $0.major, minor: $0.minor) }
        if others.isEmpty { return decide() }
        for other in others { ask(other.peerURLs[...], round: round) }
    }

    /// Tries the URLs of one member in turn.
    private func ask(_ urls: ArraySlice<String>, round: Int) {
        guard let url = urls.first else {
            hasFailed = true
            return finishOne()
        }
        client.request("GET", url: url, path: "/version", headers: [], body: [], timeout: Self.timeout) {
            [weak self] result in
            guard let self, self.round == round else { return }
            guard case .success(let response) = result, response.status == 200,
                let value = JSONValue(parsing: response.body),
                let version = value["etcdserver"]?.text.flatMap({ ClusterVersion($0) })
            else { return ask(urls.dropFirst(), round: round) }
            let short = ClusterVersion(major: version.major, minor: version.minor)
            smallest = smallest.map { min($0, short) } ?? short
            finishOne()
        }
    }

    private func finishOne() {
        missing -= 1
        if missing == 0 { decide() }
    }

    private func decide() {
        let decision: VersionDecision = hasFailed ? .undecided : smallest.map { .minimum($0) } ?? .undecided
        member.versionDecision.withLock { $0 = decision }
    }
}
