import Glibc

/// Writes a new bbolt file from sorted records, bucket by bucket, in one pass and constant memory.
///
/// Trees grow from their leaves: each page is written when it is full and leaves its first key and its number
/// in the unfinished branch above it. Page 2 is the first written; the metas come last, so a file that was
/// not finished is none. What is made: leaves filled to the brim, no free list, both metas at the same root
/// (transactions 2 and 1: the next writer overwrites the older), every bucket with a page of its own.
/// Verified against etcd 3.4 and 3.5 (spec/vectors.md 4, Tests/Acceptance/snapshot_test.py).
package struct BoltWriter: ~Copyable {
    private let path: String
    private let descriptor: Int32
    private let pageSize: Int
    /// The number of the next page.
    private var next: UInt64 = 2
    /// Pages finished and not yet written; the first of them lies at `outputOffset`.
    private var output: [UInt8] = []
    private var outputOffset: UInt64
    private var tree: TreeBuilder
    private var name: [UInt8]?
    private var lastKey: [UInt8] = []
    private var roots: [(name: [UInt8], root: UInt64)] = []

    private static let outputSize = 256 << 10

    /// Writes to `descriptor`, an empty file that stays the caller's; `path` is for errors.
    package init(descriptor: Int32, path: String, pageSize: Int = 4096) {
        precondition(BoltFormat.isPageSize(UInt32(pageSize)))
        self.descriptor = descriptor
        self.path = path
        self.pageSize = pageSize
        outputOffset = UInt64(2 * pageSize)
        tree = TreeBuilder(pageSize: pageSize)
    }

    /// Bytes of the pages so far.
    package var size: UInt64 { next * UInt64(pageSize) }

    /// Begins a bucket; names ascend.
    package mutating func begin(bucket name: [UInt8]) throws(BoltError) {
        try endBucket()
        if let last = roots.last, !last.name.lexicographicallyPrecedes(name) {
            throw .unordered(path: path, key: name)
        }
        self.name = name
        lastKey = []
    }

    /// Adds a record to the bucket; keys ascend and are not empty.
    package mutating func append(key: borrowing RawSpan, value: borrowing RawSpan) throws(BoltError) {
        precondition(name != nil)
        guard key.byteCount <= BoltFormat.keySizeMax, value.byteCount <= BoltFormat.valueSizeMax else {
            throw .tooLarge(path: path, keySize: key.byteCount, valueSize: value.byteCount)
        }
        // The buffers do not leave the closure.
        let isAbove = unsafe key.withUnsafeBytes { key in
            unsafe lastKey.withUnsafeBytes { unsafe $0.lexicographicallyPrecedes(key) }
        }
        // The buffer does not leave the closure; the array copies it.
        lastKey.removeAll(keepingCapacity: true)
        unsafe key.withUnsafeBytes { unsafe lastKey.append(contentsOf: $0) }
        guard isAbove else { throw .unordered(path: path, key: lastKey) }
        tree.append(key: key, value: value, flags: 0, &next, &output)
        if output.count >= Self.outputSize { try writeOutput() }
    }

    /// Completes the file and answers its size. Nothing is synced.
    package consuming func finish() throws(BoltError) -> UInt64 {
        try endBucket()
        for (name, root) in roots {
            var value: [UInt8] = []
            value.append64(root)
            value.append64(0)
            unsafe tree.append(key: name.span.bytes, value: value.span.bytes, flags: 1, &next, &output)
        }
        let root = tree.finish(&next, &output)
        try writeOutput()
        outputOffset = 0
        for number: UInt64 in 0...1 {
            let meta = BoltMeta(
                pageSize: UInt32(pageSize), root: root, highWater: next, transaction: 2 - number)
            output += meta.page(number: number)
        }
        try writeOutput()
        return next * UInt64(pageSize)
    }

    private mutating func endBucket() throws(BoltError) {
        guard let name else { return }
        roots.append((name, tree.finish(&next, &output)))
        self.name = nil
    }

    private mutating func writeOutput() throws(BoltError) {
        var done = 0
        var failure: Int32 = 0
        // done never passes the count of the buffer.
        unsafe output.withUnsafeBytes { buffer in
            while failure == 0, done < buffer.count, let base = buffer.baseAddress {
                let put = unsafe pwrite(
                    descriptor, base + done, buffer.count - done, off_t(outputOffset) + off_t(done))
                if put > 0 {
                    done += put
                } else if put == 0 {
                    failure = EIO
                } else if errno != EINTR {
                    failure = errno
                }
            }
        }
        guard failure == 0 else { throw .system(call: "pwrite", path: path, errno: failure) }
        outputOffset += UInt64(done)
        output.removeAll(keepingCapacity: true)
    }
}

/// The tree of one bucket, built from its leaves: the unfinished page of each level.
private struct TreeBuilder {
    private let pageSize: Int
    private var leaf: PageBuilder
    /// Branches, the lowest first.
    private var branches: [PageBuilder] = []

    init(pageSize: Int) {
        self.pageSize = pageSize
        leaf = PageBuilder(isBranch: false, pageSize: pageSize)
    }

    mutating func append(
        key: borrowing RawSpan, value: borrowing RawSpan, flags: UInt64, _ next: inout UInt64,
        _ output: inout [UInt8]
    ) {
        if !leaf.hasRoom(for: key.byteCount + value.byteCount) {
            let page = Self.write(&leaf, &next, &output)
            add(page, level: 0, &next, &output)
        }
        leaf.append(key: key, value: value, payload: flags)
    }

    /// Writes what is unfinished; answers the root, and is empty again.
    mutating func finish(_ next: inout UInt64, _ output: inout [UInt8]) -> UInt64 {
        let last = Self.write(&leaf, &next, &output)
        guard !branches.isEmpty else { return last.number }
        add(last, level: 0, &next, &output)
        var level = 0
        // A branch with one child, at the top, stands for that child.
        while true {
            if level == branches.count - 1, let child = branches[level].onlyChild {
                branches = []
                return child
            }
            let page = Self.write(&branches[level], &next, &output)
            level += 1
            add(page, level: level, &next, &output)
        }
    }

    private mutating func add(
        _ page: (firstKey: [UInt8], number: UInt64), level: Int, _ next: inout UInt64, _ output: inout [UInt8]
    ) {
        if level == branches.count { branches.append(PageBuilder(isBranch: true, pageSize: pageSize)) }
        if !branches[level].hasRoom(for: page.firstKey.count) {
            let full = Self.write(&branches[level], &next, &output)
            add(full, level: level + 1, &next, &output)
        }
        unsafe branches[level].append(key: page.firstKey.span.bytes, value: RawSpan(), payload: page.number)
    }

    private static func write(
        _ page: inout PageBuilder, _ next: inout UInt64, _ output: inout [UInt8]
    ) -> (firstKey: [UInt8], number: UInt64) {
        let (firstKey, number) = (page.firstKey, next)
        next += page.write(as: number, to: &output)
        return (firstKey, number)
    }
}
