import HTTP
import Wire

/// What a WatchResponse says, its events only counted.
struct WatchAnswer {
    private(set) var watcher: Int64 = 0
    private(set) var isCreated = false
    private(set) var isCancelled = false
    private(set) var events = 0
    private var compacted: Int64 = 0
    private var reason: Range<Int>?

    init(_ bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        while let field = try? cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (11, _): events += 1
            case (2, .varint(let number)): watcher = Int64(bitPattern: number)
            case (3, .varint(let number)): isCreated = number != 0
            case (4, .varint(let number)): isCancelled = number != 0
            case (5, .varint(let number)): compacted = Int64(bitPattern: number)
            case (6, .bytes(let range)): reason = range
            default: break
            }
        }
    }

    /// Why it is cancelled. The reason is the text of an error where etcd has one; a text without a code
    /// has the one clientv3 gives it (WatchResponse.Err).
    func status(_ bytes: borrowing RawSpan) -> GRPCStatus {
        if compacted != 0 {
            return GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision has been compacted")
        }
        guard let reason, !reason.isEmpty else {
            return GRPCStatus(.outOfRange, "etcdserver: mvcc: required revision is a future revision")
        }
        let text = String(decoding: bytes.extracting(reason).copied(), as: UTF8.self)
        return GRPCStatus(goText: text) ?? GRPCStatus(.failedPrecondition, text)
    }
}

extension GRPCStatus {
    private static let goPrefix = "rpc error: code = "

    /// Reads what `goText` writes.
    init?(goText text: String) {
        guard text.hasPrefix(Self.goPrefix), let mark = text.firstRange(of: " desc = ") else { return nil }
        let name = text[..<mark.lowerBound].dropFirst(Self.goPrefix.count)
        guard let code = GRPCCode.allCases.first(where: { $0.goName == name }) else { return nil }
        self.init(code, String(text[mark.upperBound...]))
    }
}
