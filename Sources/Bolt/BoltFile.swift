import CPlatform
import Glibc

/// A bbolt file open for reading. Nothing is ever written to it, and no lock is taken.
///
/// A file that its owner writes at the same time may be read: pages of the transaction that the meta page
/// names are not overwritten before two more commits. What is read later than that may look damaged.
package final class BoltFile: Sendable {
    package let path: String
    /// Bytes of the file when it was opened.
    package let size: UInt64
    package let meta: BoltMeta
    /// Set when the other meta page is not valid: why.
    package let otherMetaFault: BoltError?
    private let descriptor: Int32

    /// Opens the file and chooses the newer of its valid meta pages.
    package init(path: String) throws(BoltError) {
        self.path = path
        let descriptor = unsafe platform_open(path, O_RDONLY, 0)
        guard descriptor >= 0 else { throw .system(call: "open", path: path, errno: -descriptor) }
        do throws(BoltError) {
            var status = stat()
            guard unsafe fstat(descriptor, &status) == 0 else {
                throw .system(call: "fstat", path: path, errno: errno)
            }
            size = status.st_mode & S_IFMT == S_IFREG ? UInt64(status.st_size) : 0
            (meta, otherMetaFault) = try Self.chooseMeta(descriptor, path: path, size: size)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    private static func chooseMeta(
        _ descriptor: Int32, path: String, size: UInt64
    ) throws(BoltError) -> (BoltMeta, BoltError?) {
        func meta(at offset: UInt64) throws(BoltError) -> Result<BoltMeta, BoltFault> {
            let bytes = try read(descriptor, path: path, at: offset, count: 80)
            do throws(BoltFault) { return .success(try BoltMeta(page: bytes)) } catch {
                return .failure(error)
            }
        }
        func damaged(_ offset: UInt64, _ fault: BoltFault) -> BoltError {
            .damaged(path: path, offset: offset, fault)
        }
        let first = try meta(at: 0)
        // The second page begins where the first says; where the first is damaged, at some power of two.
        var (second, place): (Result<BoltMeta, BoltFault>, UInt64) = (.failure(.notBolt), 4096)
        switch first {
        case .success(let meta0):
            place = UInt64(meta0.pageSize)
            second = try meta(at: place)
        case .failure:
            for shift in 9...16 {
                let found = try meta(at: 1 << UInt64(shift))
                guard case .success(let meta1) = found, meta1.pageSize == 1 << UInt32(shift) else { continue }
                (second, place) = (found, 1 << UInt64(shift))
                break
            }
        }
        let chosen: BoltMeta
        var fault: BoltError?
        switch (first, second) {
        case (.success(let meta0), .success(let meta1)):
            chosen = meta1.pageSize == meta0.pageSize && meta1.transaction > meta0.transaction ? meta1 : meta0
        case (.success(let meta0), .failure(let reason)):
            (chosen, fault) = (meta0, damaged(place, reason))
        case (.failure(let reason), .success(let meta1)):
            (chosen, fault) = (meta1, damaged(0, reason))
        case (.failure(let reason), .failure): throw damaged(0, reason)
        }
        guard chosen.highWater >= 3, chosen.highWater <= size / UInt64(chosen.pageSize) else {
            let needed = chosen.highWater.multipliedReportingOverflow(by: UInt64(chosen.pageSize))
            throw damaged(size, .truncated(needed: needed.overflow ? .max : needed.partialValue, size: size))
        }
        return (chosen, fault)
    }

    /// Up to `count` bytes; fewer only at the end of the file.
    static func read(
        _ descriptor: Int32, path: String, at offset: UInt64, count: Int
    ) throws(BoltError) -> [UInt8] {
        var failure: Int32 = 0
        // Each pread fills at most count - done bytes behind the ones before, inside the buffer.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            while done < count, let base = buffer.baseAddress {
                let got = unsafe pread(descriptor, base + done, count - done, off_t(offset) + off_t(done))
                if got > 0 {
                    done += got
                } else if got == 0 {
                    return
                } else if errno != EINTR {
                    failure = errno
                    return
                }
            }
        }
        guard failure == 0 else { throw .system(call: "pread", path: path, errno: failure) }
        return bytes
    }

    /// Exactly these bytes of the file.
    func bytes(at offset: UInt64, count: Int) throws(BoltError) -> [UInt8] {
        let bytes = try Self.read(descriptor, path: path, at: offset, count: count)
        guard bytes.count == count else {
            throw damaged(
                offset, .truncated(needed: offset + UInt64(count), size: offset + UInt64(bytes.count)))
        }
        return bytes
    }

    func damaged(_ offset: UInt64, _ fault: BoltFault) -> BoltError {
        .damaged(path: path, offset: offset, fault)
    }

    /// Reads page `number`, a branch or a leaf, as far as its elements reach; `reference` is where the file
    /// names it.
    func page(_ number: UInt64, reference: UInt64) throws(BoltError) -> BoltPage {
        guard number >= 2, number < meta.highWater else {
            throw damaged(reference, .pageNumber(number, highWater: meta.highWater))
        }
        let pageSize = Int(meta.pageSize)
        let offset = number * UInt64(pageSize)
        var bytes = try bytes(at: offset, count: pageSize)
        let header = PageHeader(bytes)
        guard header.id == number else {
            throw damaged(offset, .pageIdentity(expected: number, found: header.id))
        }
        guard header.flags == BoltFormat.Flags.branch || header.flags == BoltFormat.Flags.leaf else {
            throw damaged(offset + 8, .pageKind(header.flags))
        }
        guard UInt64(header.overflow) < meta.highWater - number else {
            throw damaged(offset + 12, .overflow(header.overflow))
        }
        let capacity = (Int(header.overflow) + 1) * pageSize
        if header.overflow > 0 {
            // First the table of elements, then as much as it speaks of: a forged count of pages costs
            // nothing.
            let table = BoltFormat.headerSize + header.count * BoltFormat.elementSize
            guard table <= capacity else { throw damaged(offset + 10, .element(header.count)) }
            if table > bytes.count {
                bytes += try self.bytes(at: offset + UInt64(bytes.count), count: table - bytes.count)
            }
            let end = BoltPage.end(of: bytes, header)
            guard end <= capacity else { throw damaged(offset, .element(header.count)) }
            if end > bytes.count {
                bytes += try self.bytes(at: offset + UInt64(bytes.count), count: end - bytes.count)
            }
        }
        return try BoltPage(bytes, header, path: path, offset: offset)
    }
}

/// A branch or leaf page in memory, its elements checked against its bytes and each other.
struct BoltPage {
    let bytes: [UInt8]
    let header: PageHeader
    /// Where it begins in the file.
    let offset: UInt64

    var isBranch: Bool { header.flags == BoltFormat.Flags.branch }
    var count: Int { header.count }

    /// Throws unless every element lies inside the bytes and the keys ascend.
    init(_ bytes: [UInt8], _ header: PageHeader, path: String, offset: UInt64) throws(BoltError) {
        self.bytes = bytes
        self.header = header
        self.offset = offset
        let tableEnd = BoltFormat.headerSize + header.count * BoltFormat.elementSize
        guard tableEnd <= bytes.count else {
            throw .damaged(path: path, offset: offset + 10, .element(header.count))
        }
        var previous: Range<Int>?
        for index in 0..<header.count {
            let place = element(index)
            let (start, keySize, valueSize) = extent(index)
            guard start >= tableEnd, keySize <= BoltFormat.keySizeMax,
                start + keySize + valueSize <= bytes.count
            else {
                throw .damaged(path: path, offset: offset + UInt64(place), .element(index))
            }
            let key = start..<(start + keySize)
            if let previous, !precedes(previous, key) {
                throw .damaged(path: path, offset: offset + UInt64(start), .keyOrder(index))
            }
            previous = key
        }
    }

    private func element(_ index: Int) -> Int { BoltFormat.headerSize + index * BoltFormat.elementSize }

    /// Where the key begins, and the sizes of key and value (0 in a branch). Sums cannot overflow: each part
    /// has 32 bits.
    private func extent(_ index: Int) -> (start: Int, keySize: Int, valueSize: Int) {
        let place = element(index)
        if isBranch { return (place + Int(bytes.u32(place)), Int(bytes.u32(place + 4)), 0) }
        return (
            place + Int(bytes.u32(place + 4)), Int(bytes.u32(place + 8)), Int(bytes.u32(place + 12))
        )
    }

    /// How far the elements of a page reach; `bytes` holds its table.
    static func end(of bytes: [UInt8], _ header: PageHeader) -> Int {
        var end = BoltFormat.headerSize
        let isBranch = header.flags == BoltFormat.Flags.branch
        for index in 0..<header.count {
            let place = BoltFormat.headerSize + index * BoltFormat.elementSize
            let size =
                isBranch
                ? Int(bytes.u32(place)) + Int(bytes.u32(place + 4))
                : Int(bytes.u32(place + 4)) + Int(bytes.u32(place + 8)) + Int(bytes.u32(place + 12))
            end = max(end, place + size)
        }
        return end
    }

    func key(_ index: Int) -> Range<Int> {
        let (start, keySize, _) = extent(index)
        return start..<(start + keySize)
    }

    func value(_ index: Int) -> Range<Int> {
        let (start, keySize, valueSize) = extent(index)
        return (start + keySize)..<(start + keySize + valueSize)
    }

    /// Whether a leaf element is a bucket.
    func isBucket(_ index: Int) -> Bool { bytes.u32(element(index)) & 1 != 0 }

    /// The child of a branch element, and where the file names it.
    func child(_ index: Int) -> (number: UInt64, reference: UInt64) {
        let place = element(index) + 8
        return (bytes.u64(place), offset + UInt64(place))
    }

    /// Bytewise order of two ranges of the page.
    private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        bytes[left].lexicographicallyPrecedes(bytes[right])
    }
}
