import Wire

/// A lease as bucket `lease` stores it: leasepb.Lease {1 ID, 2 TTL, 3 RemainingTTL}, zeros left out;
/// the bucket's key is the id in 8 big-endian bytes.
package struct LeaseRecord: Sendable, Equatable {
    package var id: Int64
    /// Granted, in seconds.
    package var ttl: Int64
    /// As the last checkpoint said, in seconds; 0 when there was none since the last renewal.
    package var remainingTTL: Int64

    package init(id: Int64, ttl: Int64, remainingTTL: Int64 = 0) {
        self.id = id
        self.ttl = ttl
        self.remainingTTL = remainingTTL
    }

    package init(decoding bytes: borrowing RawSpan) throws(WireError) {
        self.init(id: 0, ttl: 0)
        var cursor = WireCursor()
        while let field = try cursor.next(in: bytes) {
            guard case .varint(let number) = field.value else { continue }
            switch field.number {
            case 1: id = Int64(bitPattern: number)
            case 2: ttl = Int64(bitPattern: number)
            case 3: remainingTTL = Int64(bitPattern: number)
            default: break
            }
        }
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, id)
        bytes.appendField(2, ttl)
        bytes.appendField(3, remainingTTL)
        return bytes
    }

    package var bucketKey: [UInt8] { LeaseRecord.bucketKey(id) }

    package static func bucketKey(_ id: Int64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: id >> Int64(56 - 8 * $0)) }
    }
}
