import Raft

/// The start of a walpb.Record, everything before its data.
struct RecordHead: Equatable {
    var kind: UInt64
    var checksum: UInt32
    /// Bytes of the record before its data, and bytes of the data.
    var size: Int
    var dataSize: UInt64

    /// What the first bytes of a record say.
    enum Reading: Equatable {
        case head(RecordHead)
        /// The bytes end inside the head.
        case incomplete
        /// No record begins so.
        case damaged
    }

    /// Reads the head of a record of `recordSize` bytes from its first bytes, or as many of them as there
    /// are. Strict: fields 1, 2, 3 in order, numbers in their range and shortest form, and the two lengths
    /// (of the record in its length word, of the data inside it) in agreement. The checksum does not cover
    /// these bytes, so a flipped bit in them is found here or nowhere.
    static func read(_ bytes: borrowing RawSpan, recordSize: UInt64) -> Reading {
        var position = 0
        var head = RecordHead(kind: 0, checksum: 0, size: 0, dataSize: 0)
        for number: UInt8 in 1...3 {
            if UInt64(position) == recordSize { break }
            guard position < bytes.byteCount else { return .incomplete }
            let tag = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
            if number == 2, tag != 0x10 { continue }  // etcd's main leaves a zero checksum out
            guard tag == (number == 3 ? 0x1a : number << 3) else { return .damaged }
            position += 1
            var value: UInt64 = 0, shift: UInt64 = 0, byte: UInt8 = 0x80
            while byte >= 0x80 {
                guard position < bytes.byteCount else { return .incomplete }
                guard shift < 63 else { return .damaged }
                byte = unsafe bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
                guard byte != 0 || shift == 0 else { return .damaged }
                value |= UInt64(byte & 0x7f) << shift
                shift += 7
                position += 1
            }
            switch number {
            case 1: head.kind = value
            case 2:
                guard let checksum = UInt32(exactly: value) else { return .damaged }
                head.checksum = checksum
            default: head.dataSize = value
            }
        }
        head.size = position
        // dataSize is below 2^63 and position below the count of a span: no overflow.
        guard UInt64(position) + head.dataSize == recordSize else { return .damaged }
        return .head(head)
    }
}

/// One sound record, as `SegmentReader` yields it.
struct Record: Equatable {
    var kind: RecordKind
    /// Where its length word lies in the segment.
    var offset: UInt64
    /// Where its data lies in the reader's buffer; see `SegmentReader.withData`.
    var data: Range<Int>
}
