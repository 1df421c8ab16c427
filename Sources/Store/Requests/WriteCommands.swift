import Wire

/// A PutRequest as it lies in the bytes it was read from: `key` and `value` are positions in them, so
/// that nothing is copied between the socket and the store.
package struct PutCommand: Sendable, Equatable {
    package var key: Range<Int> = 0..<0
    package var value: Range<Int> = 0..<0
    package var lease: Int64 = 0
    package var wantsPrevious = false
    package var ignoreValue = false
    package var ignoreLease = false

    /// Reads the message that fills `bytes`.
    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        try self.init(decoding: bytes, at: 0..<bytes.byteCount)
    }

    /// Reads the message embedded at `range` of `bytes`; positions are in `bytes`.
    package init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let at)): key = at
            case (2, .bytes(let at)): value = at
            case (3, .varint(let number)): lease = Int64(bitPattern: number)
            case (4, .varint(let number)): wantsPrevious = number != 0
            case (5, .varint(let number)): ignoreValue = number != 0
            case (6, .varint(let number)): ignoreLease = number != 0
            default: break
            }
        }
    }

    /// What the API refuses before proposing (api.md 12.3).
    package func validate() throws(StoreError) {
        if key.isEmpty { throw .keyNotProvided }
        if ignoreValue && !value.isEmpty { throw .valueProvided }
        if ignoreLease && lease != 0 { throw .leaseProvided }
    }

    /// What the quota gate charges: 256 + key + value (errors.md 4).
    package var quotaCost: Int { 256 + key.count + value.count }
}

/// A DeleteRangeRequest; keys are copies.
package struct DeleteRangeCommand: Sendable, Equatable {
    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    package var wantsPrevious = false

    package init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    /// Reads the message that fills `bytes`.
    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        try self.init(decoding: bytes, at: 0..<bytes.byteCount)
    }

    init(decoding bytes: borrowing RawSpan, at range: Range<Int>) throws(WireError) {
        var cursor = WireCursor(range: range)
        while let field = try cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let at)): key = bytes.copied(at)
            case (2, .bytes(let at)): rangeEnd = bytes.copied(at)
            case (3, .varint(let number)): wantsPrevious = number != 0
            default: break
            }
        }
    }

    /// What the API refuses before proposing.
    package func validate() throws(StoreError) {
        if key.isEmpty { throw .keyNotProvided }
    }
}
