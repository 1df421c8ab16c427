import Net

/// The application behind plain HTTP requests of one event loop.
package protocol WebApplication: AnyObject {
    /// A whole request. Answer through `responder`, now or later on the loop's thread, exactly once.
    func handle(_ request: WebRequest, _ responder: WebResponder)
}

/// A header field; names keep the case they were written in and compare without it.
package struct WebHeader: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
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
    package func header(_ name: String) -> String? {
        headers.first { $0.name.utf8.elementsEqual(name.utf8, by: isSameIgnoringCase) }?.value
    }
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

    init(_ answer: @escaping (WebResponse) -> Void) { self.answer = answer }

    /// Answers the request. When the client has gone meanwhile the answer is dropped silently.
    package func respond(_ response: WebResponse) {
        guard let answer else { preconditionFailure("a request is answered once") }
        self.answer = nil
        answer(response)
    }
}

/// ASCII letters are equal to their other case, as in header names.
func isSameIgnoringCase(_ left: UInt8, _ right: UInt8) -> Bool { lowercased(left) == lowercased(right) }

func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte }
