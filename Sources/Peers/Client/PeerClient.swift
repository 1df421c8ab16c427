import HTTP
import Net

/// HTTP/1.1 requests to other members on one event loop, each answered exactly once.
///
/// Connections are kept for a while and used again. A request on a kept connection that is lost before
/// anything of the answer came is made once more on a fresh one: the server had closed it as idle.
package final class PeerClient {
    /// An answer's body beyond it ends the request with `.tooLarge`.
    static let bodyBytesMax = 4 << 20
    /// Connections kept per member, and for how long: less than the 5 s a peer port waits for a request.
    private static let keptPerMemberMax = 4
    private static let keptFor: Duration = .milliseconds(4500)

    let loop: EventLoop
    private let connector: Connector
    private var kept: [PeerURL: [HTTPClientConnection]] = [:]
    private var open: [ObjectIdentifier: Exchange] = [:]

    package init(loop: EventLoop, connector: Connector) {
        self.loop = loop
        self.connector = connector
    }

    /// Makes a request. `url` is scheme and authority (`http://10.0.0.1:2380`), `path` begins with a slash
    /// and may hold a query. `answer` is called once on the loop, never from within this call.
    package func request(
        _ method: String, url: String, path: String, headers: [WebHeader] = [], body: [UInt8] = [],
        timeout: Duration, _ answer: @escaping (Result<WebResponse, PeerRequestError>) -> Void
    ) {
        guard let target = PeerURL(url) else {
            loop.schedule(after: .zero) { answer(.failure(.badURL(url))) }
            return
        }
        let request = HTTP1Request(
            method: method, target: path, host: target.authority, headers: headers,
            body: body.isEmpty ? .none : .bytes(body))
        let exchange = Exchange(self, target, request, answer)
        open[ObjectIdentifier(exchange)] = exchange
        exchange.begin(timeout: timeout)
    }

    /// Cuts every connection and forgets every request: nobody is answered.
    package func close() {
        for exchange in Array(open.values) { exchange.abandon() }
        open = [:]
        for connection in kept.values.joined() { connection.close() }
        kept = [:]
    }

    fileprivate func takeKept(_ url: PeerURL) -> HTTPClientConnection? {
        while let connection = kept[url]?.popLast() {
            if connection.isIdle, loop.now - connection.lastRead < Self.keptFor { return connection }
            connection.close()
        }
        return nil
    }

    fileprivate func keep(_ connection: HTTPClientConnection, _ url: PeerURL) {
        guard connection.isIdle, kept[url, default: []].count < Self.keptPerMemberMax else {
            return connection.close()
        }
        kept[url, default: []].append(connection)
        loop.schedule(after: Self.keptFor) { [weak self, weak connection] in
            guard let self, let connection else { return }
            closeIfUnused(connection, url)
        }
    }

    private func closeIfUnused(_ connection: HTTPClientConnection, _ url: PeerURL) {
        guard let place = kept[url]?.firstIndex(where: { $0 === connection }),
            loop.now - connection.lastRead >= Self.keptFor
        else { return }
        kept[url]?.remove(at: place)
        if kept[url]?.isEmpty == true { kept[url] = nil }
        connection.close()
    }

    fileprivate func connect(
        _ url: PeerURL, timeout: Duration, _ done: @escaping (Result<Connection, NetError>) -> Void
    ) -> ConnectAttempt {
        connector.connect(host: url.host, port: url.port, timeout: timeout, done)
    }

    fileprivate func forget(_ exchange: Exchange) { open[ObjectIdentifier(exchange)] = nil }
}

/// One request on its way: connecting ──▶ asking ──▶ answered.
private final class Exchange: HTTPExchange {
    private unowned let client: PeerClient
    private let url: PeerURL
    private let request: HTTP1Request
    private var answer: ((Result<WebResponse, PeerRequestError>) -> Void)?
    private var attempt: ConnectAttempt?
    private var connection: HTTPClientConnection?
    private var isOnKeptConnection = false
    private var timer: Timer?
    private var deadline = MonotonicTime(nanoseconds: 0)
    private var response: WebResponse?

    init(
        _ client: PeerClient, _ url: PeerURL, _ request: HTTP1Request,
        _ answer: @escaping (Result<WebResponse, PeerRequestError>) -> Void
    ) {
        self.client = client
        self.url = url
        self.request = request
        self.answer = answer
    }

    func begin(timeout: Duration) {
        deadline = client.loop.now + timeout
        timer = client.loop.schedule(at: deadline) { [self] in finish(.failure(.timeout)) }
        if let kept = client.takeKept(url) {
            isOnKeptConnection = true
            ask(kept)
        } else {
            dial()
        }
    }

    /// Ends without an answer.
    func abandon() {
        answer = nil
        finish(.failure(.closed))
    }

    private func dial() {
        attempt = client.connect(url, timeout: deadline - client.loop.now) { [self] result in
            attempt = nil
            switch result {
            case .success(let connection): ask(HTTPClientConnection(connection))
            case .failure(let error): finish(.failure(.net(error)))
            }
        }
    }

    private func ask(_ connection: HTTPClientConnection) {
        guard connection.isIdle else { return finish(.failure(.closed)) }
        self.connection = connection
        connection.send(request, self)
    }

    func began(_ head: HTTP1ResponseHead) {
        response = WebResponse(status: head.status, headers: head.headers)
    }

    func received(_ bytes: borrowing RawSpan) {
        guard let count = response?.body.count, count + bytes.byteCount <= PeerClient.bodyBytesMax else {
            return finish(.failure(.tooLarge))
        }
        // Safe: the buffer does not leave the closure; append copies it.
        unsafe bytes.withUnsafeBytes { unsafe response?.body.append(contentsOf: $0) }
    }

    func ended() {
        guard let connection, let response else { return }
        self.connection = nil
        client.keep(connection, url)
        finish(.success(response))
    }

    func failed(_ error: HTTPClientError) {
        guard connection != nil else { return }
        connection = nil
        if isOnKeptConnection, response == nil, error == .closed {
            isOnKeptConnection = false
            return dial()
        }
        finish(.failure(PeerRequestError(error)))
    }

    private func finish(_ result: Result<WebResponse, PeerRequestError>) {
        if let timer { client.loop.cancel(timer) }
        timer = nil
        attempt?.cancel()
        attempt = nil
        let connection = connection
        self.connection = nil
        connection?.close()
        client.forget(self)
        let answer = answer
        self.answer = nil
        answer?(result)
    }
}
