import HTTP
import Raft
import Services
import Store
import Wire

/// `LeaderErrand` and its answer as the helper pages of the peer port have them (spec/peer.md 7.2, 7.3).
///
///     POST /leases                LeaseKeepAliveRequest {1 ID} -> LeaseKeepAliveResponse {2 ID, 3 TTL}
///     POST /leases/internal       {1: LeaseTimeToLiveRequest {1 ID, 2 keys}}
///                                 -> {1: LeaseTimeToLiveResponse {1 header, 2 ID, 3 TTL, 4 granted, 5 key*}}
///     POST /members/promote/<id>  -> the member list as JSON
enum LeaderWire {
    static let keepAlivePath = "/leases"
    static let timeToLivePath = "/leases/internal"
    static let promotePath = "/members/promote/"

    struct Request {
        var method = "POST"
        var path: String
        var headers: [WebHeader] = [WebHeader("Content-Type", "application/protobuf")]
        var body: [UInt8] = []
    }

    static func encode(_ request: LeaderErrand) -> Request {
        switch request {
        case .keepAlive(let lease):
            var body: [UInt8] = []
            body.appendField(1, lease)
            return Request(path: keepAlivePath, body: body)
        case .timeToLive(let lease, let wantsKeys):
            var inner: [UInt8] = []
            inner.appendField(1, lease)
            inner.appendField(2, wantsKeys)
            var body: [UInt8] = []
            body.appendField(1, always: inner)
            return Request(path: timeToLivePath, body: body)
        case .promote(let id): return Request(path: promotePath + String(id.rawValue))
        }
    }

    /// The request a page was asked; nil when its body cannot be read. `path` is one of the three.
    static func request(path: String, body: [UInt8]) -> LeaderErrand? {
        // The span does not outlive `body`.
        let bytes = unsafe body.span.bytes
        if path.hasPrefix(promotePath) {
            return UInt64(path.dropFirst(promotePath.count)).map { .promote(MemberID($0)) }
        }
        if path == keepAlivePath {
            return (try? TwoNumbers(decoding: bytes)).map { .keepAlive(lease: $0.first) }
        }
        guard let inner = try? message(1, in: bytes),
            let numbers = try? TwoNumbers(decoding: bytes.extracting(inner))
        else { return nil }
        return .timeToLive(lease: numbers.first, wantsKeys: numbers.second != 0)
    }

    static func encode(_ answer: LeaderAnswer, to request: LeaderErrand) -> WebResponse {
        switch (answer, request) {
        case (.renewed(let ttl), .keepAlive(let lease)):
            var body: [UInt8] = []
            body.appendField(2, lease)
            body.appendField(3, ttl)
            return protobuf(body)
        case (.timeToLive(let found), .timeToLive(let lease, _)):
            var inner: [UInt8] = []
            inner.appendField(1, always: [])
            inner.appendField(2, lease)
            inner.appendField(3, found.remaining)
            inner.appendField(4, found.granted)
            for key in found.keys { inner.appendField(5, always: key) }
            var body: [UInt8] = []
            body.appendField(1, always: inner)
            return protobuf(body)
        case (.members(let all), .promote):
            return WebResponse(
                status: 200, headers: [WebHeader("Content-Type", "application/json")],
                body: Array(ClusterMember.list(all).utf8))
        case (.failed(let failure), _): return refusal(failure, of: request)
        default: preconditionFailure("\(answer) does not answer \(request)")
        }
    }

    private static func refusal(_ failure: LeaderAnswer.Failure, of request: LeaderErrand) -> WebResponse {
        switch failure {
        case .leaseNotFound: text(404, "lease not found")
        case .memberNotFound: text(404, "membership: ID not found")
        case .memberNotLearner: text(412, "membership: can only promote a learner member")
        case .learnerNotReady:
            text(412, "etcdserver: can only promote a learner member which is in sync with leader")
        case .applyTooSlow: text(408, "waiting for node to catch up its applied index has timed out")
        case .timedOut: text(408, "etcdserver: request timed out")
        case .other(let words):
            if case .keepAlive = request { text(400, words) } else { text(500, words) }
        }
    }

    /// What the leader answered; nil: ask again, it leads no more or cannot tell.
    static func decode(_ response: WebResponse, to request: LeaderErrand) -> LeaderAnswer? {
        switch (request, response.status) {
        case (.keepAlive, 200):
            // The span does not outlive the body.
            return (try? number(3, in: unsafe response.body.span.bytes)).map { .renewed(ttl: $0) }
        case (.timeToLive, 200): return (try? timeToLive(response.body)).map { .timeToLive($0) }
        case (.promote, 200): return ClusterMember.list(parsing: response.body).map { .members($0) }
        case (.promote, 404): return .failed(.memberNotFound)
        case (.promote, 412):
            let words = String(decoding: response.body, as: UTF8.self)
            return .failed(words.contains("in sync") ? .learnerNotReady : .memberNotLearner)
        case (_, 404): return .failed(.leaseNotFound)
        case (.promote, 500):
            return .failed(.other(String(decoding: response.body, as: UTF8.self).trimmingNewline))
        case (_, 408): return .failed(.applyTooSlow)
        default: return nil
        }
    }

    private static func timeToLive(_ body: [UInt8]) throws(WireError) -> Lessor.TimeToLive {
        // The spans do not outlive `body`.
        let bytes = unsafe body.span.bytes
        let inner = bytes.extracting(try message(1, in: bytes))
        var found = Lessor.TimeToLive(remaining: 0, granted: 0, keys: [])
        var cursor = WireCursor()
        while let field = try cursor.next(in: inner) {
            switch (field.number, field.value) {
            case (3, .varint(let value)): found.remaining = Int64(bitPattern: value)
            case (4, .varint(let value)): found.granted = Int64(bitPattern: value)
            case (5, .bytes(let at)): found.keys.append(inner.extracting(at).copied())
            default: break
            }
        }
        return found
    }

    /// Where the last message field of that number lies; an empty range when there is none.
    private static func message(_ number: Int, in bytes: borrowing RawSpan) throws(WireError) -> Range<Int> {
        var found = 0..<0
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            if field.number == number, case .bytes(let at) = field.value { found = at }
        }
        return found
    }

    private static func number(_ number: Int, in bytes: borrowing RawSpan) throws(WireError) -> Int64 {
        var found: Int64 = 0
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            if field.number == number, case .varint(let value) = field.value {
                found = Int64(bitPattern: value)
            }
        }
        return found
    }

    private static func protobuf(_ body: [UInt8]) -> WebResponse {
        WebResponse(status: 200, headers: [WebHeader("Content-Type", "application/protobuf")], body: body)
    }

    private static func text(_ status: Int, _ words: String) -> WebResponse { .text(status, words) }
}

extension WebResponse {
    /// The text and a line end, as Go's http.Error answers.
    static func text(_ status: Int, _ words: String, headers: [WebHeader] = []) -> WebResponse {
        WebResponse(
            status: status,
            headers: [WebHeader("Content-Type", "text/plain; charset=utf-8")] + headers,
            body: Array((words + "\n").utf8))
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
