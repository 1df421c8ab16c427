import Net

/// The application behind plain HTTP requests of one event loop.
package protocol WebApplication: AnyObject {
    /// A whole request. Answer through `responder`, now or later on the loop's thread, exactly once.
    func handle(_ request: WebRequest, _ responder: WebResponder)
    /// Asked when the head of a request with a body is here (`head.body` is empty): whoever takes the
    /// body as it comes, without a bound. Nil, the default: it is gathered, and `handle` is called.
    func bodyReceiver(_ head: WebRequest, _ responder: WebResponder) -> (any WebBodyReceiver)?
}

extension WebApplication {
    package func bodyReceiver(_ head: WebRequest, _ responder: WebResponder) -> (any WebBodyReceiver)? { nil }
}

/// Takes the body of one request piece by piece. The request may be answered at any time; what still comes
/// after the answer is dropped and the connection closed.
package protocol WebBodyReceiver: AnyObject {
    func received(_ piece: [UInt8])
    /// The body is whole.
    func ended()
    /// The connection was lost before the answer; the last call.
    func cancelled()
}

/// Brings an endless answer, piece by piece and by pull.
package protocol WebStreamSource: AnyObject {
    /// Appends what there is to say to `output` (which may hold other bytes), stopping as soon as that
    /// holds `limit` bytes. Nothing means nothing now: `WebStream.requestFlush` asks again. Does not
    /// finish or close its stream.
    func produce(into output: inout [UInt8], limit: Int)
    /// The connection is gone; the last call.
    func closed()
}

/// A header field; names keep the case they were written in and compare without it.
package struct WebHeader: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// The names are the same but for their case (ASCII).
    package func isNamed(_ name: String) -> Bool {
        self.name.utf8.elementsEqual(name.utf8, by: isSameIgnoringCase)
    }
}

extension [WebHeader] {
    func first(named name: String) -> String? { first { $0.isNamed(name) }?.value }
}

/// A request with its body, which was bounded by `HTTPLimits.webBodyBytesMax`.
package struct WebRequest: Sendable {
    /// As written: `GET`, `POST`.
    package var method: String
    /// The target's path, not percent-decoded: `/health`.
    package var path: String
    /// The target's part behind `?`, not decoded; empty when there is none.
    package var query: String
    /// In the order of arrival; a repeated field appears repeatedly.
    package var headers: [WebHeader]
    package var body: [UInt8]
    package var peer: SocketAddress

    /// The first value of a field; the name is compared without case (ASCII).
    package func header(_ name: String) -> String? { headers.first(named: name) }
}

/// An answer. Content-Length, Date and Connection are added when it is written.
package struct WebResponse: Sendable, Equatable {
    package var status: Int
    package var headers: [WebHeader]
    package var body: [UInt8]

    package init(status: Int, headers: [WebHeader] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// The way back for one request.
package final class WebResponder {
    private var answer: ((WebResponse) -> Void)?
    /// Where the request came from; nil without a connection, and once it is answered.
    private var session: HTTP1Session?

    /// A way back to anybody; only `respond` goes there.
    init(_ answer: @escaping (WebResponse) -> Void) { self.answer = answer }

    init(_ session: HTTP1Session, keepsAlive: Bool, isHead: Bool) {
        self.session = session
        answer = { session.respond($0, keepsAlive: keepsAlive, isHead: isHead) }
    }

    /// Answers the request. When the client has gone meanwhile the answer is dropped silently.
    package func respond(_ response: WebResponse) {
        guard let answer else { preconditionFailure("a request is answered once") }
        self.answer = nil
        session = nil
        answer(response)
    }

    /// Answers with a body in chunks that `source` brings, until the stream is finished or lost. When the
    /// client has gone already, `source` is closed from within this call.
    package func stream(_ head: WebResponse, _ source: any WebStreamSource) -> WebStream {
        precondition(head.body.isEmpty, "the source brings the body")
        guard let session else { preconditionFailure("a request is answered once") }
        self.session = nil
        answer = nil
        session.stream(head, source)
        return WebStream(session)
    }

    /// Tells the client that the answer takes its time (102 Processing), so that it does not give up;
    /// only where the client is known to skip interim answers.
    package func keepWaiting() { session?.keepWaiting() }

    /// Lets the rest of the body wait at the client; only before the answer.
    package func pauseBody() { session?.pauseBody() }

    /// Takes the body again.
    package func resumeBody() { session?.resumeBody() }
}

/// An answer that goes on. Its verbs do nothing once the connection is gone.
package final class WebStream {
    private weak var session: HTTP1Session?

    init(_ session: HTTP1Session) { self.session = session }

    /// Asks the source at the end of this pass.
    package func requestFlush() { session?.requestFlush() }

    /// Ends the answer in order, after what is encoded already: the last chunk, then the connection.
    package func finish() { session?.finishStream() }

    /// Cuts the connection.
    package func close() { session?.cut() }
}

/// ASCII letters are equal to their other case, as in header names.
func isSameIgnoringCase(_ left: UInt8, _ right: UInt8) -> Bool { lowercased(left) == lowercased(right) }

func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
