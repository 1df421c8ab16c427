import CPlatform

/// What a connection speaks: bytes in, bytes out, no socket. All calls come on the loop's thread.
package protocol ByteMachine: AnyObject {
    /// Bytes off the wire, valid during the call.
    func received(_ bytes: UnsafeRawBufferPointer)
    /// The other side will send no more.
    func inputEnded()
    /// Writes what there is to say into `buffer` and answers how much; 0 means nothing now. Called again
    /// once that is written, until it answers 0 or `isSilent` is true.
    func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int
    /// Right behind `produce`: asked again now, it would answer 0 and do nothing. False if that is not known.
    var isSilent: Bool { get }
    /// The connection is gone; the last call.
    func closed()
}

extension ByteMachine {
    package var isSilent: Bool { false }
}

/// A machine that speaks for another one: TLS, between the socket and what is spoken inside.
package protocol ByteCarrier: ByteMachine {
    /// Gets the machine inside, once. It may have to wait for its turn: it is asked and told nothing before.
    func carry(_ machine: any ByteMachine)
    /// Writes what must be said behind everything else, before an orderly end, and answers how much.
    /// Called once.
    func lastWords(into buffer: UnsafeMutableRawBufferPointer) -> Int
    /// Why the connection ended, where the carrier ended it or knows more than that it did.
    var failure: String? { get }
}

/// A socket and its machine.
///
/// Input is read into the loop's buffer and given to the machine at once; output is pulled from the
/// machine at the end of a pass, up to 256 KiB, and written once. What the kernel does not take is
/// kept, and the machine is not asked again until it is gone: a peer that does not read costs at most
/// one such buffer and whatever its machine leaves unsaid. A carrier (TLS) may stand between the two.
package final class Connection: ReadinessHandler {
    // What a flush touches comes first: of many connections with one message each, all of it is outside of
    // the caches.

    package let loop: EventLoop
    /// The carrier, where there is one.
    private var machine: (any ByteMachine)?
    private var descriptor: Descriptor?
    private var needsFlush = false
    private var isReadingPaused = false
    private var closing = Closing.open
    private var isInCallback = false
    private var isCloseDeferred = false
    private var unwrittenStart = 0
    private var unwritten: [UInt8] = []

    package let peer: SocketAddress
    /// When bytes last arrived; how half-open connections are told.
    package private(set) var lastRead: MonotonicTime
    private var registration: Registration?
    private var carrier: (any ByteCarrier)?
    /// Why a carrier ended the connection; there once it is closed.
    package private(set) var failure: String?
    private let budget: ConnectionBudget
    private var lingering: Timer?

    private enum Closing { case open, whenFlushed, lingering, closed }

    /// Takes the socket over; `attach` starts it. `budget` gets its unit back when the connection closes.
    package init(
        loop: EventLoop, descriptor: consuming Descriptor, peer: SocketAddress, budget: ConnectionBudget
    ) {
        self.loop = loop
        self.peer = peer
        self.budget = budget
        lastRead = loop.now
        self.descriptor = consume descriptor
    }

    /// Begins to read for `machine`. Throws when epoll refuses; the connection is then closed.
    package func attach(_ machine: any ByteMachine) throws(NetError) {
        if let carrier { carrier.carry(machine) } else { try begin(machine) }
    }

    /// Begins to read for a carrier; the machine inside is attached then or later.
    package func attach(carrier: any ByteCarrier) throws(NetError) {
        self.carrier = carrier
        try begin(carrier)
    }

    private func begin(_ machine: any ByteMachine) throws(NetError) {
        precondition(self.machine == nil, "a connection has one machine")
        guard let number = descriptor?.number else {
            // Closed before it began, for example because epoll refused its carrier.
            carrier = nil
            machine.closed()
            return
        }
        self.machine = machine
        do throws(NetError) {
            registration = try loop.register(connection: self, number)
        } catch {
            close()
            throw error
        }
    }

    /// True until `close`.
    package var isOpen: Bool { closing != .closed }

    /// True while the kernel takes no more of our output.
    package var isBlocked: Bool { unwrittenStart < unwritten.count }

    /// Asks for the machine's output at the end of this pass.
    package func requestFlush() {
        if needsFlush || closing == .closed { return }
        needsFlush = true
        loop.flushAtEndOfPass(self)
    }

    /// Reads nothing until `resumeReading`: what the peer sends waits in the kernel, and then at the peer.
    package func pauseReading() { isReadingPaused = true }

    /// Reads on, from the next pass.
    package func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        loop.readInNextPass(self)
    }

    /// Closes once everything the machine has to say is written; nothing is read from now on.
    package func closeWhenFlushed() {
        guard closing == .open else { return }
        closing = .whenFlushed
        lingering = loop.schedule(after: NetLimits.lastWords) { [weak self] in self?.close() }
        requestFlush()
    }

    /// Closes now; unwritten output is lost. Inside a call of the machine it waits for its return.
    package func close() {
        if closing == .closed { return }
        if isInCallback {
            isCloseDeferred = true
            return
        }
        closing = .closed
        if let lingering { loop.cancel(lingering) }
        if let registration, let number = descriptor?.number { loop.deregister(registration, number) }
        registration = nil
        descriptor = nil
        unwritten = []
        unwrittenStart = 0
        budget.giveBack()
        failure = carrier?.failure
        carrier = nil
        machine?.closed()
        machine = nil
    }

    func ready(_ events: Readiness) {
        if events.contains(.readable) || events.contains(.hangup) { read(untilEnd: events.contains(.hangup)) }
        if events.contains(.writable), isBlocked { requestFlush() }
    }

    func resumeAfterBudget() { read(untilEnd: true) }

    /// A short read means that the socket is empty, and saves the read that would say so; not after a
    /// hang-up, whose end of stream is said once and must be found.
    private func read(untilEnd: Bool) {
        for _ in 0..<NetLimits.readsPerPass {
            guard closing == .open && !isReadingPaused || closing == .lingering else { return }
            let buffer = unsafe loop.readBuffer
            let count: Int?
            do throws(NetError) {
                count = unsafe try descriptor?.read(into: buffer) ?? nil
            } catch {
                return close()
            }
            guard let count else { return }
            if count == 0 { return endInput() }
            lastRead = loop.now
            if closing == .open {
                callMachine { unsafe $0.received(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
            }
            if count < buffer.count, !untilEnd { return }
        }
        loop.readInNextPass(self)
    }

    private func endInput() {
        if closing == .lingering { close() } else { callMachine { $0.inputEnded() } }
    }

    private func callMachine(_ body: (any ByteMachine) -> Void) {
        // Taken out meanwhile, so that no reference is counted.
        guard let machine = machine.take() else { return }
        isInCallback = true
        body(machine)
        isInCallback = false
        self.machine = consume machine
        if isCloseDeferred { close() }
    }

    /// The flush that was asked for begins; what asks again from now on is another one.
    func beginFlush() { needsFlush = false }

    /// Writes what was kept and, when nothing of it is left, has the machine write what it has to say into
    /// `room`: how much that is, and whether it is all.
    func speak(into room: UnsafeMutableRawBufferPointer) -> (count: Int, isSilent: Bool) {
        guard closing == .open || closing == .whenFlushed, writeKept() else { return (0, true) }
        var count = 0
        var isSilent = false
        callMachine {
            unsafe count = $0.produce(into: room)
            isSilent = $0.isSilent
        }
        if closing == .closed { return (0, true) }
        if count == 0, closing == .whenFlushed { unsafe finish(sayingInto: room) }
        return (count, count == 0 || isSilent && closing == .open)
    }

    /// Writes what was kept; true when nothing of it is left.
    private func writeKept() -> Bool {
        guard isBlocked else { return true }
        let start = unwrittenStart
        let written: Int?
        do throws(NetError) {
            written = unsafe try unwritten.withUnsafeBufferPointer { bytes throws(NetError) in
                let rest = unsafe UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start...]))
                return unsafe try descriptor?.write(rest) ?? nil
            }
        } catch {
            close()
            return false
        }
        unwrittenStart += written ?? 0
        if isBlocked { return false }
        unwritten = []  // an idle connection holds no buffer
        unwrittenStart = 0
        return true
    }

    /// Writes what the machine has said and keeps what the kernel does not take; true when all of it went.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if closing == .closed { return false }
        precondition(!isBlocked, "who still has something to write does not speak")
        let written: Int?
        do throws(NetError) {
            written = unsafe try descriptor?.write(bytes) ?? nil
        } catch {
            close()
            return false
        }
        let taken = written ?? 0
        if taken == bytes.count { return true }
        unsafe unwritten.append(contentsOf: bytes[taken...])
        return false
    }

    /// Says goodbye in order: our last bytes, FIN, then what the peer still sends is read and dropped
    /// until it closes too or a second has passed. Closing at once with input unread would make the
    /// kernel send a reset, which can destroy our last bytes before the peer has read them.
    private func finish(sayingInto room: UnsafeMutableRawBufferPointer) {
        guard closing == .whenFlushed, let number = descriptor?.number else { return }
        if let count = unsafe carrier?.lastWords(into: room), count > 0 {
            // Nobody waits for these: what the kernel does not take of them is lost.
            _ = unsafe try? descriptor?.write(UnsafeRawBufferPointer(rebasing: room[..<count]))
        }
        if let lingering { loop.cancel(lingering) }
        _ = platform_shutdown_write(number)
        closing = .lingering
        lingering = loop.schedule(after: NetLimits.linger) { [weak self] in self?.close() }
        loop.readInNextPass(self)
    }
}
