import HTTP

/// Hears the calls of one method that take exactly one request message.
///
/// No object per call: the state of a call is which of the two handlers its `handler` points to,
///
///     awaiting ── message ──▶ answering ── finish ──▶ over
///        │ half close                │ further messages, half close: ignored
///        ▼                           ▼
///       over (EOF)                 cancelled: counted; the waiter finds the call closed
final class UnaryHandler: GRPCHandler {
    enum Phase { case awaiting, answering }

    private unowned let services: LoopServices
    private let method: Method
    private let phase: Phase

    init(_ services: LoopServices, _ method: Method, _ phase: Phase) {
        self.services = services
        self.method = method
        self.phase = phase
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        if phase == .awaiting { services.received(call, method, bytes) }
    }

    func halfClosed(_ call: GRPCCall) {
        if phase == .awaiting { services.finish(call, method, .missingRequest) }
    }

    func cancelled(_ call: GRPCCall) { services.cancelled(call, method) }

    func drained(_ call: GRPCCall) {}
}

/// Both handlers of every method, by its raw value.
struct UnaryHandlers {
    let awaiting: [UnaryHandler]
    let answering: [UnaryHandler]

    init(services: LoopServices) {
        awaiting = Method.allCases.map { UnaryHandler(services, $0, .awaiting) }
        answering = Method.allCases.map { UnaryHandler(services, $0, .answering) }
    }
}
