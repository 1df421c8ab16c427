import MVCC
import Wire

/// Selects in the state a request is evaluated on: a reader's, or a write's own.
typealias Selecting = (KeyRange, Int64, SelectionOptions) throws(MVCCError) -> Selection

/// Why a read gives no answer.
package enum ReadError: Error, Equatable {
    /// For the client: `compacted` or `futureRevision`.
    case refused(StoreError)
    /// The database failed.
    case failed(MVCCError)

    package init(_ error: MVCCError) {
        self = StoreError(error).map(ReadError.refused) ?? .failed(error)
    }
}

extension StoreError {
    /// Nil for what is no client's fault.
    package init?(_ error: MVCCError) {
        switch error {
        case .compacted: self = .compacted
        case .futureRevision: self = .futureRevision
        case .backend, .damagedRecord: return nil
        }
    }
}

/// The answer to a Range, as positions in a selection: nothing of it is copied until it is written.
///
/// It pins a snapshot of the database until `release`.
package struct RangeAnswer {
    /// For the response header: the store's revision when the range was walked, not the one asked for.
    package let revision: Int64
    /// Keys in the range at the revision asked for, whatever limit and filters say.
    package let count: Int64
    /// The limit cut something off.
    package let more: Bool
    /// How many pairs the answer lists.
    package let length: Int
    private let isKeysOnly: Bool
    /// Positions in the selection in the order of the answer; nil when that is the selection's own.
    private let order: [Int32]?
    private let selection: Selection

    /// Evaluates `query` (valid, see `RangeQuery.validate`) by api.md 12.2, steps 3 to 11.
    init(_ query: RangeQuery, select: Selecting) throws(MVCCError) {
        let sorting = Sorting(query)
        var options = SelectionOptions()
        options.isCountOnly = query.countOnly
        if !query.countOnly {
            options.modRevisionMin = query.minModRevision
            options.modRevisionMax = query.maxModRevision
            options.createRevisionMin = query.minCreateRevision
            options.createRevisionMax = query.maxCreateRevision
            options.wantsKeys = query.keysOnly
            // One more than asked for tells whether there is more. etcd looks at the order alone to decide
            // whether everything must be fetched first: a target without an order sorts only what the
            // limit left (etcd 3.4, by experiment).
            let isCutFirst =
                sorting == nil || (query.sortOrder == RangeQuery.SortOrder.none && !query.isFiltered)
            if query.limit > 0, isCutFirst { options.limit = Int(min(query.limit, 1 << 40)) + 1 }
        }
        let range = KeyRange(key: query.key, rangeEnd: query.rangeEnd)
        selection = try select(range, query.revision, options)
        revision = selection.currentRevision
        count = Int64(selection.count)
        isKeysOnly = query.keysOnly
        let found = query.countOnly ? 0 : selection.matches.count
        more = query.limit > 0 && Int64(found) > query.limit
        length = more ? Int(query.limit) : found
        order = found > 1 ? try sorting?.order(of: selection) : nil
    }

    /// Evaluates `query` on the newest state `reader` sees. Refuses with `compacted`, `futureRevision`.
    package static func select(
        _ query: RangeQuery, from reader: KeyspaceReader
    ) throws(ReadError) -> RangeAnswer {
        do {
            return try RangeAnswer(query) { (range, revision, options) throws(MVCCError) in
                try reader.select(range, revision: revision, options: options)
            }
        } catch {
            throw ReadError(error)
        }
    }

    /// Gives the snapshot back. The answer cannot be written afterwards.
    package func release() { selection.release() }

    /// Bytes of the RangeResponse's fields 2, 3 and 4, which `append` writes. For keys_only without the
    /// records, else from their known sizes: no value is read.
    package func bodySize() throws(MVCCError) -> Int {
        var size = (more ? 2 : 0) + (count == 0 ? 0 : 1 + varintSize(UInt64(count)))
        if !isKeysOnly, order == nil {
            // What the limit cut off is at the end, and hardly ever more than one.
            return selection.matches[length...].reduce(size + selection.fieldBytes) { $0 - $1.fieldSize }
        }
        for position in 0..<length { size += fieldSize(try pairSize(at: position)) }
        return size
    }

    /// Appends the RangeResponse's fields 2, 3 and 4; the header (field 1) is the caller's.
    package func append(to bytes: inout [UInt8]) throws(MVCCError) {
        for position in 0..<length { try appendPair(at: position, to: &bytes) }
        appendTail(to: &bytes)
    }

    /// Calls `body` with the stored KeyValue of the pair at `position` (below `length`), values and all.
    package func withRecord<R>(
        _ position: Int, _ body: (borrowing RawSpan) -> R
    ) throws(MVCCError) -> R {
        try selection.withRecord(place(position), body)
    }

    /// Appends the pair at `position` as field 2.
    package func appendPair(at position: Int, to bytes: inout [UInt8]) throws(MVCCError) {
        bytes.append(Self.pairTag)
        bytes.appendVarint(UInt64(try pairSize(at: position)))
        guard isKeysOnly else { return try selection.appendRecord(place(position), to: &bytes) }
        let match = selection.matches[place(position)]
        selection.withKey(place(position)) { bytes.appendField(1, always: $0) }
        bytes.appendField(2, match.createRevision)
        bytes.appendField(3, match.modRevision)
        bytes.appendField(4, match.version)
        bytes.appendField(6, try lease(at: position, match))
    }

    /// Writes the same of the pairs from `position` on to the start of `buffer`, without a copy in between,
    /// as many as fit whole, and says how many those are, and their bytes. None where they have to be
    /// composed (keys_only).
    func writePairs(
        from position: Int, into buffer: UnsafeMutableRawBufferPointer
    ) throws(MVCCError) -> (count: Int, bytes: Int) {
        guard !isKeysOnly else { return (0, 0) }
        guard let order else {
            return try unsafe selection.copyFields(position..<length, tag: Self.pairTag, into: buffer)
        }
        var written = (count: 0, bytes: 0)
        for place in order[position..<length] {
            let copied = try unsafe selection.copyFields(
                Int(place)..<Int(place) + 1, tag: Self.pairTag,
                into: UnsafeMutableRawBufferPointer(rebasing: buffer[written.bytes...]))
            if copied.count == 0 { break }
            written.count += 1
            written.bytes += copied.bytes
        }
        return written
    }

    package func appendTail(to bytes: inout [UInt8]) {
        bytes.appendField(3, more)
        bytes.appendField(4, count)
    }

    /// Field 2, length-delimited.
    private static let pairTag: UInt8 = 2 << 3 | 2

    private func place(_ position: Int) -> Int { order.map { Int($0[position]) } ?? position }

    /// Of field 2, which holds a pair of so many bytes.
    private func fieldSize(_ pair: Int) -> Int { 1 + varintSize(UInt64(pair)) + pair }

    private func pairSize(at position: Int) throws(MVCCError) -> Int {
        let match = selection.matches[place(position)]
        guard isKeysOnly else { return Int(match.size) }
        let keySize = selection.withKey(place(position)) { $0.byteCount }
        var size = 1 + varintSize(UInt64(keySize)) + keySize
        for number in [
            match.createRevision, match.modRevision, match.version, try lease(at: position, match),
        ]
        where number != 0 {
            size += 1 + varintSize(UInt64(bitPattern: number))
        }
        return size
    }

    /// Only the record knows the lease.
    private func lease(at position: Int, _ match: Match) throws(MVCCError) -> Int64 {
        guard match.hasLease else { return 0 }
        return try selection.withRecord(place(position)) { StoredPair($0)?.lease ?? 0 }
    }
}

/// Where the parts of a stored KeyValue lie in its bytes.
struct StoredPair {
    var key: Range<Int> = 0..<0
    var value: Range<Int> = 0..<0
    var lease: Int64 = 0

    /// Nil when the bytes are no KeyValue; the key space never stores such.
    init?(_ record: borrowing RawSpan) {
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: record) {
                switch (field.number, field.value) {
                case (1, .bytes(let at)): key = at
                case (5, .bytes(let at)): value = at
                case (6, .varint(let number)): lease = Int64(bitPattern: number)
                default: break
                }
            }
        } catch { return nil }
    }
}
