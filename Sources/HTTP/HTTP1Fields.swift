import Wire

/// Reads the lines of a request's head: RFC 9112 sections 3 and 6, with Go's strictness.
enum HTTP1Fields {
    enum Body: Equatable { case none, length(Int), chunked }

    struct Framing {
        var body = Body.none
        var expectsContinue = false
    }

    static func read(
        _ lines: [Range<Int>], of bytes: [UInt8]
    ) throws(HTTP1Refusal) -> (HTTP1Head, Framing) {
        var head = HTTP1Head()
        let isVersion11 = try readRequestLine(bytes[lines[0]], into: &head)
        for line in lines.dropFirst() { head.headers.append(try field(bytes[line])) }
        let framing = try readFraming(head, isVersion11)
        head.keepsAlive = keepsAlive(head, isVersion11)
        return (head, framing)
    }

    /// `GET /path?query HTTP/1.1`; answers whether the version is 1.1.
    private static func readRequestLine(
        _ line: ArraySlice<UInt8>, into head: inout HTTP1Head
    ) throws(HTTP1Refusal) -> Bool {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isTokenByte) else {
            throw .malformed("malformed HTTP request")
        }
        let version = String(decoding: parts[2], as: UTF8.self)
        guard version.hasPrefix("HTTP/") else { throw .malformed("malformed HTTP version") }
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw .unknownVersion }
        var target = parts[1]
        if let scheme = absoluteFormPrefix(target) { target = target.dropFirst(scheme) }
        guard target.first == UInt8(ascii: "/") || Array(target) == [UInt8(ascii: "*")],
            target.allSatisfy({ $0 > 0x20 && $0 != 0x7f })
        else { throw .malformed("invalid URI for request") }
        head.method = String(decoding: parts[0], as: UTF8.self)
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        head.path = String(decoding: target[..<mark], as: UTF8.self)
        head.query = String(decoding: target[mark...].dropFirst(), as: UTF8.self)
        return version == "HTTP/1.1"
    }

    /// How many bytes of `http://host` stand before the path, for requests made to a proxy.
    private static func absoluteFormPrefix(_ target: ArraySlice<UInt8>) -> Int? {
        for scheme in ["http://", "https://"] where target.starts(with: scheme.utf8) {
            let authority = target.dropFirst(scheme.utf8.count)
            guard let slash = authority.firstIndex(of: UInt8(ascii: "/")) else { return nil }
            return slash - target.startIndex
        }
        return nil
    }

    static func field(_ line: ArraySlice<UInt8>) throws(HTTP1Refusal) -> WebHeader {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(isTokenByte)
        else { throw .malformed("malformed MIME header line") }
        var value = line[(colon + 1)...]
        while let first = value.first, first == 0x20 || first == 0x09 { value.removeFirst() }
        while let last = value.last, last == 0x20 || last == 0x09 { value.removeLast() }
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }) else {
            throw .malformed("invalid header value")
        }
        return WebHeader(
            String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    private static func readFraming(_ head: HTTP1Head, _ isVersion11: Bool) throws(HTTP1Refusal) -> Framing {
        var framing = Framing()
        let hosts = values(head, "host")
        if isVersion11, hosts.isEmpty { throw .malformed("missing required Host header") }
        if hosts.count > 1 { throw .malformed("too many Host headers") }
        let encodings = values(head, "transfer-encoding")
        let lengths = Set(values(head, "content-length"))
        framing.expectsContinue = values(head, "expect").contains { $0.lowercased() == "100-continue" }
        if !encodings.isEmpty {
            guard isVersion11, encodings.count == 1, encodings[0].lowercased() == "chunked" else {
                throw .unknownTransferEncoding
            }
            // Both framings at once is how requests are smuggled past a proxy (RFC 9112 section 6.1).
            guard lengths.isEmpty else { throw .malformed("both Transfer-Encoding and Content-Length") }
            framing.body = .chunked
        } else if let length = lengths.first {
            guard lengths.count == 1, !length.isEmpty, length.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
            else {
                throw .malformed("bad Content-Length \(goQuoted(length))")
            }
            guard let count = Int(length) else { throw .bodyTooLarge }
            framing.body = count == 0 ? .none : .length(count)
        }
        return framing
    }

    private static func keepsAlive(_ head: HTTP1Head, _ isVersion11: Bool) -> Bool {
        let text = values(head, "connection").joined(separator: ",").lowercased()
        let options = text.split(separator: ",").map { part in String(part.filter { $0 != " " }) }
        if options.contains("close") { return false }
        return isVersion11 || options.contains("keep-alive")
    }

    private static func values(_ head: HTTP1Head, _ name: String) -> [String] {
        head.headers.filter { $0.isNamed(name) }.map(\.value)
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
