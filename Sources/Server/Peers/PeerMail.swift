import Logging
import Net
import Peers
import Raft
import Replication
import Store

/// What came from other members in one pass of the peers loop, on its way to the replica as one batch.
final class PeerMail: PeerHost {
    private let switchboard: Switchboard
    private let ending: Ending
    private let loop: EventLoop
    private let logger: Logger
    private var messages: [Message] = []

    init(loop: EventLoop, switchboard: Switchboard, ending: Ending, logger: Logger) {
        self.loop = loop
        self.switchboard = switchboard
        self.ending = ending
        self.logger = logger
    }

    func received(_ message: Message) { messages.append(message) }

    func received(snapshot message: Message, at path: String) {
        logger.info("received a snapshot", metadata: ["from": "\(message.from.hex)", "path": "\(path)"])
        messages.append(message)
    }

    func unreachable(_ id: MemberID) {
        switchboard.deliver(.event(.unreachable(id)), to: switchboard.replica)
    }

    func snapshotSent(to id: MemberID, hasArrived: Bool) {
        logger.info(
            "sent a snapshot",
            metadata: ["to": "\(id.hex)", "has-arrived": .stringConvertible(hasArrived)])
        switchboard.deliver(.event(.snapshotSent(to: id, hasArrived: hasArrived)), to: switchboard.replica)
        switchboard.deliver(.sent(to: id), to: switchboard.snapshot)
    }

    func removed(by id: MemberID) { ending.removed(saidBy: id, after: loop) }

    /// Hands over what the pass brought; a replica that is too far behind loses it, as by a bad network.
    func endOfPass() {
        if messages.isEmpty { return }
        _ = switchboard.replica.push(.messages(messages))
        messages.removeAll(keepingCapacity: true)
    }
}
