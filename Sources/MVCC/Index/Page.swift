import Glibc

/// Byte-wise unsigned order: negative, zero or positive.
@inline(__always)
func compareBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    // memcmp reads min(count) bytes of each; with none to read the pointers may be nil.
    let shared = min(a.count, b.count)
    if shared > 0, let left = a.baseAddress, let right = b.baseAddress {
        let order = unsafe memcmp(left, right, shared)
        if order != 0 { return Int(order) }
    }
    return a.count - b.count
}

/// A 4 KiB node of the key tree, in raw memory.
///
///     0   u8   kind: 0 inner, 1 leaf      2  u16 count of slots     4  u16 size of the prefix
///     6   u16  lowest used heap byte      8  u16 dead heap bytes    16 pointer: leftmost child (inner)
///     32  slots of 8 bytes: head u32 (first four bytes of the suffix, big-endian, zero-padded),
///         offset u16, size u16 (of the suffix; 0xFFFF: the key lies outside)
///     …   free …
///     heap of cells, growing down: payload (leaf 24 bytes; inner a pointer to the child), suffix or
///         pointer u64 + size u32 of the whole key outside
///     4096 - prefix size: the prefix, which every key routed to this page begins with
///
/// Invariants: 1 the page's fences (the separators around it in its ancestors) share the prefix, so a
/// descent never compares it; 2 slots are in key order, which is head order with ties settled by bytes;
/// 3 child i of an inner page holds keys >= key i and < key i+1, the leftmost those below key 0.
@safe struct Page: Equatable {
    static let size = 4096
    static let headerSize = 32
    static let slotSize = 8
    static let prefixMax = 512
    /// Longer suffixes lie outside the page.
    static let inlineMax = 512
    static let outside: UInt16 = 0xFFFF
    static let outsideSize = 12
    static let leafPayload = 24
    static let innerPayload = 8

    let base: UnsafeMutableRawPointer

    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    static func == (a: Page, b: Page) -> Bool { unsafe a.base == b.base }

    // All offsets below come from the header and slots, which only this file writes; checkInvariants of
    // the tree recomputes them.
    @inline(__always) func load<T: BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
        unsafe base.loadUnaligned(fromByteOffset: offset, as: type)
    }
    @inline(__always) func store<T: BitwiseCopyable>(_ offset: Int, _ value: T) {
        unsafe base.storeBytes(of: value, toByteOffset: offset, as: T.self)
    }

    func reset(isLeaf: Bool, prefix: UnsafeRawBufferPointer) {
        unsafe memset(base, 0, Page.headerSize)
        store(0, isLeaf ? 1 : 0 as UInt8)
        store(4, UInt16(prefix.count))
        let heap = Page.size - prefix.count
        store(6, UInt16(heap))
        if let source = prefix.baseAddress { unsafe memcpy(base + heap, source, prefix.count) }
    }

    @inline(__always) var isLeaf: Bool { load(0, UInt8.self) == 1 }
    @inline(__always) var count: Int { Int(load(2, UInt16.self)) }
    @inline(__always) var prefixSize: Int { Int(load(4, UInt16.self)) }
    @inline(__always) var heapTop: Int { Int(load(6, UInt16.self)) }
    @inline(__always) var deadBytes: Int { Int(load(8, UInt16.self)) }
    var payloadSize: Int { isLeaf ? Page.leafPayload : Page.innerPayload }
    var prefix: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: base + (Page.size - prefixSize), count: prefixSize)
    }

    var leftmost: Page {
        get { unsafe Page(load(16, UnsafeMutableRawPointer.self)) }
        nonmutating set { unsafe store(16, newValue.base) }
    }

    /// The child behind key `index` of an inner page; -1 is the leftmost.
    @inline(__always) func child(_ index: Int) -> Page {
        index < 0 ? leftmost : unsafe Page(load(cellOffset(index), UnsafeMutableRawPointer.self))
    }

    @inline(__always) func head(_ index: Int) -> UInt32 { load(32 + 8 * index, UInt32.self) }
    @inline(__always) func cellOffset(_ index: Int) -> Int { Int(load(36 + 8 * index, UInt16.self)) }
    @inline(__always) func suffixSize(_ index: Int) -> UInt16 { load(38 + 8 * index, UInt16.self) }

    /// What follows the prefix in key `index`; points into the page, or to the memory outside it.
    @inline(__always) func suffix(_ index: Int) -> UnsafeRawBufferPointer {
        let (cell, size) = (cellOffset(index) + payloadSize, suffixSize(index))
        if size != Page.outside { return unsafe UnsafeRawBufferPointer(start: base + cell, count: Int(size)) }
        return unsafe UnsafeRawBufferPointer(rebasing: outsideKey(index)[prefixSize...])
    }

    /// The whole key of a slot whose key lies outside.
    func outsideKey(_ index: Int) -> UnsafeRawBufferPointer {
        let cell = cellOffset(index) + payloadSize
        return unsafe UnsafeRawBufferPointer(
            start: load(cell, UnsafeRawPointer.self), count: Int(load(cell + 8, UInt32.self)))
    }

    /// Bytes of the cell: payload and key.
    func cellSize(_ index: Int) -> Int {
        let size = suffixSize(index)
        return payloadSize + (size == Page.outside ? Page.outsideSize : Int(size))
    }

    @inline(__always) static func head(of suffix: UnsafeRawBufferPointer) -> UInt32 {
        if suffix.count >= 4 { return unsafe UInt32(bigEndian: suffix.loadUnaligned(as: UInt32.self)) }
        var head: UInt32 = 0
        for index in 0..<suffix.count { unsafe head |= UInt32(suffix[index]) << UInt32(24 - 8 * index) }
        return head
    }

    /// The first slot whose key is not below the key with this suffix, and whether it is that key.
    @inline(__always) func search(_ suffix: UnsafeRawBufferPointer) -> (index: Int, isFound: Bool) {
        let wanted = unsafe Page.head(of: suffix)
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) >> 1
            let head = head(middle)
            if head < wanted {
                low = middle + 1
            } else if head > wanted {
                high = middle
            } else {
                let order = unsafe compareBytes(self.suffix(middle), suffix)
                if order == 0 { return (middle, true) }
                if order < 0 { low = middle + 1 } else { high = middle }
            }
        }
        return (low, false)
    }

    var freeBytes: Int { heapTop - Page.headerSize - Page.slotSize * count }
    /// Bytes in use by slots and cells, without header and prefix.
    var usedBytes: Int { Page.size - prefixSize - Page.headerSize - freeBytes - deadBytes }

    /// Makes a slot with a cell of `keyBytes` behind its payload; there must be room. Answers the cell.
    func insertSlot(_ index: Int, head: UInt32, size: UInt16, keyBytes: Int) -> Int {
        let cell = payloadSize + keyBytes
        precondition(freeBytes >= cell + Page.slotSize && index <= count)
        let slot = 32 + 8 * index
        unsafe memmove(base + slot + 8, base + slot, 8 * (count - index))
        let offset = heapTop - cell
        store(slot, head)
        store(slot + 4, UInt16(offset))
        store(slot + 6, size)
        store(2, UInt16(count + 1))
        store(6, UInt16(offset))
        return offset
    }

    /// Removes a slot; its cell becomes dead bytes until the page is rebuilt.
    func removeSlot(_ index: Int) {
        precondition(index < count)
        let dead = deadBytes + cellSize(index)
        let slot = 32 + 8 * index
        unsafe memmove(base + slot, base + slot + 8, 8 * (count - index - 1))
        store(2, UInt16(count - 1))
        store(8, UInt16(dead))
        if count == 0 {
            store(6, UInt16(Page.size - prefixSize))
            store(8, 0 as UInt16)
        }
    }
}
