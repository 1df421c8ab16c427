import Wire

/// One record of bucket `key`, decoded for print.
struct StoredKeyValue: Equatable {
    var key: [UInt8] = []
    var value: [UInt8] = []
    var createRevision: Int64 = 0
    var modRevision: Int64 = 0
    var version: Int64 = 0
    var lease: Int64 = 0

    /// Nil when the bytes are no KeyValue.
    init?(_ bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        do throws(WireError) {
            while let field = try cursor.next(in: bytes) {
                switch (field.number, field.value) {
                case (1, .bytes(let range)): key = copied(bytes, range)
                case (2, .varint(let number)): createRevision = Int64(bitPattern: number)
                case (3, .varint(let number)): modRevision = Int64(bitPattern: number)
                case (4, .varint(let number)): version = Int64(bitPattern: number)
                case (5, .bytes(let range)): value = copied(bytes, range)
                case (6, .varint(let number)): lease = Int64(bitPattern: number)
                default: return nil
                }
            }
        } catch {
            return nil
        }
    }
}
