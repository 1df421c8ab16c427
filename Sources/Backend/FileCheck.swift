import Glibc

/// Walks every page of a database file that a reader could reach, before LMDB maps it.
///
///     page      pgno u64 | pad u16 | flags u16 | lower u16, upper u16 (or: pages u32) | offsets u16 …
///     meta      page header, magic u32 BEEFC0DE, version u32 1, address u64, map size u64,
///               2 x database (48 bytes), last page u64, transaction u64
///     database  page size u32, flags u16, depth u16, 4 x counts u64, root u64
///     node      low u16 | high u16 | flags u16 | key size u16 | key | data
///               (branch: low, high, flags are the child's page number; leaf: low, high the data size)
///
/// Source: LMDB 0.9 mdb.c. What it proves: all offsets, sizes and page numbers stay inside their page and
/// the file, so no read through LMDB leaves the map or meets a page of the wrong kind; no page has two
/// owners or is free and in use, so no write destroys what a read needs; and all keys are in order, under the
/// right branches, so every key that a scan meets is found by a search. Of the counts of pages only the free
/// list's are compared: LMDB's compacting copy refuses a file where they are wrong.
@safe struct FileCheck {
    private let path: String
    private let bytes: UnsafeRawBufferPointer
    private var pageSize = 4096
    private var pages = 0
    /// One bit for each page seen, in use or free.
    private var seen: [UInt64] = []
    private var isInFreeList = false
    /// Branch, leaf and overflow pages of the free list's own tree.
    private var freeListPages: [UInt64] = [0, 0, 0]
    /// Of the tree being walked: nodes of its leaves, and on which level (from 1) the leaves are.
    private var entries: UInt64 = 0
    private var leafDepth = 0
    /// Of that tree, too: the last key met, and the least the next one may be (its branch's).
    private var previousKey: Range<Int>?
    private var leastKey: Range<Int>?

    /// The flags of a page; others (dirty, loose …) LMDB trusts, but never writes.
    private static let (branch, leaf, overflow, meta): (UInt16, UInt16, UInt16, UInt16) = (1, 2, 4, 8)
    private static let depthMax = 32

    /// The size of the file; 0 when it does not exist or is empty (LMDB then makes a new database).
    static func check(path: String) throws(BackendError) -> Int {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0, errno == ENOENT { return 0 }
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .system(call: "fstat", path: path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .corrupted(path: path, offset: 0) }
        let size = Int(status.st_size)
        if size == 0 { return 0 }
        guard let map = unsafe mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), unsafe map != MAP_FAILED
        else { throw .system(call: "mmap", path: path, errno: errno) }
        defer { unsafe munmap(map, size) }
        var check = unsafe FileCheck(path: path, bytes: UnsafeRawBufferPointer(start: map, count: size))
        try check.run()
        return size
    }

    private init(path: String, bytes: UnsafeRawBufferPointer) {
        self.path = path
        unsafe self.bytes = unsafe bytes
    }

    private func load<T: BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
        // Callers have checked offset against the size of the file.
        unsafe bytes.loadUnaligned(fromByteOffset: offset, as: type)
    }

    private mutating func run() throws(BackendError) {
        guard unsafe bytes.count >= 8192 else {
            throw unsafe .truncated(path: path, needed: 8192, size: bytes.count)
        }
        pageSize = Int(load(16 + 24, as: UInt32.self))
        guard pageSize >= 512, pageSize <= 65536, pageSize & (pageSize - 1) == 0 else {
            throw .corrupted(path: path, offset: 16 + 24)
        }
        guard unsafe bytes.count >= 2 * pageSize else {
            throw unsafe .truncated(path: path, needed: 2 * pageSize, size: bytes.count)
        }
        var newest = 0
        for start in [0, pageSize] {
            guard load(start + 10, as: UInt16.self) == FileCheck.meta,
                load(start + 16, as: UInt32.self) == 0xBEEF_C0DE,
                load(start + 20, as: UInt32.self) & 0x7FFF_FFFF == 1,
                load(start + 16 + 24, as: UInt32.self) == UInt32(pageSize)
            else { throw .corrupted(path: path, offset: start) }
            if load(start + 16 + 128, as: UInt64.self) > load(newest + 16 + 128, as: UInt64.self) {
                newest = start
            }
        }
        let last = load(newest + 16 + 120, as: UInt64.self)
        guard last < 1 << 40 else { throw .corrupted(path: path, offset: newest) }
        pages = Int(last) + 1
        guard unsafe pages <= 2 * (bytes.count / pageSize) + 1024 else {
            throw unsafe .truncated(path: path, needed: pages * pageSize, size: bytes.count)
        }
        seen = Array(repeating: 0, count: pages / 64 + 1)
        for database in 0..<2 {
            isInFreeList = database == 0
            try walk(database: newest + 16 + 24 + 48 * database)
        }
    }

    /// Walks the tree whose 48 bytes lie at `offset`. Only the free list has integer keys (flag 8); its
    /// flags also hold those of the environment (0x4000, MDB_NOSUBDIR).
    private mutating func walk(database offset: Int) throws(BackendError) {
        let flags = load(offset + 4, as: UInt16.self)
        guard isInFreeList ? flags & ~0x4000 == 8 : flags == 0 else {
            throw .corrupted(path: path, offset: offset)
        }
        let root = load(offset + 40, as: UInt64.self)
        let outer = (entries, leafDepth, previousKey, leastKey)
        (entries, leafDepth, previousKey, leastKey) = (0, 0, nil, nil)
        if root != .max { try walk(page: root, depth: 1) }
        guard entries == load(offset + 32, as: UInt64.self),
            leafDepth == Int(load(offset + 6, as: UInt16.self))
        else { throw .corrupted(path: path, offset: offset) }
        if isInFreeList {
            for (index, count) in freeListPages.enumerated()
            where count != load(offset + 8 + 8 * index, as: UInt64.self) {
                throw .corrupted(path: path, offset: offset + 8 + 8 * index)
            }
        }
        (entries, leafDepth, previousKey, leastKey) = outer
    }

    /// The byte offset of a page in use, after its number is checked against its header.
    private mutating func locate(_ number: UInt64) throws(BackendError) -> Int {
        guard number >= 2, number < UInt64(pages) else { throw .corrupted(path: path, offset: 0) }
        let start = Int(number) * pageSize
        guard unsafe start + pageSize <= bytes.count else {
            throw unsafe .truncated(path: path, needed: start + pageSize, size: bytes.count)
        }
        guard load(start, as: UInt64.self) == number else { throw .corrupted(path: path, offset: start) }
        try claim(number)
        return start
    }

    /// Notes the one owner of a page.
    private mutating func claim(_ number: UInt64) throws(BackendError) {
        let (word, bit) = (Int(number / 64), UInt64(1) << (number % 64))
        guard number >= 2, number < UInt64(pages), seen[word] & bit == 0 else {
            throw .corrupted(path: path, offset: Int(min(number, 1 << 40)) * pageSize)
        }
        seen[word] |= bit
    }

    private mutating func walk(page number: UInt64, depth: Int) throws(BackendError) {
        let start = try locate(number)
        let flags = load(start + 10, as: UInt16.self)
        let lower = Int(load(start + 12, as: UInt16.self))
        let upper = Int(load(start + 14, as: UInt16.self))
        let isBranch = flags == FileCheck.branch
        guard flags == FileCheck.branch || flags == FileCheck.leaf,
            lower >= 16, lower & 1 == 0, lower <= upper, upper <= pageSize, depth < FileCheck.depthMax,
            !isBranch || lower >= 18
        else { throw .corrupted(path: path, offset: start) }
        if isInFreeList { freeListPages[isBranch ? 0 : 1] += 1 }
        if !isBranch {
            guard leafDepth == 0 || leafDepth == depth else { throw .corrupted(path: path, offset: start) }
            leafDepth = depth
            entries += UInt64((lower - 16) / 2)
        }
        for slot in 0..<(lower - 16) / 2 {
            let offset = Int(load(start + 16 + 2 * slot, as: UInt16.self))
            guard offset >= upper, offset + 8 <= pageSize else { throw .corrupted(path: path, offset: start) }
            if isBranch {
                let end = start + pageSize
                try walkBranchNode(start + offset, isFirst: slot == 0, pageEnd: end, depth: depth)
            } else {
                try walkLeafNode(start + offset, pageEnd: start + pageSize)
            }
        }
    }

    /// The key of a page's first node means nothing.
    private mutating func walkBranchNode(
        _ node: Int, isFirst: Bool, pageEnd: Int, depth: Int
    ) throws(BackendError) {
        let keySize = Int(load(node + 6, as: UInt16.self))
        guard node + 8 + keySize <= pageEnd else { throw .corrupted(path: path, offset: node) }
        if !isFirst {
            let key = node + 8..<node + 8 + keySize
            guard precedes(previousKey, key) else { throw .corrupted(path: path, offset: node) }
            leastKey = key
        }
        let child =
            UInt64(load(node, as: UInt32.self)) | UInt64(load(node + 4, as: UInt16.self)) << 32
        try walk(page: child, depth: depth + 1)
    }

    private mutating func walkLeafNode(_ node: Int, pageEnd: Int) throws(BackendError) {
        let size = Int(load(node, as: UInt32.self))
        let flags = load(node + 4, as: UInt16.self)
        let data = node + 8 + Int(load(node + 6, as: UInt16.self))
        let stored = flags & 1 != 0 ? 8 : size
        guard data + stored <= pageEnd, flags & ~3 == 0 else { throw .corrupted(path: path, offset: node) }
        let key = node + 8..<data
        guard precedes(previousKey, key), leastKey.map({ !precedes(key, $0) }) ?? true,
            !isInFreeList || key.count == 8
        else { throw .corrupted(path: path, offset: node) }
        (previousKey, leastKey) = (key, nil)
        var content = data
        if flags & 1 != 0 {
            let start = try locate(load(data, as: UInt64.self))
            let count = Int(load(start + 12, as: UInt32.self))
            guard load(start + 10, as: UInt16.self) == FileCheck.overflow, count >= 1,
                16 + size <= count * pageSize
            else { throw .corrupted(path: path, offset: start) }
            guard unsafe start + count * pageSize <= bytes.count else {
                throw unsafe .truncated(path: path, needed: start + count * pageSize, size: bytes.count)
            }
            for page in 1..<max(count, 1) { try claim(UInt64(start / pageSize + page)) }
            if isInFreeList { freeListPages[2] += UInt64(count) }
            content = start + 16
        } else if flags & 2 != 0 {
            guard size == 48 else { throw .corrupted(path: path, offset: node) }
            try walk(database: data)
        }
        if isInFreeList { try walkFreePages(content, size: size) }
    }

    /// Whether one key, each given by its place in the file, is less than the other; nil is before all.
    private func precedes(_ left: Range<Int>?, _ right: Range<Int>) -> Bool {
        guard let left else { return true }
        if isInFreeList, left.count == 8, right.count == 8 {
            return load(left.lowerBound, as: UInt64.self) < load(right.lowerBound, as: UInt64.self)
        }
        // Callers have checked both ranges against the size of the file.
        guard let base = unsafe bytes.baseAddress else { return false }
        let order = unsafe memcmp(
            base + left.lowerBound, base + right.lowerBound, min(left.count, right.count))
        return order != 0 ? order < 0 : left.count < right.count
    }

    /// A record of the free list: a count and that many page numbers.
    private mutating func walkFreePages(_ data: Int, size: Int) throws(BackendError) {
        guard size >= 8 else { throw .corrupted(path: path, offset: data) }
        let count = load(data, as: UInt64.self)
        guard count < UInt64(size / 8) else { throw .corrupted(path: path, offset: data) }
        for index in 0..<Int(count) { try claim(load(data + 8 + 8 * index, as: UInt64.self)) }
    }
}
