import CPlatform

/// Accepts connections from a listening socket on one loop.
///
/// The registration is level-triggered and exclusive and one connection is taken per pass, so loops
/// that share a socket share its connections as they have time for them. When descriptors or the
/// budget have run out the listener rests for 100 ms: clients wait in the backlog, nothing spins.
package final class Listener: ReadinessHandler {
    private let loop: EventLoop
    private let socket: ListeningSocket
    private let budget: ConnectionBudget
    private let accepted: (consuming Descriptor, SocketAddress) -> Void
    private var registration: Registration?
    private var pause: Timer?

    /// Starts accepting. `accepted` owns the descriptor and one unit of the budget, both of which it
    /// hands to a `Connection`.
    package init(
        loop: EventLoop, socket: ListeningSocket, budget: ConnectionBudget,
        accepted: @escaping (consuming Descriptor, SocketAddress) -> Void
    ) throws(NetError) {
        self.loop = loop
        self.socket = socket
        self.budget = budget
        self.accepted = accepted
        registration = try loop.register(listener: self, socket.descriptor.number)
    }

    /// Accepts no more; the socket stays open until its last loop lets go of it.
    package func close() {
        if let pause { loop.cancel(pause) }
        pause = nil
        if let registration { loop.deregister(registration, socket.descriptor.number) }
        registration = nil
    }

    func ready(_ events: Readiness) {
        guard budget.take() else { return rest() }
        var peer = platform_address()
        let result = unsafe platform_accept(socket.descriptor.number, &peer)
        if result >= 0 {
            accepted(Descriptor(owning: result), SocketAddress(peer))
            return
        }
        budget.giveBack()
        switch -result {
        case PlatformError.tooManyOpen, PlatformError.tooManyOpenInSystem, PlatformError.noMemory: rest()
        default: break  // another loop took it, or the peer has gone already
        }
    }

    private func rest() {
        guard let registration else { return }
        loop.deregister(registration, socket.descriptor.number)
        self.registration = nil
        pause = loop.schedule(after: NetLimits.acceptPause) { [unowned self] in resume() }
    }

    private func resume() {
        pause = nil
        do throws(NetError) {
            registration = try loop.register(listener: self, socket.descriptor.number)
        } catch {
            // epoll has no memory for one entry: the machine is that short, and later is better.
            pause = loop.schedule(after: NetLimits.acceptPause) { [unowned self] in resume() }
        }
    }
}
