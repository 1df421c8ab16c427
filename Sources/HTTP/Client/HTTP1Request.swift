/// A request that a client sends.
package struct HTTP1Request: Sendable {
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// So many bytes, which `HTTPExchange.produceBody` brings.
        case stream(length: Int)
    }

    package var method: String
    /// Path and query, as they are written.
    package var target: String
    /// The authority, `10.0.0.1:2380`.
    package var host: String
    /// Content-Length is added.
    package var headers: [WebHeader]
    package var body: Body

    package init(method: String, target: String, host: String, headers: [WebHeader] = [], body: Body = .none)
    {
        self.method = method
        self.target = target
        self.host = host
        self.headers = headers
        self.body = body
    }

    /// Everything in front of the body.
    var head: [UInt8] {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        for header in headers {
            precondition(Self.isClean(header.name) && Self.isClean(header.value), "a header is one line")
            text += "\(header.name): \(header.value)\r\n"
        }
        switch body {
        case .none where method == "POST" || method == "PUT": text += "Content-Length: 0\r\n"
        case .none: break
        case .bytes(let bytes): text += "Content-Length: \(bytes.count)\r\n"
        case .stream(let length): text += "Content-Length: \(length)\r\n"
        }
        return Array((text + "\r\n").utf8)
    }

    private static func isClean(_ text: String) -> Bool { text.utf8.allSatisfy { $0 != 0x0d && $0 != 0x0a } }
}
