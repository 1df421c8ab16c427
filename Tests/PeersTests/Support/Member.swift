import Glibc
import HTTP
import Journal
import Logging
import Net
import Raft
import Telemetry

@testable import Peers

/// Several members' transports on one event loop, stepped by the test on its own thread.
final class Village {
    let loop: EventLoop
    private(set) var members: [Member] = []

    init() throws { loop = try EventLoop(doorbell: try Doorbell()) }

    deinit { for member in members { member.transport.close() } }

    /// A member that listens on a port of 127.0.0.1 and knows nobody yet.
    @discardableResult
    func settle(
        _ id: UInt64, cluster: UInt64 = 0xc1, socket: ListeningSocket? = nil,
        _ change: (inout PeerSettings) -> Void = { _ in }
    ) throws -> Member {
        var settings = PeerSettings(electionTimeout: .seconds(1))
        settings.redialPause = .milliseconds(5)
        change(&settings)
        let member = try Member(MemberID(id), cluster, loop, socket, settings)
        members.append(member)
        return member
    }

    /// Members 1 to `count`, each knowing all.
    func settleAll(_ count: UInt64, _ change: (inout PeerSettings) -> Void = { _ in }) throws -> [Member] {
        for id in 1...count { try settle(id, change) }
        introduce()
        return members
    }

    func introduce() {
        for member in members { member.transport.setPeers(members.map(\.address), removed: []) }
    }

    /// Runs passes until `condition` holds; false when it does not within 20 s.
    func run(until condition: () -> Bool) -> Bool {
        let end = MonotonicTime.now() + .seconds(20)
        while !condition() {
            if MonotonicTime.now() > end { return false }
            let timer = loop.schedule(after: .milliseconds(5)) {}
            loop.runPass()
            loop.cancel(timer)
        }
        return true
    }

    /// Runs until every member hears every other and every stream is up both ways.
    func runUntilConnected() -> Bool {
        run {
            members.allSatisfy { member in
                members.allSatisfy { other in
                    other === member || member.transport.hasAllStreams(with: other.id)
                }
            }
        }
    }
}

/// A transport, its port, and a journal of what it told.
final class Member: PeerHost {
    let id: MemberID
    let socket: ListeningSocket
    let directory = TemporaryDirectory()
    let metrics: NetworkMetrics
    private(set) var transport: PeerTransport!
    var messages: [Message] = []
    var snapshots: [(message: Message, path: String)] = []
    var unreachable: [MemberID] = []
    var sent: [(id: MemberID, hasArrived: Bool)] = []
    var removers: [MemberID] = []

    init(
        _ id: MemberID, _ cluster: UInt64, _ loop: EventLoop, _ socket: ListeningSocket?,
        _ settings: PeerSettings
    ) throws {
        self.id = id
        self.socket = try socket ?? ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        metrics = ServerMetrics(MetricsRegistry(), extensive: false).network
        let identity = PeerIdentity(
            member: id, cluster: cluster, version: "3.5.33", minimumVersion: "3.0.0",
            peerURLs: ["http://127.0.0.1:\(self.socket.port)"])
        transport = PeerTransport(
            loop: loop, identity: identity, settings: settings, snapshots: SnapshotDirectory(directory.path),
            pages: OtherPages(), budget: ConnectionBudget(limit: 1000), metrics: metrics, host: self,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try transport.serve(self.socket)
    }

    var url: String { "http://127.0.0.1:\(socket.port)" }
    var address: PeerAddress { PeerAddress(id: id, urls: [url]) }

    func received(_ message: Message) { messages.append(message) }
    func received(snapshot message: Message, at path: String) { snapshots.append((message, path)) }
    func unreachable(_ id: MemberID) { unreachable.append(id) }
    func snapshotSent(to id: MemberID, hasArrived: Bool) { sent.append((id, hasArrived)) }
    func removed(by id: MemberID) { removers.append(id) }
}

/// Stands for the helper pages.
private final class OtherPages: WebApplication {
    func handle(_ request: WebRequest, _ responder: WebResponder) {
        let text = "\(request.method) \(request.path) \(request.body.count)"
        responder.respond(WebResponse(status: 200, body: Array(text.utf8)))
    }
}

/// A directory that goes away with the value.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/peers-tests-XXXXXX".utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else {
                fatalError("mkdtemp failed: \(errno)")
            }
            return unsafe String(cString: made)
        }
    }

    deinit { Self.removeTree(path) }

    private static func removeTree(_ path: String) {
        let disk = SystemDisk()
        for name in (try? disk.list(path) ?? []) ?? [] {
            let inner = path + "/" + name
            if (try? disk.list(inner)) == nil { try? disk.remove(inner) } else { removeTree(inner) }
        }
        try? disk.removeDirectory(path)
    }

    /// What lies in it.
    var names: [String] { (try? SystemDisk().list(path) ?? []) ?? [] }
}

/// Calls of the raft core as tests write them.
func message(_ from: UInt64, _ to: UInt64, term: UInt64 = 1, _ payload: Message.Payload) -> Message {
    Message(from: MemberID(from), to: MemberID(to), term: Term(term), payload: payload)
}

func append(
    _ from: UInt64, _ to: UInt64, after index: UInt64, term: UInt64 = 1, _ data: [[UInt8]], commit: UInt64 = 0
) -> Message {
    let entries = data.enumerated().map { place, bytes in
        Entry(id: position(term, index + 1 + UInt64(place)), data: bytes)
    }
    return message(
        from, to, term: term,
        .append(.init(previous: position(term, index), entries: entries, commit: LogIndex(commit))))
}

func position(_ term: UInt64, _ index: UInt64) -> EntryID {
    EntryID(term: Term(term), index: LogIndex(index))
}
