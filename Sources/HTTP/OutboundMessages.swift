/// The messages of one call on their way out, each behind gRPC's prefix:
///
///     offset  size  field
///     0       1     compressed: always 0
///     1       4     length of the message, big-endian
///     5       n     message
///
/// The first message has a place of its own, so that a unary reply needs no array.
/// Invariant: `byteCount` is what `copy` can still deliver, prefixes included.
struct OutboundMessages {
    private enum Item {
        case bytes([UInt8])
        case source(Sized)

        var size: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .source(let sized): sized.size
            }
        }
    }

    /// A source and the size it had. A class, so that an item is one pointer: each is moved several times.
    private final class Sized {
        let source: any MessageSource
        let size: Int

        init(_ source: any MessageSource) {
            self.source = source
            size = source.size
        }
    }

    static let prefixBytes = 5

    private var first: Item?
    private var rest: [Item] = []
    private var restStart = 0
    /// Bytes of the first message, prefix included, that are gone already.
    private var position = 0
    private(set) var byteCount = 0
    /// Bytes held in memory here: messages but not sources.
    private(set) var heldBytes = 0
    /// Messages whose bytes a source still makes.
    private(set) var sourceCount = 0

    var isEmpty: Bool { first == nil }

    mutating func append(_ message: consuming [UInt8]) {
        precondition(message.count <= UInt32.max, "a message's length fits its prefix")
        heldBytes += message.count
        append(.bytes(message))
    }

    mutating func append(_ source: any MessageSource) {
        let sized = Sized(source)
        precondition(sized.size <= UInt32.max, "a message's length fits its prefix")
        sourceCount += 1
        append(.source(sized))
    }

    private mutating func append(_ item: consuming Item) {
        byteCount += item.size + Self.prefixBytes
        if first == nil { first = item } else { rest.append(item) }
    }

    /// Copies the next `destination.count` bytes, at most `byteCount`; false when a source failed.
    mutating func copy(into destination: UnsafeMutableRawBufferPointer) -> Bool {
        precondition(destination.count <= byteCount, "no more is asked for than there is")
        var written = 0
        while written < destination.count {
            let room = unsafe UnsafeMutableRawBufferPointer(rebasing: destination[written...])
            guard let count = unsafe copyFromFirst(into: room) else { return false }
            written += count
            byteCount -= count
        }
        return true
    }

    /// Copies what fits of the first message; nil when its source failed.
    private mutating func copyFromFirst(into room: UnsafeMutableRawBufferPointer) -> Int? {
        // Taken out meanwhile, so that no reference is counted.
        guard let item = first.take() else { return nil }
        let size = item.size
        var count = 0
        if position < Self.prefixBytes {
            count = unsafe Self.copyPrefix(of: size, from: position, into: room)
        }
        let start = position + count - Self.prefixBytes  // not below 0 unless the room is full
        let end = min(room.count, count + size - start)
        if count < end {
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: room[count..<end])
            guard let copied = unsafe Self.copyBody(of: item, from: start, into: part) else {
                first = item
                return nil
            }
            count += copied
        }
        position += count
        if position == size + Self.prefixBytes { moveUp(behind: item) } else { first = item }
        return count
    }

    /// Copies the message's bytes from `start` on; nil when the source failed.
    private static func copyBody(of item: Item, from start: Int, into part: UnsafeMutableRawBufferPointer)
        -> Int?
    {
        switch item {
        case .bytes(let bytes):
            unsafe bytes.withUnsafeBytes {
                unsafe part.copyMemory(from: .init(rebasing: $0[start..<start + part.count]))
            }
            return part.count
        case .source(let sized):
            let count = unsafe sized.source.fill(part)
            precondition(count >= 0 && count <= part.count, "a source stays within its buffer")
            return count == 0 ? nil : count
        }
    }

    private static func copyPrefix(of size: Int, from start: Int, into room: UnsafeMutableRawBufferPointer)
        -> Int
    {
        if start == 0, room.count >= prefixBytes {
            unsafe room[0] = 0
            unsafe room.storeBytes(of: UInt32(size).bigEndian, toByteOffset: 1, as: UInt32.self)
            return prefixBytes
        }
        let prefix = UInt64(size)  // the compressed flag and the length are one 40-bit number
        let count = min(room.count, prefixBytes - start)
        for index in 0..<count {
            let shift = UInt64(8 * (prefixBytes - 1 - start - index))
            unsafe room[index] = UInt8(truncatingIfNeeded: prefix >> shift)
        }
        return count
    }

    /// `item`, which was the first, is over.
    private mutating func moveUp(behind item: Item) {
        forget(item)
        position = 0
        if rest.isEmpty { return }
        guard restStart < rest.count else {
            rest.removeAll(keepingCapacity: true)
            restStart = 0
            return
        }
        first = rest[restStart]
        restStart += 1
        if restStart > 32, restStart * 2 > rest.count {
            rest.removeFirst(restStart)
            restStart = 0
        }
    }

    private mutating func forget(_ item: Item) {
        switch item {
        case .bytes(let bytes): heldBytes -= bytes.count
        case .source(let sized):
            sourceCount -= 1
            sized.source.released()
        }
    }

    /// Drops everything; sources are released.
    mutating func removeAll() {
        while let item = first.take() { moveUp(behind: item) }
        byteCount = 0
    }
}
