import Glibc
import Journal
import Net
import Raft
import Store
import Telemetry
import Testing

@testable import Peers

/// A child process of this test, ended with the value.
private final class Child {
    private var process: pid_t = 0
    private(set) var exitStatus: Int32?

    /// Starts a program with its output in `log`.
    init(_ arguments: [String], log: String) throws {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        let environment = ["ETCDCTL_API=3", "PATH=/usr/bin:/bin"]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { (text: String) in strdup(text) } + [nil]
        var names: [UnsafeMutablePointer<CChar>?] = environment.map { (text: String) in strdup(text) } + [nil]
        let result = unsafe posix_spawn(&process, arguments[0], &actions, nil, &words, &names)
        for word in words + names { unsafe free(word) }
        guard result == 0 else { throw DiskError(.open, path: arguments[0], errno: result) }
    }

    deinit { end() }

    /// Kills it if it still runs.
    func end() {
        if exitStatus != nil { return }
        kill(process, SIGKILL)
        var status: Int32 = 0
        _ = unsafe waitpid(process, &status, 0)
        exitStatus = status
    }

    var hasEnded: Bool {
        if exitStatus != nil { return true }
        var status: Int32 = 0
        guard unsafe waitpid(process, &status, WNOHANG) == process else { return false }
        exitStatus = status
        return true
    }
}

/// Grants every vote and accepts every append: enough of a follower for a real etcd to lead.
private func answer(_ message: Message, _ id: MemberID) -> Message? {
    let payload: Message.Payload
    switch message.payload {
    case .vote: payload = .voteResponse(isGranted: true)
    case .preVote: payload = .preVoteResponse(isGranted: true)
    case .append(let append):
        payload = .appendAccepted(append.entries.last?.index ?? append.previous.index)
    case .heartbeat(_, let context): payload = .heartbeatResponse(context: context)
    default: return nil
    }
    return Message(from: id, to: message.from, term: message.term, payload: payload)
}

@Suite(.enabled(if: access("/usr/bin/etcd", X_OK) == 0 && access("/usr/bin/etcdctl", X_OK) == 0))
struct `Beside a real etcd` {
    @Test(arguments: [true, false])
    func `it dials us and we dial it, its votes and appends are understood and our answers too`(
        withPreVote: Bool
    ) throws {
        let village = try Village()
        let directory = TemporaryDirectory()
        let free = try (0..<2).map { _ in try ListeningSocket(.tcp(host: "127.0.0.1", port: 0)) }
        let (peerURL, clientURL) = ("http://127.0.0.1:\(free[0].port)", "http://127.0.0.1:\(free[1].port)")
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let ourURL = "http://127.0.0.1:\(socket.port)"
        let etcd = MemberID(peerURLs: [peerURL], token: "tok")
        let us = MemberID(peerURLs: [ourURL], token: "tok")
        let member = try village.settle(
            us.rawValue, cluster: clusterID(of: [etcd, us]), socket: socket)
        member.transport.setPeers([PeerAddress(id: etcd, urls: [peerURL])], removed: [])
        _ = consume free  // etcd binds them now
        let server = try Child(
            [
                "/usr/bin/etcd", "--name=a", "--data-dir=\(directory.path)/data",
                "--initial-cluster-token=tok",
                "--initial-cluster=a=\(peerURL),b=\(ourURL)", "--listen-peer-urls=\(peerURL)",
                "--initial-advertise-peer-urls=\(peerURL)", "--listen-client-urls=\(clientURL)",
                "--advertise-client-urls=\(clientURL)", "--pre-vote=\(withPreVote)",
            ], log: directory.path + "/etcd.log")
        defer {
            server.end()
            withExtendedLifetime(directory) {}
        }

        var seen: [Message] = []
        func serve(until condition: () -> Bool) -> Bool {
            village.run {
                let batch = member.messages
                member.messages = []
                seen += batch
                member.transport.send(batch.compactMap { answer($0, us) })
                return condition()
            }
        }
        try #require(serve { member.transport.hasAllStreams(with: etcd) })
        let isPreVote = { (message: Message) in if case .preVote = message.payload { true } else { false } }
        #expect(serve { seen.contains { if case .vote = $0.payload { true } else { false } } })
        #expect(seen.contains(where: isPreVote) == withPreVote)
        let key = "key-of-this-test"
        let put = try Child(
            ["/usr/bin/etcdctl", "--endpoints=\(clientURL)", "put", key, "value"],
            log: directory.path + "/etcdctl.log")
        #expect(serve { put.hasEnded })
        #expect(put.exitStatus == 0)
        let isPut = { (message: Message) in
            guard case .append(let append) = message.payload else { return false }
            return append.entries.contains { $0.data.firstRange(of: Array(key.utf8)) != nil }
        }
        #expect(seen.contains(where: isPut))
        #expect(member.metrics.receivedFailures(of: etcd) == 0)
        let view = try ClusterInquiry.members(of: [peerURL])
        #expect(view.clusterID == clusterID(of: [etcd, us]))
        #expect(view.members.map(\.id) == [etcd, us].sorted())
    }
}

extension NetworkMetrics {
    fileprivate func receivedFailures(of id: MemberID) -> UInt64 { peerReceivedFailures.with(id.hex).value }
}
