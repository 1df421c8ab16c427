import Raft
import Wire

/// The `.snap` file: the whole state of a member at one log position, in one stream.
///
/// All numbers little-endian, all checksums CRC-32C from 0.
///
///     header
///     offset  size  field
///     0       8     magic: 89 "SNAP" 0d 0a 1a
///     8       4     version, 1
///     12      4     m, bytes of metadata
///     16      m     raftpb.SnapshotMetadata (configuration, index, term)
///     16+m    4     checksum of bytes 0 ..< 16+m
///
///     block, repeated
///     0       4     r, raw bytes; never 0
///     4       4     s, stored bytes; s = r: as they are, s < r: one zlib stream
///     8       4     checksum of bytes 0 ..< 8 and of the s bytes
///     12      s     the bytes
///
///     footer, the last 76 bytes of the file
///     0       4     0 (no block has r = 0)
///     4       4     76
///     8       8     records
///     16      8     blocks
///     24      8     raw bytes of all blocks
///     32      8     bytes of the file, this footer included
///     40      32    SHA-256 of the header and the raw bytes of all blocks
///     72      4     checksum of bytes 0 ..< 72
///
/// Raw bytes of a block are items; every block begins with a bucket item and holds whole items only, so that
/// blocks can be read independently of each other:
///
///     01  varint n, n bytes                          a bucket's name: the records that follow belong to it
///     02  varint k, varint v, k bytes, v bytes       a record: key, value
///
/// A file counts only as a whole: header, every block, footer. It is written under a `tmp` name, synced,
/// renamed, and its directory synced. The first byte is none that etcd's own .snap (a protobuf message)
/// begins with, so the two are told apart.
enum SnapshotFormat {
    static let magic: [UInt8] = [0x89, 0x53, 0x4e, 0x41, 0x50, 0x0d, 0x0a, 0x1a]
    static let version: UInt32 = 1
    static let fixedHeaderSize = 16
    static let blockHeaderSize = 12
    static let footerSize = 76
    static let digestSize = 32
    /// More metadata than this is damage: a cluster has few members.
    static let metadataSizeMax = 1 << 20

    enum Item {
        static let bucket: UInt8 = 1
        static let record: UInt8 = 2
    }

    static func header(_ metadata: SnapshotMetadata) -> [UInt8] {
        var inner: [UInt8] = []
        inner.append(metadata)
        var bytes = magic
        bytes.appendLittleEndian(version)
        bytes.appendLittleEndian(UInt32(inner.count))
        bytes += inner
        bytes.appendLittleEndian(unsafe crc32c(0, bytes.span.bytes))
        return bytes
    }
}

/// What the footer of a `.snap` file promises.
struct SnapshotFooter: Equatable {
    var recordCount: UInt64 = 0
    var blockCount: UInt64 = 0
    var rawSize: UInt64 = 0
    var fileSize: UInt64 = 0
    var digest: [UInt8] = []

    var bytes: [UInt8] {
        precondition(digest.count == SnapshotFormat.digestSize)
        var bytes: [UInt8] = []
        bytes.appendLittleEndian(0 as UInt32)
        bytes.appendLittleEndian(UInt32(SnapshotFormat.footerSize))
        for number in [recordCount, blockCount, rawSize, fileSize] { bytes.appendLittleEndian(number) }
        bytes += digest
        bytes.appendLittleEndian(unsafe crc32c(0, bytes.span.bytes))
        return bytes
    }

    /// Reads the 76 bytes of a footer.
    init(decoding bytes: [UInt8]) throws(SnapshotFault) {
        precondition(bytes.count == SnapshotFormat.footerSize)
        let stored = unsafe bytes.span.bytes.littleEndianHalf(at: 72)
        let computed = unsafe crc32c(0, bytes.span.bytes.extracting(first: 72))
        guard stored == computed else { throw .checksum(stored: stored, computed: computed) }
        guard unsafe bytes.span.bytes.littleEndianWord(at: 0) == UInt64(SnapshotFormat.footerSize) << 32
        else {
            throw .length
        }
        recordCount = unsafe bytes.span.bytes.littleEndianWord(at: 8)
        blockCount = unsafe bytes.span.bytes.littleEndianWord(at: 16)
        rawSize = unsafe bytes.span.bytes.littleEndianWord(at: 24)
        fileSize = unsafe bytes.span.bytes.littleEndianWord(at: 32)
        digest = Array(bytes[40..<72])
    }

    init() {}
}

extension SnapshotFault: Error {}

/// A complete `.snap` file.
package struct SnapshotSummary: Equatable, Sendable {
    package var path: String
    package var metadata: SnapshotMetadata
    package var recordCount: UInt64
    /// Bytes before compression, and of the file.
    package var rawSize: UInt64
    package var fileSize: UInt64
    /// SHA-256, as `SnapshotFormat` defines it.
    package var digest: [UInt8]

    init(path: String, metadata: SnapshotMetadata, footer: SnapshotFooter) {
        self.path = path
        self.metadata = metadata
        recordCount = footer.recordCount
        rawSize = footer.rawSize
        fileSize = footer.fileSize
        digest = footer.digest
    }
}

extension [UInt8] {
    mutating func appendLittleEndian<Number: FixedWidthInteger>(_ value: Number) {
        for position in 0..<(Number.bitWidth / 8) {
            append(UInt8(truncatingIfNeeded: value >> Number(8 * position)))
        }
    }
}
