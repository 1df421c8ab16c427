/// The bytes of a bbolt file (spec/wal-snap.md 5); numbers little-endian.
///
///     file      page n at n * pageSize; pages 0 and 1 are metas, the newer valid one counts
///     page      id u64 | flags u16 | count u16 | overflow u32 | elements … | data …
///     meta      page header | magic u32 | version u32 | pageSize u32 | flags u32
///               | root (pgid u64, sequence u64) | freelist pgid u64 | highWater pgid u64 | txid u64
///               | checksum u64 (FNV-1a 64 of the 56 bytes before)
///     leaf      element: flags u32 (1: the value is a bucket) | pos u32 | ksize u32 | vsize u32
///     branch    element: pos u32 | ksize u32 | pgid u64
///     freelist  count ids u64; count 0xffff: the first u64 is the real count
///
/// `pos` counts from the element's own start; a value lies directly behind its key. A bucket's value is
/// {root pgid u64, sequence u64}; with root 0 a whole leaf page image (page id 0) follows inside the value.
enum BoltFormat {
    static let magic: UInt32 = 0xED0C_DAED
    static let version: UInt32 = 2
    static let headerSize = 16
    static let metaSize = 64
    static let elementSize = 16
    static let bucketHeaderSize = 16
    /// A freelist page number that says: there is none on disk.
    static let noFreeList = UInt64.max
    static let keySizeMax = 32768
    static let valueSizeMax = (1 << 31) - 2
    /// Trees of etcd's files have 3 or 4 levels; with two keys per branch 64 levels hold any file.
    static let depthMax = 64

    enum Flags {
        static let branch: UInt16 = 1
        static let leaf: UInt16 = 2
        static let meta: UInt16 = 4
        static let freeList: UInt16 = 0x10
    }

    static func isPageSize(_ size: UInt32) -> Bool {
        (512...65536).contains(size) && size.nonzeroBitCount == 1
    }

    /// FNV-1a with 64 bits.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}

/// What one meta page says.
package struct BoltMeta: Equatable, Sendable {
    package var pageSize: UInt32
    package var root: UInt64
    package var sequence: UInt64
    /// Nil when the free list is not kept on disk, as in all files of etcd on Linux.
    package var freeList: UInt64?
    /// The first page never used.
    package var highWater: UInt64
    package var transaction: UInt64

    /// Reads the meta that begins at the start of `page`; `page` holds at least header and meta.
    init(page: [UInt8]) throws(BoltFault) {
        let base = BoltFormat.headerSize
        guard page.count >= base + BoltFormat.metaSize, page.u32(base) == BoltFormat.magic else {
            throw .notBolt
        }
        guard page.u32(base + 4) == BoltFormat.version else { throw .version(page.u32(base + 4)) }
        let computed = BoltFormat.checksum(page[base..<(base + 56)])
        guard page.u64(base + 56) == computed else {
            throw .metaChecksum(stored: page.u64(base + 56), computed: computed)
        }
        pageSize = page.u32(base + 8)
        guard BoltFormat.isPageSize(pageSize) else { throw .pageSize(pageSize) }
        root = page.u64(base + 16)
        sequence = page.u64(base + 24)
        freeList = page.u64(base + 32) == BoltFormat.noFreeList ? nil : page.u64(base + 32)
        highWater = page.u64(base + 40)
        transaction = page.u64(base + 48)
    }

    init(pageSize: UInt32, root: UInt64, highWater: UInt64, transaction: UInt64) {
        self.pageSize = pageSize
        self.root = root
        sequence = 0
        freeList = nil
        self.highWater = highWater
        self.transaction = transaction
    }

    /// The whole meta page `number`, zeros behind the meta.
    func page(number: UInt64) -> [UInt8] {
        var bytes = PageHeader(id: number, flags: BoltFormat.Flags.meta, count: 0, overflow: 0).bytes
        bytes.append32(BoltFormat.magic)
        bytes.append32(BoltFormat.version)
        bytes.append32(pageSize)
        bytes.append32(0)
        for word in [root, sequence, freeList ?? BoltFormat.noFreeList, highWater, transaction] {
            bytes.append64(word)
        }
        bytes.append64(BoltFormat.checksum(bytes[BoltFormat.headerSize...]))
        bytes += [UInt8](repeating: 0, count: Int(pageSize) - bytes.count)
        return bytes
    }
}

/// The first 16 bytes of a page.
struct PageHeader: Equatable {
    var id: UInt64
    var flags: UInt16
    var count: Int
    var overflow: UInt32

    init(id: UInt64, flags: UInt16, count: Int, overflow: UInt32) {
        self.id = id
        self.flags = flags
        self.count = count
        self.overflow = overflow
    }

    /// `bytes` holds at least 16.
    init(_ bytes: [UInt8]) {
        id = bytes.u64(0)
        flags = UInt16(truncatingIfNeeded: bytes.u32(8))
        count = Int(bytes.u32(8) >> 16)
        overflow = bytes.u32(12)
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append64(id)
        bytes.append32(UInt32(flags) | UInt32(count) << 16)
        bytes.append32(overflow)
        return bytes
    }
}

extension [UInt8] {
    func u32(_ offset: Int) -> UInt32 {
        precondition(offset >= 0 && offset + 4 <= count)
        // The four bytes lie inside the array, as just checked.
        return UInt32(
            littleEndian: unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func u64(_ offset: Int) -> UInt64 {
        precondition(offset >= 0 && offset + 8 <= count)
        // The eight bytes lie inside the array, as just checked.
        return UInt64(
            littleEndian: unsafe span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    mutating func append32(_ value: UInt32) {
        for shift in stride(from: 0, to: 32, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }

    mutating func append64(_ value: UInt64) {
        for shift in stride(from: 0, to: 64, by: 8) {
            append(UInt8(truncatingIfNeeded: value >> UInt64(shift)))
        }
    }
}
