import Wire

/// A RangeRequest as it came over the wire; keys and values are copies.
///
/// Decoded by hand: Txns are the writes of Kubernetes and Ranges its reads, and the generated
/// messages cost more than looking up the key. Unknown fields are passed over.
package struct RangeQuery: Sendable, Equatable {
    package enum SortOrder: Int32, Sendable { case none, ascend, descend }
    package enum SortTarget: Int32, Sendable { case key, version, create, mod, value }

    package var key: [UInt8] = []
    package var rangeEnd: [UInt8] = []
    /// 0 or below: no limit.
    package var limit: Int64 = 0
    /// 0 or below: newest.
    package var revision: Int64 = 0
    /// As sent; nil where the number names no order (3.6 refuses it: "invalid sort option").
    package var sortOrder: SortOrder? = SortOrder.none
    package var sortTarget: SortTarget? = SortTarget.key
    package var serializable = false
    package var keysOnly = false
    package var countOnly = false
    /// Filters; 0 is off.
    package var minModRevision: Int64 = 0
    package var maxModRevision: Int64 = 0
    package var minCreateRevision: Int64 = 0
    package var maxCreateRevision: Int64 = 0

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
            case (5, .varint(let number)): sortOrder = SortOrder(rawValue: Int32(truncatingIfNeeded: number))
            case (6, .varint(let number)):
                sortTarget = SortTarget(rawValue: Int32(truncatingIfNeeded: number))
            case (_, .varint(let number)): set(field.number, to: number)
            default: break
            }
        }
    }

    private mutating func set(_ number: Int, to value: UInt64) {
        let signed = Int64(bitPattern: value)
        switch number {
        case 3: limit = signed
        case 4: revision = signed
        case 7: serializable = value != 0
        case 8: keysOnly = value != 0
        case 9: countOnly = value != 0
        case 10: minModRevision = signed
        case 11: maxModRevision = signed
        case 12: minCreateRevision = signed
        case 13: maxCreateRevision = signed
        default: break
        }
    }

    /// What the API refuses before looking at the store (api.md 12.2 step 1).
    package func validate() throws(StoreError) {
        if key.isEmpty { throw .keyNotProvided }
        if sortOrder == nil || sortTarget == nil { throw .invalidSortOption }
    }

    /// Whether any of the four revision filters is on.
    package var isFiltered: Bool {
        minModRevision != 0 || maxModRevision != 0 || minCreateRevision != 0 || maxCreateRevision != 0
    }
}

extension RawSpan {
    /// A copy of the bytes at `range`.
    func copied(_ range: Range<Int>) -> [UInt8] {
        // Field ranges of WireCursor lie inside the bytes they were read from.
        unsafe withUnsafeBytes { unsafe [UInt8](UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
