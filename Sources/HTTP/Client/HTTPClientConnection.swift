import Net

/// The asking side of one request. All calls come on the loop's thread; after `ended` or `failed` no more.
package protocol HTTPExchange: AnyObject {
    /// Appends bytes of a streamed request body, stopping as soon as `output` holds `limit` bytes.
    /// Nothing means nothing now: `HTTPClientConnection.requestFlush` asks again.
    func produceBody(into output: inout [UInt8], limit: Int)
    /// The head of the answer; it may come before all of the request is sent.
    func began(_ head: HTTP1ResponseHead)
    /// Bytes of the answer's body, valid during the call.
    func received(_ bytes: borrowing RawSpan)
    /// The answer is whole. The connection may be used again when `HTTPClientConnection.isIdle`.
    func ended()
    /// There will be no (further) answer.
    func failed(_ error: HTTPClientError)
}

extension HTTPExchange {
    package func produceBody(into output: inout [UInt8], limit: Int) {}
}

/// Why a request got no whole answer.
package enum HTTPClientError: Error, Equatable, Sendable {
    /// The connection was lost or closed, by either side.
    case closed
    case response(HTTP1ResponseError)
}

/// The client side of one HTTP/1.1 connection: one request at a time.
///
///     idle ──send──▶ asking ──whole answer──▶ idle, or closed where the server or a body cut short says so
///
/// The socket is given (`Connector`); closing either side ends the exchange that is open with `failed`.
package final class HTTPClientConnection: ByteMachine {
    private let connection: Connection
    private var parser = HTTP1ResponseParser()
    private var exchange: (any HTTPExchange)?
    /// Bytes of a streamed body still to be asked for.
    private var bodyRemaining = 0
    private var keepsAlive = true
    /// We closed it, perhaps from within a call of the connection, which then lives on until that returns.
    private var isCut = false
    private var output: [UInt8] = []
    private var outputStart = 0

    /// Takes over a connection; when epoll refuses it, it is closed at once.
    package init(_ connection: Connection) {
        self.connection = connection
        do throws(NetError) { try connection.attach(self) } catch {}  // closed: `isOpen` tells
    }

    package var isOpen: Bool { connection.isOpen && !isCut }
    /// Open, and nothing is being asked.
    package var isIdle: Bool { isOpen && exchange == nil && keepsAlive }
    /// When bytes last arrived.
    package var lastRead: MonotonicTime { connection.lastRead }
    /// True while the kernel takes no more of our output.
    package var isBlocked: Bool { connection.isBlocked }

    /// Sends a request; only while idle.
    package func send(_ request: HTTP1Request, _ exchange: any HTTPExchange) {
        precondition(isIdle, "one request at a time")
        self.exchange = exchange
        output += request.head
        switch request.body {
        case .none: break
        case .bytes(let bytes): output += bytes
        case .stream(let length):
            precondition(length >= 0, "a body has a length")
            bodyRemaining = length
        }
        connection.requestFlush()
    }

    /// Asks `HTTPExchange.produceBody` at the end of this pass.
    package func requestFlush() { connection.requestFlush() }

    /// Cuts the connection. An open exchange fails, if not from within this call then after it.
    package func close() {
        isCut = true
        connection.close()
    }

    // The connection's side.

    package func received(_ bytes: UnsafeRawBufferPointer) {
        var offset = 0
        do throws(HTTP1ResponseError) {
            while isOpen, let event = unsafe try parser.next(bytes, from: &offset) {
                guard let exchange else { throw .malformed("an answer to nothing") }
                switch event {
                case .head(let head):
                    keepsAlive = head.keepsAlive
                    exchange.began(head)
                case .body(let range):
                    exchange.received(
                        unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: bytes[range])))
                case .ended: finish(exchange)
                }
            }
        } catch {
            fail(.response(error))
        }
    }

    private func finish(_ exchange: any HTTPExchange) {
        self.exchange = nil
        // An answer before the end of its request: the rest would be taken for the next request.
        if bodyRemaining > 0 || outputStart < output.count { keepsAlive = false }
        if !keepsAlive { close() }
        exchange.ended()
    }

    private func fail(_ error: HTTPClientError) {
        let failed = exchange
        exchange = nil
        close()
        failed?.failed(error)
    }

    package func inputEnded() {
        do throws(HTTP1ResponseError) {
            if try parser.inputEnded(), let exchange {
                keepsAlive = false
                return finish(exchange)
            }
            fail(.closed)
        } catch {
            fail(error == .truncated ? .closed : .response(error))
        }
    }

    package func produce(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        if outputStart > 0 {
            output.removeFirst(outputStart)
            outputStart = 0
        }
        if bodyRemaining > 0, output.count < buffer.count, let exchange {
            let before = output.count
            exchange.produceBody(into: &output, limit: min(buffer.count, before + bodyRemaining))
            bodyRemaining -= output.count - before
            precondition(bodyRemaining >= 0, "a body is as long as was said")
        }
        let count = min(buffer.count, output.count)
        unsafe output.withUnsafeBytes { unsafe buffer.copyMemory(from: .init(rebasing: $0[..<count])) }
        outputStart = count
        if outputStart == output.count {
            output.removeAll(keepingCapacity: bodyRemaining > 0)
            outputStart = 0
        }
        return count
    }

    package func closed() {
        let failed = exchange
        exchange = nil
        failed?.failed(.closed)
    }
}
