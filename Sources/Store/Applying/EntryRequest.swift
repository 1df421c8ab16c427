import EtcdAPI
import Wire

/// An InternalRaftRequest as it lies in an entry: which request it is, where its bytes are, and who
/// waits for it. Nothing is copied.
struct EntryRequest {
    /// Nil for a request this version does not know.
    var kind: InternalRaftRequest.Kind?
    var at: Range<Int> = 0..<0
    var id: UInt64 = 0
    var username: Range<Int> = 0..<0
    var authRevision: UInt64 = 0
    /// Every InternalRaftRequest of etcd 3 has one; the older bare requests have none.
    var hasHeader = false

    init(decoding bytes: borrowing RawSpan) throws(WireError) {
        var outerID: UInt64 = 0
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .varint(let number)): outerID = number
            case (InternalRaftRequest.headerNumber, .bytes(let at)): try header(bytes, at)
            case (_, .bytes(let at)):
                if let known = InternalRaftRequest.Kind(rawValue: field.number) {
                    kind = known
                    self.at = at
                }
            default: break
            }
        }
        if outerID != 0 { id = outerID }
    }

    private mutating func header(_ bytes: borrowing RawSpan, _ range: Range<Int>) throws(WireError) {
        hasHeader = true
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .varint(let number)): id = number
            case (2, .bytes(let at)): username = at
            case (3, .varint(let number)): authRevision = number
            default: break
            }
        }
    }
}

/// A bare etcdserverpb.Request, as etcd up to 3.5 logs attributes of members and the cluster version.
struct BareRequest: Equatable {
    var method = ""
    var path = ""
    var value = ""

    /// Nil when the entry is an InternalRaftRequest. Both begin with field 1, an id; they are told apart as
    /// etcd does it: field 2 is the method there ("PUT") and a message here, and those letters are none.
    init?(decoding bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: bytes) {
                guard case .bytes(let at) = field.value else { continue }
                switch field.number {
                case 2 where BareRequest.isMessage(bytes, at): return nil
                case 2: method = BareRequest.text(bytes, at)
                case 3: path = BareRequest.text(bytes, at)
                case 4: value = BareRequest.text(bytes, at)
                default: break
                }
            }
        } catch { return nil }
        if method.isEmpty { return nil }
    }

    private static func isMessage(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> Bool {
        var cursor = WireCursor(range: range)
        do {
            while try cursor.next(in: bytes) != nil {}
            return true
        } catch { return false }
    }

    private static func text(_ bytes: borrowing RawSpan, _ range: Range<Int>) -> String {
        String(decoding: bytes.copied(range), as: UTF8.self)
    }
}
