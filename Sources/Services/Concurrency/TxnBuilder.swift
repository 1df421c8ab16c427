import Wire

/// Writes the few transactions Lock and Election are made of (api.md 18).
enum TxnBuilder {
    /// `if create_revision(key) == revision then success else failure`; operations are RequestOps.
    static func txn(
        ifCreated revision: Int64, _ key: [UInt8], then success: [[UInt8]], else failure: [[UInt8]] = []
    ) -> [UInt8] {
        var compare: [UInt8] = []
        compare.appendField(2, UInt64(1))  // target CREATE; result EQUAL is 0
        compare.appendField(3, key)
        compare.appendField(5, always: UInt64(bitPattern: revision))
        var request: [UInt8] = []
        request.appendField(1, always: compare)
        for operation in success { request.appendField(2, always: operation) }
        for operation in failure { request.appendField(3, always: operation) }
        return request
    }

    static func put(_ key: [UInt8], _ value: [UInt8], lease: Int64) -> [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, key)
        request.appendField(2, value)
        request.appendField(3, lease)
        return operation(2, request)
    }

    static func get(_ key: [UInt8]) -> [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, key)
        return operation(1, request)
    }

    /// The pair of the prefix that was created first.
    static func getOldest(prefix: [UInt8]) -> [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, prefix)
        request.appendField(2, prefixEnd(prefix))
        request.appendField(3, UInt64(1))
        request.appendField(5, UInt64(1))  // ASCEND
        request.appendField(6, UInt64(2))  // CREATE
        return operation(1, request)
    }

    static func delete(_ key: [UInt8]) -> [UInt8] {
        var request: [UInt8] = []
        request.appendField(1, key)
        return operation(3, request)
    }

    private static func operation(_ field: Int, _ request: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(field, always: request)
        return bytes
    }

    /// The end of the range of all keys that begin with `prefix` (api.md 12.1).
    static func prefixEnd(_ prefix: [UInt8]) -> [UInt8] {
        guard let last = prefix.lastIndex(where: { $0 < 0xff }) else { return [0] }
        var end = Array(prefix[...last])
        end[last] += 1
        return end
    }
}

/// What Lock and Election want to know of a TxnResponse.
struct TxnAnswer {
    /// Of the header.
    var revision: Int64
    var succeeded: Bool
    /// The KeyValues of each operation that was a Range, in order of the operations; empty for others.
    private var pairs: [[[UInt8]]] = []

    /// `response`: TxnResponse from field 2 on.
    init?(revision: Int64, response: [UInt8]) {
        guard let fields = try? Fields(decoding: response) else { return nil }
        self.revision = revision
        succeeded = fields.number(2) != 0
        for operation in fields.all(3) {
            let range = (try? Fields(decoding: operation))?.message(1)
            pairs.append(range?.all(2) ?? [])
        }
    }

    /// The first pair found by the operation at `index` (base 0).
    func pair(_ index: Int) -> FoundPair? {
        guard index < pairs.count, let bytes = pairs[index].first else { return nil }
        return FoundPair(bytes)
    }
}

/// A KeyValue as stored, and the parts of it that are looked at.
struct FoundPair {
    var bytes: [UInt8]
    var key: [UInt8]
    var createRevision: Int64
    var modRevision: Int64
    var value: [UInt8]

    init?(_ bytes: [UInt8]) {
        guard let fields = try? Fields(decoding: bytes) else { return nil }
        self.bytes = bytes
        key = fields.bytes(1)
        createRevision = fields.number(2)
        modRevision = fields.number(3)
        value = fields.bytes(5)
    }
}
