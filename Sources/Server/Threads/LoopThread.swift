import HTTP
import MVCC
import Net
import Services

/// One event loop with its gRPC services and its listeners; everything here is on its thread.
final class LoopThread {
    let listeners: LoopListeners
    private let index: Int
    private let loop: EventLoop
    private let services: LoopServices
    private let link: EngineLink
    private let inbox: Mailbox<LoopInput>
    private let grace: Duration
    private let open: (EventLoop, LoopServices, LoopListeners) -> Void
    private var batch: [LoopInput] = []
    private var phase = Phase.serving

    private enum Phase {
        case serving
        /// No new calls; answers still come. Until the services owe nothing, or the deadline.
        case draining(deadline: MonotonicTime)
        /// Calls are ended; their last bytes go out.
        case closing(deadline: MonotonicTime)
    }

    /// How often `LoopServices.tick` runs.
    private static let tickInterval: Duration = .milliseconds(100)
    /// The same while the member stops, which waits for it.
    private static let endingTickInterval: Duration = .milliseconds(20)
    /// What the last bytes of ended streams may take.
    private static let closingTime: Duration = .seconds(1)

    /// `open` makes the client listeners when the member begins to serve; `grace` bounds how long requests
    /// in flight may take to finish when it stops.
    init(
        index: Int, loop: EventLoop, services: LoopServices, link: EngineLink, inbox: Mailbox<LoopInput>,
        grace: Duration, listeners: LoopListeners,
        open: @escaping (EventLoop, LoopServices, LoopListeners) -> Void
    ) {
        self.index = index
        self.loop = loop
        self.services = services
        self.link = link
        self.inbox = inbox
        self.grace = grace
        self.listeners = listeners
        self.open = open
    }

    /// Runs until drained.
    func run() {
        loop.onWake { [unowned self] in takeInbox() }
        loop.atEndOfPass { [unowned self] in endPass() }
        tick()
        loop.run()
    }

    private func tick() {
        services.tick(now: loop.now)
        var interval = Self.endingTickInterval
        switch phase {
        case .serving: interval = Self.tickInterval
        case .draining(let deadline):
            guard services.isDrained || loop.now >= deadline else { break }
            services.shutdown()
            phase = .closing(deadline: loop.now + Self.closingTime)
        case .closing(let deadline):
            if listeners.isIdle || loop.now >= deadline { return loop.stop() }
        }
        loop.schedule(after: interval) { [unowned self] in tick() }
    }

    private func endPass() {
        var hasMore = services.endOfPass()
        // What goes on may ask anew (a Lock's next step), and that counts as this pass, too.
        while goOn(hasMore: hasMore) { hasMore = services.endOfPass() || hasMore }
        // Watchers that lag have more to read: the next pass begins at once.
        if hasMore { loop.doorbell.ring() }
    }

    /// What the pass asked for leaves; true when something was answered at once.
    private func goOn(hasMore: Bool) -> Bool {
        let outcome = link.endOfPass(loop: index, mayWait: loop.isForOneConnection && !hasMore)
        if !outcome.readable.isEmpty { services.readable(outcome.readable) }
        guard let batch = outcome.applied else { return !outcome.readable.isEmpty }
        loop.answerDoorbell()
        take(batch)
        return true
    }

    private func takeInbox() {
        inbox.drain(into: &batch)
        for input in batch { take(input) }
        batch.removeAll(keepingCapacity: true)
    }

    private func take(_ batch: AppliedBatch) {
        if !batch.replies.isEmpty { services.replies(batch.replies) }
        if let revision = batch.visible { services.visible(revision) }
        if !batch.readable.isEmpty { services.readable(batch.readable) }
    }

    private func take(_ input: LoopInput) {
        switch input {
        case .applied(let batch): take(batch)
        case .dropped(let ids, let reason): services.dropped(ids, reason)
        case .readsDropped(let tokens): services.readsDropped(tokens)
        case .performed(let id, let result): services.performed(id, result)
        case .leaderAnswered(let id, let answer): services.leaderAnswered(id, answer)
        case .worked(let id, let result): services.worked(id, result)
        case .compacted(let revision): services.compacted(through: revision)
        case .leaderChanged: services.leaderChanged()
        case .serve: open(loop, services, listeners)
        case .drain:
            services.drain()
            listeners.drain(grace: grace + Self.closingTime)
            phase = .draining(deadline: loop.now + grace)
        }
    }
}
