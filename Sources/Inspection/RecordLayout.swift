import Journal

/// Where the parts of one record lie, read from the file without believing its checksum.
struct RecordLayout {
    var kind: UInt64
    var checksum: UInt32
    /// Where the varint of field 2 begins.
    var checksumOffset: UInt64
    var dataOffset: UInt64
    var dataSize: Int

    /// Enough for a length word, three tags and three varints.
    private static let headSize = 8 + 33

    /// Nil when the head does not decode or the file ends before the data does.
    init?(_ path: String, at offset: UInt64) {
        let bytes = Self.read(path, at: offset, count: Self.headSize)
        guard bytes.count >= 8 else { return nil }
        var head = Head(bytes: bytes, position: 8)
        guard let parts = head.parts(recordSize: Self.word(bytes) & ((1 << 56) - 1)) else { return nil }
        kind = parts.kind
        checksum = UInt32(truncatingIfNeeded: parts.checksum)
        checksumOffset = offset + UInt64(parts.checksumPosition)
        dataOffset = offset + UInt64(head.position)
        dataSize = Int(truncatingIfNeeded: parts.dataSize)
        guard dataSize >= 0, dataOffset + UInt64(dataSize) <= fileSize(path) else { return nil }
    }

    /// The length word at `offset`, and the one the record's own lengths ask for; nil when they agree.
    static func lengthWords(_ path: String, at offset: UInt64) -> (found: UInt64, expected: UInt64)? {
        let bytes = read(path, at: offset, count: headSize)
        guard bytes.count >= 8 + 4 else { return nil }
        var head = Head(bytes: bytes, position: 8)
        guard let parts = head.parts(recordSize: .max) else { return nil }
        let size = UInt64(head.position - 8) + parts.dataSize
        let padding = (8 - size & 7) & 7
        let expected = size | (padding == 0 ? 0 : (0x80 | padding) << 56)
        return expected == word(bytes) ? nil : (word(bytes), expected)
    }

    /// Byte `index` of the data.
    func byte(_ path: String, _ index: Int) -> UInt8? {
        Self.read(path, at: dataOffset + UInt64(index), count: 1).first
    }

    private static func word(_ bytes: [UInt8]) -> UInt64 {
        bytes[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func read(_ path: String, at offset: UInt64, count: Int) -> [UInt8] {
        let disk = SystemDisk()
        guard let file = try? disk.open(path, .read) else { return [] }
        defer { disk.close(file) }
        var bytes: [UInt8] = []
        try? disk.read(file, at: offset, count: count, into: &bytes)
        return bytes
    }

    /// The fields 1, 2 and 3 of a walpb.Record up to the data.
    private struct Head {
        let bytes: [UInt8]
        var position: Int

        mutating func parts(
            recordSize: UInt64
        ) -> (kind: UInt64, checksum: UInt64, checksumPosition: Int, dataSize: UInt64)? {
            guard take(0x08), let kind = varint() else { return nil }
            var checksum: UInt64 = 0
            var place = position
            if take(0x10) {
                place = position
                guard let value = varint() else { return nil }
                checksum = value
            }
            var size: UInt64 = 0
            if UInt64(position - 8) < recordSize, take(0x1a) {
                guard let value = varint(), value < 1 << 40 else { return nil }
                size = value
            }
            return (kind, checksum, place, size)
        }

        private mutating func take(_ tag: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == tag else { return false }
            position += 1
            return true
        }

        private mutating func varint() -> UInt64? {
            var (value, shift) = (0 as UInt64, 0 as UInt64)
            while position < bytes.count, shift < 64 {
                let byte = bytes[position]
                position += 1
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
    }
}
