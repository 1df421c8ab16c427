import Raft
import Store

/// Protobuf as the clients of a run read it, sharing nothing with the code that wrote it.
///
/// Bytes that are no message trap: the members of a run never send such.
struct MessageReader {
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = varint()
        switch tag & 7 {
        case 0: return (Int(tag >> 3), .number(varint()))
        case 2:
            let size = Int(varint())
            defer { rest = rest.dropFirst(size) }
            return (Int(tag >> 3), .bytes(rest.prefix(size)))
        default: preconditionFailure("wire type \(tag & 7)")
        }
    }

    private mutating func varint() -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard let byte = rest.popFirst() else { preconditionFailure("a number ends early") }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}

extension Pair {
    /// A KeyValue {1 key, 2 create_revision, 3 mod_revision, 4 version, 5 value, 6 lease}.
    init(_ bytes: ArraySlice<UInt8>) {
        self.init(key: -1, create: 0, mod: 0, version: 0, value: [], lease: 0)
        var reader = MessageReader(bytes)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (1, .bytes(let bytes)): key = Key.number(bytes) ?? -1
            case (2, .number(let number)): create = Int64(bitPattern: number)
            case (3, .number(let number)): mod = Int64(bitPattern: number)
            case (4, .number(let number)): version = Int64(bitPattern: number)
            case (5, .bytes(let bytes)): self.value = Array(bytes)
            case (6, .number(let number)): lease = Int64(bitPattern: number)
            default: break
            }
        }
    }
}

extension Answer.Found {
    /// A RangeResponse {2 kvs*, 3 more, 4 count}.
    init(_ bytes: ArraySlice<UInt8>) {
        self.init(pairs: [], count: 0, more: false)
        var reader = MessageReader(bytes)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (2, .bytes(let pair)): pairs.append(Pair(pair))
            case (3, .number(let number)): more = number != 0
            case (4, .number(let number)): count = Int(number)
            default: break
            }
        }
    }
}

extension Answer {
    /// What a client makes of the outcome of its write.
    init(_ outcome: Outcome) {
        switch outcome {
        case .put(let revision, let previous):
            self = .put(revision: revision, previous: previous.map { Pair($0[...]) })
        case .deleteRange(let revision, let deleted, let previous):
            self = .deleted(revision: revision, count: Int(deleted), previous: previous.map { Pair($0[...]) })
        case .txn(let revision, let response): self = Answer(transaction: response, revision: revision)
        case .compaction(let revision, _): self = .compacted(revision: revision)
        case .leaseGrant(let revision, _, let ttl): self = .granted(revision: revision, ttl: ttl)
        case .leaseRevoke(let revision): self = .revoked(revision: revision)
        case .members(_, let all):
            self = .changed(
                voters: all.filter { !$0.isLearner }.map(\.id), learners: all.filter(\.isLearner).map(\.id))
        case .failure(let error): self = .refused(error)
        case .leaseCheckpoint, .clusterVersion, .memberAttributes, .downgradeInfo, .alarm, .auth, .range:
            self = .done
        }
    }

    /// A TxnResponse from field 2 on {2 succeeded, 3 responses*}.
    private init(transaction bytes: [UInt8], revision: Int64) {
        var succeeded = false
        var inner: [Inner] = []
        var reader = MessageReader(bytes[...])
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (2, .number(let number)): succeeded = number != 0
            case (3, .bytes(let bytes)): inner.append(Inner(bytes))
            default: break
            }
        }
        self = .transaction(revision: revision, succeeded: succeeded, inner)
    }
}

extension Answer.Inner {
    /// A ResponseOp {1 range, 2 put {2 prev_kv}, 3 delete_range {2 deleted, 3 prev_kvs*}}.
    init(_ bytes: ArraySlice<UInt8>) {
        self = .put(previous: nil)
        var reader = MessageReader(bytes)
        while let (field, value) = reader.next() {
            guard case .bytes(let content) = value else { continue }
            switch field {
            case 1: self = .range(Answer.Found(content))
            case 2: self = Answer.Inner.put(content)
            default: self = Answer.Inner.deletion(content)
            }
        }
    }

    private static func put(_ bytes: ArraySlice<UInt8>) -> Answer.Inner {
        var reader = MessageReader(bytes)
        while let (field, value) = reader.next() {
            if field == 2, case .bytes(let pair) = value { return .put(previous: Pair(pair)) }
        }
        return .put(previous: nil)
    }

    private static func deletion(_ bytes: ArraySlice<UInt8>) -> Answer.Inner {
        var (count, previous) = (0, [Pair]())
        var reader = MessageReader(bytes)
        while let (field, value) = reader.next() {
            switch (field, value) {
            case (2, .number(let number)): count = Int(number)
            case (3, .bytes(let pair)): previous.append(Pair(pair))
            default: break
            }
        }
        return .deleted(count: count, previous: previous)
    }
}
