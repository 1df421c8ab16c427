/// What reading or writing a bbolt file can report. Offsets are bytes from the start of the file.
package enum BoltError: Error, Equatable, Sendable {
    /// A system call failed; `call` is its name.
    case system(call: String, path: String, errno: Int32)
    /// Not a bbolt file, or one that contradicts itself at `offset`.
    case damaged(path: String, offset: UInt64, BoltFault)
    /// The caller brought a key that does not follow the one before (writer).
    case unordered(path: String, key: [UInt8])
    /// A key or value larger than the format allows (writer).
    case tooLarge(path: String, keySize: Int, valueSize: Int)
}

/// What is wrong with a bbolt file.
package enum BoltFault: Error, Equatable, Sendable {
    /// Neither meta page has the magic number.
    case notBolt
    case version(UInt32)
    case pageSize(UInt32)
    case metaChecksum(stored: UInt64, computed: UInt64)
    /// The file ends before a page that is in use.
    case truncated(needed: UInt64, size: UInt64)
    /// A reference to a page that cannot exist.
    case pageNumber(UInt64, highWater: UInt64)
    /// A page whose header says another number.
    case pageIdentity(expected: UInt64, found: UInt64)
    /// A page of a kind that does not belong where it was met.
    case pageKind(UInt16)
    /// A page that claims more following pages than there are.
    case overflow(UInt32)
    /// An element that reaches out of its page.
    case element(Int)
    /// An element whose key is not above the one before, or not within its branch's bounds.
    case keyOrder(Int)
    /// A page with two owners.
    case pageTwice(UInt64)
    /// A tree deeper than any file needs, or a bucket in a bucket in a bucket without end.
    case depth
    /// A bucket's value that is neither a header nor a header with an inline page.
    case bucketValue
    /// A free list that names a page that cannot be free.
    case freePage(UInt64)
    /// A page that neither the free list nor any tree knows (files with a free list only).
    case lostPage(UInt64)
}

extension BoltError: CustomStringConvertible {
    /// The sentence an operator reads; `errno` stays a number here.
    package var description: String {
        switch self {
        case .system(let call, let path, let errno): "\(call) \(path): errno \(errno)"
        case .damaged(let path, let offset, let fault): "\(path):\(offset): \(fault.description)"
        case .unordered(let path, let key): "\(path): key \(key) does not follow the one before"
        case .tooLarge(let path, let keySize, let valueSize):
            "\(path): a record of \(keySize) + \(valueSize) bytes is too large"
        }
    }
}

extension BoltFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notBolt: "not a bbolt file (no meta page has its magic number)"
        case .version(let version): "bbolt version \(version), expected 2"
        case .pageSize(let size): "page size \(size), expected a power of two from 512 to 65536"
        case .metaChecksum(let stored, let computed):
            "meta checksum \(String(stored, radix: 16)), expected \(String(computed, radix: 16))"
        case .truncated(let needed, let size): "the file ends at \(size), expected at least \(needed) bytes"
        case .pageNumber(let page, let highWater):
            "a reference to page \(page), expected one from 2 to below \(highWater)"
        case .pageIdentity(let expected, let found): "page number \(found), expected \(expected)"
        case .pageKind(let flags): "page flags 0x\(String(flags, radix: 16)), expected a branch or a leaf"
        case .overflow(let count): "\(count) pages follow the page, more than there are"
        case .element(let index): "element \(index) reaches out of its page"
        case .keyOrder(let index): "the key of element \(index) is out of order"
        case .pageTwice(let page): "page \(page) has two owners"
        case .depth: "the tree is too deep"
        case .bucketValue: "the value of a bucket is malformed"
        case .freePage(let page): "the free list names page \(page), which cannot be free"
        case .lostPage(let page): "page \(page) is neither in use nor free"
        }
    }
}
