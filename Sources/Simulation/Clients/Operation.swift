import Raft
import Store

/// What a client asks for. Keys are `Key` numbers; the bytes are made at the edge.
enum Operation {
    case put(Put)
    case delete(KeySpan, wantsPrevious: Bool)
    case transaction(Txn)
    case range(Query)
    case compact(revision: Int64)
    case grant(lease: Int64, ttl: Int64)
    case revoke(lease: Int64)
    case keepAlive(lease: Int64)
    case change(MembershipChange)
    /// Of a member about itself, or of the leader about leases.
    case checkpoint(lease: Int64, remaining: Int64)
    case attributes(MemberID, name: String)

    struct Put {
        var key: Int
        var value: [UInt8]
        var lease: Int64 = 0
        var wantsPrevious = false
    }

    /// The keys `first ..< end`; `end` nil: `first` alone.
    struct KeySpan {
        var first: Int
        var end: Int?

        func contains(_ key: Int) -> Bool { end.map { key >= first && key < $0 } ?? (key == first) }
        func keys(of count: Int) -> Range<Int> { first..<min(end ?? first + 1, count) }
    }

    struct Query {
        var span: KeySpan
        /// 0: the newest.
        var revision: Int64 = 0
        var limit = 0
        var isSerializable = false
    }

    struct Txn {
        enum Target: Int { case version, create, mod, value }
        enum Relation: Int { case equal, greater, less, notEqual }

        struct Compare {
            var key: Int
            var relation: Relation
            var target: Target
            /// Of version, create and mod.
            var number: Int64 = 0
            var value: [UInt8] = []
        }

        enum Step {
            case range(Query)
            case put(Put)
            case delete(KeySpan, wantsPrevious: Bool)
        }

        var compares: [Compare]
        var success: [Step]
        var failure: [Step]
    }
}

/// What a client hears.
enum Answer: Equatable {
    case put(revision: Int64, previous: Pair?)
    case deleted(revision: Int64, count: Int, previous: [Pair])
    case transaction(revision: Int64, succeeded: Bool, [Inner])
    case range(revision: Int64, Found)
    case compacted(revision: Int64)
    case granted(revision: Int64, ttl: Int64)
    case revoked(revision: Int64)
    /// TTL 0: there is no such lease.
    case renewed(ttl: Int64)
    case changed(voters: [MemberID], learners: [MemberID])
    case done
    case refused(StoreError)
    /// It may have happened or not: no answer came, or the connection broke.
    case unknown
    /// It certainly did not happen and never will.
    case dropped

    /// An operation's part of a transaction's answer.
    enum Inner: Equatable {
        case put(previous: Pair?)
        case deleted(count: Int, previous: [Pair])
        case range(Found)
    }

    struct Found: Equatable {
        var pairs: [Pair]
        var count: Int
        var more: Bool
    }

    /// The revision of the header, where there is one.
    var revision: Int64? {
        switch self {
        case .put(let revision, _), .deleted(let revision, _, _), .transaction(let revision, _, _),
            .range(let revision, _), .compacted(let revision), .granted(let revision, _),
            .revoked(let revision):
            revision
        case .renewed, .changed, .done, .refused, .unknown, .dropped: nil
        }
    }
}

/// A key with its value and history, as clients see it.
struct Pair: Equatable {
    var key: Int
    var create: Int64
    var mod: Int64
    var version: Int64
    var value: [UInt8]
    var lease: Int64
}

/// A request on its way to a member.
struct Request {
    /// Who waits; nil for a member's own.
    var client: Int?
    /// The client's number of this call.
    var call: Int
    /// Place of the member it is sent to.
    var member: Int
    var operation: Operation
}

/// Keys are numbered; this is their form on the wire.
enum Key {
    static func bytes(_ key: Int) -> [UInt8] {
        [UInt8(ascii: "k"), UInt8(ascii: "0") + UInt8(key / 10), UInt8(ascii: "0") + UInt8(key % 10)]
    }

    /// Nil for bytes that are no key of the workload.
    static func number(_ bytes: some Collection<UInt8>) -> Int? {
        let digits = Array(bytes)
        guard digits.count == 3, digits[0] == UInt8(ascii: "k") else { return nil }
        return Int(digits[1] - UInt8(ascii: "0")) * 10 + Int(digits[2] - UInt8(ascii: "0"))
    }
}
