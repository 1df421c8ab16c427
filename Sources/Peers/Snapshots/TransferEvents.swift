import Net
import Synchronization

/// The threads of snapshot transfers, and their way back to the loop.
final class TransferEvents {
    private enum Event: Sendable {
        /// The pipe of a transfer has something, or room, for the loop.
        case woken(UInt64)
        /// Its thread is at its end: why it failed, if it did.
        case finished(UInt64, String?)
    }

    private final class Transfer {
        var thread: Thread?
        let woken: () -> Void
        let finished: (String?) -> Void

        init(woken: @escaping () -> Void, finished: @escaping (String?) -> Void) {
            self.woken = woken
            self.finished = finished
        }
    }

    private let mailbox: Mailbox<Event>
    private var transfers: [UInt64: Transfer] = [:]
    private var lastNumber: UInt64 = 0

    /// A pipe rings once until the loop has looked, so a transfer has at most three events on their way.
    private static let eventsMax = 4096

    init(loop: EventLoop) {
        mailbox = Mailbox(doorbell: loop.doorbell, capacity: Self.eventsMax)
        loop.onWake { [weak self] in self?.takeEvents() }
    }

    /// Names a transfer.
    func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    func pipe(_ number: UInt64, capacity: Int) throws(NetError) -> BytePipe {
        try BytePipe(capacity: capacity) { [mailbox] in _ = mailbox.push(.woken(number)) }
    }

    /// Runs `body` on a thread of its own; `finished` is called on the loop with what it answers.
    func start(
        _ number: UInt64, woken: @escaping () -> Void, _ body: @escaping @Sendable () -> String?,
        finished: @escaping (String?) -> Void
    ) throws(NetError) {
        let transfer = Transfer(woken: woken, finished: finished)
        transfer.thread = try Thread(name: "snapshot-\(number)") { [mailbox] in
            _ = mailbox.push(.finished(number, body()))
        }
        transfers[number] = transfer
    }

    private func takeEvents() {
        var batch: [Event] = []
        mailbox.drain(into: &batch)
        for event in batch {
            switch event {
            case .woken(let number): transfers[number]?.woken()
            case .finished(let number, let failure):
                guard let transfer = transfers.removeValue(forKey: number) else { continue }
                transfer.thread.take()?.join()  // it has pushed its last word
                transfer.finished(failure)
            }
        }
    }
}
