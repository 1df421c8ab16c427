/// The status line and headers of a response.
package struct HTTP1ResponseHead: Equatable, Sendable {
    package var status: Int
    package var headers: [WebHeader]
    /// The connection may carry another request after this response.
    package var keepsAlive: Bool

    /// The first value of a field; the name is compared without case (ASCII).
    package func header(_ name: String) -> String? { headers.first(named: name) }
}

/// Why a response cannot be read; the connection then ends.
package enum HTTP1ResponseError: Error, Equatable, Sendable {
    case malformed(String)
    /// The head, or one line between chunks, is longer than `headerBytesMax`.
    case headersTooLarge
    /// The connection ended inside a response.
    case truncated
}

/// Cuts HTTP/1.1 responses out of a byte stream, wherever it is split (RFC 9112).
///
/// Body bytes are never copied: they are told as ranges of what was handed in. Interim responses (1xx) are
/// skipped. A response that says neither length nor chunks lasts until the connection ends.
struct HTTP1ResponseParser {
    enum Event: Equatable {
        case head(HTTP1ResponseHead)
        /// Where bytes of the body lie in the input.
        case body(Range<Int>)
        case ended
    }

    private enum State {
        case head
        case body(remaining: Int)
        case untilClose
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        /// The response is whole; said once, before the next begins.
        case ended
    }

    static let headerBytesMax = 64 * 1024

    private var state = State.head
    /// The line that is being read, and the lines of the head before it.
    private var line: [UInt8] = []
    private var lines: [[UInt8]] = []
    private var lineBytes = 0

    /// Nothing of a response is here.
    var isEmpty: Bool {
        if case .head = state { line.isEmpty && lines.isEmpty } else { false }
    }

    /// The next event of `bytes` from `offset` on, which moves; nil when all is taken and more is needed.
    mutating func next(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(HTTP1ResponseError) -> Event? {
        while true {
            switch state {
            case .ended:
                state = .head
                return .ended
            case .body(remaining: 0): state = .ended
            case .chunk(remaining: 0): state = .chunkEnd
            case .body(let remaining):
                guard let range = unsafe take(remaining, of: bytes, from: &offset) else { return nil }
                state = .body(remaining: remaining - range.count)
                return .body(range)
            case .chunk(let remaining):
                guard let range = unsafe take(remaining, of: bytes, from: &offset) else { return nil }
                state = .chunk(remaining: remaining - range.count)
                return .body(range)
            case .untilClose:
                return unsafe take(.max, of: bytes, from: &offset).map { .body($0) }
            case .head, .chunkSize, .chunkEnd, .trailers:
                guard let line = unsafe try takeLine(bytes, from: &offset) else { return nil }
                if let head = try read(line) { return .head(head) }
            }
        }
    }

    /// The connection ended: true when that was the end of a body, false between two responses.
    mutating func inputEnded() throws(HTTP1ResponseError) -> Bool {
        switch state {
        case .untilClose:
            state = .head
            return true
        case .head where line.isEmpty && lines.isEmpty: return false
        default: throw .truncated
        }
    }

    private func take(
        _ remaining: Int, of bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) -> Range<Int>? {
        let count = min(remaining, bytes.count - offset)
        if count == 0 { return nil }
        offset += count
        return offset - count..<offset
    }

    /// The next line without its end, or nil until it is whole.
    private mutating func takeLine(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(HTTP1ResponseError) -> [UInt8]? {
        let rest = unsafe bytes[offset...]
        let newline = unsafe rest.firstIndex(of: UInt8(ascii: "\n"))
        let end = newline ?? bytes.count
        if lineBytes + line.count + end - offset > Self.headerBytesMax { throw .headersTooLarge }
        unsafe line.append(contentsOf: rest[..<end])
        offset = newline.map { $0 + 1 } ?? end
        if newline == nil { return nil }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        var whole: [UInt8] = []
        swap(&whole, &line)
        return whole
    }

    /// One line between bodies; a head once it is whole.
    private mutating func read(_ line: [UInt8]) throws(HTTP1ResponseError) -> HTTP1ResponseHead? {
        switch state {
        case .chunkSize:
            let size = try chunkSize(line)
            state = size == 0 ? .trailers : .chunk(remaining: size)
        case .chunkEnd:
            guard line.isEmpty else { throw .malformed("chunk without its end") }
            state = .chunkSize
        case .trailers:
            lineBytes += line.count
            if line.isEmpty {
                lineBytes = 0
                state = .ended
            }
        default:
            if !line.isEmpty {
                lineBytes += line.count
                lines.append(line)
            } else if !lines.isEmpty {
                return try readHead()
            }
        }
        return nil
    }

    private mutating func readHead() throws(HTTP1ResponseError) -> HTTP1ResponseHead? {
        let (status, isVersion11) = try Self.statusLine(lines[0])
        var head = HTTP1ResponseHead(status: status, headers: [], keepsAlive: isVersion11)
        for line in lines.dropFirst() {
            do throws(HTTP1Refusal) {
                head.headers.append(try HTTP1Fields.field(line[...]))
            } catch {
                throw .malformed("header line")
            }
        }
        lines = []
        lineBytes = 0
        if status < 200 { return nil }
        try begin(&head)
        return head
    }

    /// RFC 9112 section 6.3.
    private mutating func begin(_ head: inout HTTP1ResponseHead) throws(HTTP1ResponseError) {
        let options = head.header("Connection")?.lowercased() ?? ""
        if options.contains("close") { head.keepsAlive = false }
        if options.contains("keep-alive") { head.keepsAlive = true }
        if head.status == 204 || head.status == 304 {
            state = .ended
        } else if let encoding = head.header("Transfer-Encoding") {
            guard encoding.lowercased() == "chunked" else { throw .malformed("transfer encoding") }
            state = .chunkSize
        } else if let length = head.header("Content-Length") {
            guard length.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let count = Int(length) else {
                throw .malformed("content length")
            }
            state = .body(remaining: count)
        } else {
            head.keepsAlive = false
            state = .untilClose
        }
    }

    /// `HTTP/1.1 200 OK`
    private static func statusLine(
        _ line: [UInt8]
    ) throws(HTTP1ResponseError) -> (status: Int, isVersion11: Bool) {
        let text = String(decoding: line, as: UTF8.self)
        let parts = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), status >= 100
        else { throw .malformed("status line") }
        return (status, parts[0] == "HTTP/1.1")
    }

    private func chunkSize(_ line: [UInt8]) throws(HTTP1ResponseError) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
        guard !digits.isEmpty, digits.count < 16, !digits.contains(UInt8(ascii: "+")),
            !digits.contains(UInt8(ascii: "-")),
            let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .malformed("chunk size") }
        return size
    }
}
