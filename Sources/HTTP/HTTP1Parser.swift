/// The request line and headers of an HTTP/1.1 request.
struct HTTP1Head {
    var method = ""
    var path = ""
    var query = ""
    var headers: [WebHeader] = []
    /// The connection stays open after the answer.
    var keepsAlive = true
}

/// Why a request is answered by the codec itself, and the connection then closed.
enum HTTP1Refusal: Error, Equatable {
    case malformed(String)
    case timeout
    case bodyTooLarge
    case headersTooLarge
    case unknownTransferEncoding
    case unknownVersion
}

/// Cuts HTTP/1.1 requests out of a byte stream, wherever it is split (RFC 9112).
///
/// A head is gathered within `webHeaderBytesMax`. A body is announced (`head`) before any of it is taken;
/// after `streamBody` it comes piece by piece and has no bound here, else it is gathered within
/// `webBodyBytesMax`. Lines end in CRLF or a bare LF, as Go accepts both.
struct HTTP1Parser {
    enum Step {
        case needsMore
        /// The client waits for `100 Continue` before it sends the body; said once.
        case expectsContinue
        /// A head whose body comes next.
        case head(HTTP1Head)
        /// The next bytes of a streamed body.
        case piece([UInt8])
        /// A whole request. The body is empty where it was streamed.
        case request(HTTP1Head, body: [UInt8])
        case refused(HTTP1Refusal)
    }

    private enum State {
        case head
        case bodyAnnounced(HTTP1Head, HTTP1Fields.Framing)
        case fixedBody(HTTP1Head, remaining: Int)
        case chunkSize(HTTP1Head)
        case chunk(HTTP1Head, remaining: Int)
        case chunkEnd(HTTP1Head)
        case trailers(HTTP1Head, bytes: Int)
    }

    private let headerBytesMax: Int
    private let bodyBytesMax: Int
    private var state = State.head
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where the search for the end of a line goes on, so that single bytes do not make it quadratic.
    private var searched = 0
    private var lines: [Range<Int>] = []
    private var body: [UInt8] = []
    private var isBodyStreamed = false

    init(_ limits: HTTPLimits) {
        headerBytesMax = limits.webHeaderBytesMax
        bodyBytesMax = limits.webBodyBytesMax
    }

    /// Nothing of a next request is here.
    var isEmpty: Bool {
        if case .head = state { start == buffer.count && lines.isEmpty } else { false }
    }

    /// More waits than one request may have.
    var isOverfull: Bool { buffer.count - start > headerBytesMax + bodyBytesMax + 64 * 1024 }

    mutating func append(_ bytes: UnsafeRawBufferPointer) { unsafe buffer.append(contentsOf: bytes) }

    /// Hands the body out in pieces; between `head` and the next step.
    mutating func streamBody() {
        guard case .bodyAnnounced = state else { preconditionFailure("a body was announced") }
        isBodyStreamed = true
    }

    mutating func next() -> Step {
        do throws(HTTP1Refusal) {
            while true {
                if let step = try advance() { return step }
            }
        } catch {
            return .refused(error)
        }
    }

    /// One transition; nil when the state changed and there may be more.
    private mutating func advance() throws(HTTP1Refusal) -> Step? {
        switch state {
        case .head: return try readHead()
        case .bodyAnnounced(let head, let framing): return try begin(head, framing)
        case .fixedBody(let head, remaining: 0): return finish(head)
        case .fixedBody(let head, let remaining):
            return take(remaining) { left in .fixedBody(head, remaining: left) }
        case .chunkSize(let head):
            guard let line = try nextLine() else { return .needsMore }
            let size = try chunkSize(line)
            if !isBodyStreamed, body.count + size > bodyBytesMax { throw .bodyTooLarge }
            state = size == 0 ? .trailers(head, bytes: 0) : .chunk(head, remaining: size)
        case .chunk(let head, remaining: 0): state = .chunkEnd(head)
        case .chunk(let head, let remaining):
            return take(remaining) { left in .chunk(head, remaining: left) }
        case .chunkEnd(let head):
            guard let line = try nextLine() else { return .needsMore }
            guard line.isEmpty else { throw .malformed("malformed chunked encoding") }
            state = .chunkSize(head)
        case .trailers(let head, let bytes):
            guard let line = try nextLine() else { return .needsMore }
            if line.isEmpty { return finish(head) }
            if bytes + line.count > headerBytesMax { throw .headersTooLarge }
            state = .trailers(head, bytes: bytes + line.count)
        }
        return nil
    }

    /// Takes what is here of the body: into `body`, or out as a piece.
    private mutating func take(_ remaining: Int, _ next: (Int) -> State) -> Step? {
        let count = min(remaining, buffer.count - start)
        guard count > 0 else { return .needsMore }
        let piece = buffer[start..<start + count]
        let step: Step? = isBodyStreamed ? .piece(Array(piece)) : nil
        if !isBodyStreamed { body += piece }
        start += count
        state = next(remaining - count)
        compact()
        return step
    }

    private mutating func finish(_ head: HTTP1Head) -> Step {
        state = .head
        isBodyStreamed = false
        compact()
        var whole: [UInt8] = []
        swap(&whole, &body)
        return .request(head, body: whole)
    }

    private mutating func compact() {
        buffer.removeFirst(start)
        start = 0
        searched = 0
    }

    /// The next line without its end, or nil until it is whole.
    private mutating func nextLine() throws(HTTP1Refusal) -> Range<Int>? {
        let from = max(start, searched)
        guard let newline = buffer[from...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = buffer.count
            if buffer.count - start > headerBytesMax { throw .headersTooLarge }
            return nil
        }
        var end = newline
        if end > start, buffer[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        let line = start..<end
        start = newline + 1
        searched = start
        return line
    }

    private mutating func readHead() throws(HTTP1Refusal) -> Step? {
        while true {
            guard let line = try nextLine() else { return .needsMore }
            if line.isEmpty, lines.isEmpty {  // an empty line before a request is skipped (RFC 9112 2.2)
                compact()
                continue
            }
            if start > headerBytesMax { throw .headersTooLarge }
            if !line.isEmpty {
                lines.append(line)
                continue
            }
            let (head, framing) = try HTTP1Fields.read(lines, of: buffer)
            lines.removeAll(keepingCapacity: true)
            compact()
            if framing.body == .none { return finish(head) }
            state = .bodyAnnounced(head, framing)
            return .head(head)
        }
    }

    private mutating func begin(_ head: HTTP1Head, _ framing: HTTP1Fields.Framing) throws(HTTP1Refusal)
        -> Step?
    {
        switch framing.body {
        case .none: return finish(head)
        case .length(let length):
            if !isBodyStreamed, length > bodyBytesMax { throw .bodyTooLarge }
            state = .fixedBody(head, remaining: length)
        case .chunked: state = .chunkSize(head)
        }
        return framing.expectsContinue && buffer.isEmpty ? .expectsContinue : nil
    }

    private func chunkSize(_ line: Range<Int>) throws(HTTP1Refusal) -> Int {
        var size = 0
        var digits = 0
        for byte in buffer[line] {
            guard let digit = hexDigit(byte) else {
                if digits > 0, byte == UInt8(ascii: ";") || byte == UInt8(ascii: " ") { break }  // extension
                throw .malformed("malformed chunked encoding")
            }
            digits += 1
            if digits > 15 { throw .bodyTooLarge }
            size = size << 4 | digit
        }
        if digits == 0 { throw .malformed("malformed chunked encoding") }
        return size
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte) - 0x30
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte) - 0x57
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte) - 0x37
        default: nil
        }
    }
}
