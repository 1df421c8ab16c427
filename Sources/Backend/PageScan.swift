import Glibc

/// The records of every leaf page of a database file, page after page, whoever owns it: what can still be
/// read where the trees are damaged. Pages that no tree needs any more are among them. LMDB is not asked.
///
/// Nothing is believed but the page size of a meta page with the magic number; without one it is 4096. A leaf
/// page is one that bears its own number. Memory: a page and one value. The bytes: `FileCheck`.
package struct PageScan: ~Copyable {
    package let path: String
    package let size: Int
    private let pageSize: Int
    private let descriptor: Int32

    /// One record, and where it was found: `index` of 0...`indexLast` on its page.
    package struct Place: Equatable, Sendable {
        package var page: UInt64
        package var index: Int
        package var indexLast: Int
    }

    package init(path: String) throws(BackendError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        var status = stat()
        size = unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        var pageSize = 4096
        for place in [0] + (9...16).map({ 1 << $0 }) {
            let head = Self.read(descriptor, at: place, count: 44)
            guard head.count == 44, head.number(16, 4) == 0xBEEF_C0DE else { continue }
            let found = head.number(40, 4)
            if (512...65536).contains(found), found.nonzeroBitCount == 1 { pageSize = found }
            break
        }
        self.pageSize = pageSize
    }

    deinit { close(descriptor) }

    /// Calls `body` with each record that lies inside its page, and `report` with what does not. The arrays
    /// are copies.
    package func forEach(
        report: (BackendError) -> Void, _ body: (Place, _ key: [UInt8], _ value: [UInt8]) -> Void
    ) {
        for number in 2..<max(size / pageSize, 2) {
            let page = Self.read(descriptor, at: number * pageSize, count: pageSize)
            // A leaf, perhaps one that its writer had not finished (dirty, loose).
            guard page.count == pageSize, page.number(0, 8) == number, page.number(10, 2) & 0xf == 2 else {
                continue
            }
            let end = page.number(12, 2)
            guard end >= 16, end <= pageSize else {
                report(.corrupted(path: path, offset: number * pageSize + 12))
                continue
            }
            let count = (end - 16) / 2
            for index in 0..<count {
                if let (key, value) = record(at: page.number(16 + 2 * index, 2), in: page) {
                    body(Place(page: UInt64(number), index: index, indexLast: count - 1), key, value)
                } else {
                    report(.corrupted(path: path, offset: number * pageSize + 16 + 2 * index))
                }
            }
        }
    }

    /// Key and value of a node; nil where they reach out of their page, or its overflow page out of the file.
    private func record(at node: Int, in page: [UInt8]) -> (key: [UInt8], value: [UInt8])? {
        guard node >= 16, node + 8 <= page.count else { return nil }
        let (size, flags) = (page.number(node, 4), page.number(node + 4, 2))
        let data = node + 8 + page.number(node + 6, 2)
        guard data + (flags & 1 != 0 ? 8 : size) <= page.count else { return nil }
        let key = Array(page[(node + 8)..<data])
        guard flags & 1 != 0 else { return (key, Array(page[data..<(data + size)])) }
        let number = page.number(data, 8)
        guard number >= 2, number < self.size / pageSize, number * pageSize + 16 + size <= self.size else {
            return nil
        }
        let head = Self.read(descriptor, at: number * pageSize, count: 16)
        guard head.count == 16, head.number(0, 8) == number, head.number(10, 2) == 4 else { return nil }
        let value = Self.read(descriptor, at: number * pageSize + 16, count: size)
        return value.count == size ? (key, value) : nil
    }

    /// Up to `count` bytes; fewer at the end of the file and where the disk fails.
    private static func read(_ descriptor: Int32, at offset: Int, count: Int) -> [UInt8] {
        // Each pread fills at most count - done bytes behind the ones before, inside the buffer.
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count, let base = buffer.baseAddress {
                let got = unsafe pread(descriptor, base + done, count - done, off_t(offset + done))
                if got > 0 { done += got } else if got == 0 || errno != EINTR { return }
            }
        }
    }
}

extension [UInt8] {
    /// A little-endian number of up to eight bytes; one beyond Int.max becomes Int.max.
    fileprivate func number(_ place: Int, _ size: Int) -> Int {
        var value: UInt64 = 0
        for index in (0..<size).reversed() { value = value << 8 | UInt64(self[place + index]) }
        return Int(exactly: value) ?? .max
    }
}
