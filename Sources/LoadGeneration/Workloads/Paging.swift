import Wire

/// A list read page by page, all at the revision of the first.
struct Paging {
    /// Where the next page begins; empty before the first.
    private(set) var continuation: [UInt8] = []
    /// 0 before the first page.
    private(set) var revision: Int64 = 0
    private(set) var hasMore = false

    /// The RangeRequest of the next page.
    func request(of options: RangeOptions, pageSize: Int64, into request: inout [UInt8]) {
        var options = options
        if !continuation.isEmpty { options.key = continuation }
        options.limit = pageSize
        request.appendRange(options)
        request.appendField(4, revision)
    }

    /// Reads a page, a RangeResponse.
    mutating func read(_ bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        var last: Range<Int>?
        hasMore = false
        while let field = try? cursor.next(in: bytes) {
            switch (field.number, field.value) {
            case (1, .bytes(let header)):
                if revision == 0, let fields = try? Fields(decoding: bytes, at: header) {
                    revision = fields.number(3)
                }
            case (2, .bytes(let pair)): last = pair
            case (3, .varint(let more)): hasMore = more != 0
            default: break
            }
        }
        guard let last, let pair = try? Fields(decoding: bytes, at: last) else { return }
        continuation = pair.bytes(1) + [0]
    }
}
