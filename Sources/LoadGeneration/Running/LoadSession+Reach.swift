import EtcdClient
import HTTP
import Net

extension LoadSession {
    /// A channel none of whose endpoints answers.
    package enum Unreachable: Error, Equatable, CustomStringConvertible {
        case unreachable(endpoint: String, reason: String)
        case interrupted

        package var description: String {
            switch self {
            case .unreachable(let endpoint, let reason): "endpoint \(endpoint) cannot be reached: \(reason)"
            case .interrupted: "interrupted before the load began"
            }
        }
    }

    /// Connects channels, and waits until each has had an answer: a mistyped address is found here, and not
    /// by a load all of whose operations fail. A channel tries each of its endpoints once. Whatever a server
    /// answers will do but that it is unavailable, as long as it answers within `time` of its dial.
    package func reach(_ channels: [Channel], within time: Duration) throws(Unreachable) {
        var open = channels.count
        var problem: Unreachable?
        let trials = channels.map { Trial($0, within: time) }
        runLoop {
            for trial in trials {
                trial.begin { [unowned self] found in
                    open -= 1
                    problem = problem ?? found
                    if open == 0 || problem != nil { stop() }
                }
            }
        } tick: { [unowned self] in
            guard Interruption.hasCome else { return }
            problem = .interrupted
            stop()
        }
        for trial in trials { trial.end() }
        if let problem { throw problem }
    }
}

/// Asks a server over one channel for its health, which needs no user and touches no key.
private final class Trial: GRPCResponseHandler {
    private let channel: Channel
    private let time: Duration
    private var tried = 0
    private var asked: Endpoint
    private var problem: LoadSession.Unreachable?
    private var whenOver: ((LoadSession.Unreachable?) -> Void)?

    init(_ channel: Channel, within time: Duration) {
        self.channel = channel
        self.time = time
        asked = channel.endpoint
    }

    func begin(_ whenOver: @escaping (LoadSession.Unreachable?) -> Void) {
        self.whenOver = whenOver
        ask()
    }

    /// Nobody is told any more.
    func end() { whenOver = nil }

    private func ask() {
        tried += 1
        asked = channel.endpoint
        // The dial has its own limit, whose text says more.
        channel.ask(.health, [], deadline: .now() + time + time + .milliseconds(200), self)
    }

    func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {}

    func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        guard status.code == .unavailable || status.code == .deadlineExceeded else { return tell(nil) }
        let reason = status.code == .unavailable ? status.message : "no answer"
        problem = problem ?? .unreachable(endpoint: asked.description, reason: reason)
        guard tried < channel.endpointCount, whenOver != nil else { return tell(problem) }
        if channel.endpoint == asked { channel.leaveEndpoint() }
        ask()
    }

    private func tell(_ problem: LoadSession.Unreachable?) {
        whenOver?(problem)
        whenOver = nil
    }
}
