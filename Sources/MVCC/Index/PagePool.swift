/// Memory of the key tree: pages from slabs of 1 MiB, and the keys too long for a page.
@safe final class PagePool {
    private static let slabBytes = 1 << 20
    private var slabs: [UnsafeMutableRawPointer] = unsafe []
    private var idle: [Page] = []
    private var nextOffset = PagePool.slabBytes
    /// Bytes of the keys that lie outside the pages.
    private(set) var outsideBytes = 0
    /// Pages in use.
    private(set) var pagesInUse = 0

    deinit { for slab in unsafe slabs.indices { unsafe slabs[slab].deallocate() } }

    /// Bytes taken from the system for pages.
    var footprint: Int { unsafe slabs.count * PagePool.slabBytes + outsideBytes }

    func take() -> Page {
        pagesInUse += 1
        if let page = idle.popLast() { return page }
        if nextOffset == PagePool.slabBytes {
            unsafe slabs.append(.allocate(byteCount: PagePool.slabBytes, alignment: Page.size))
            nextOffset = 0
        }
        defer { nextOffset += Page.size }
        guard let slab = unsafe slabs.last else { preconditionFailure("a slab was just added") }
        return unsafe Page(slab + nextOffset)
    }

    func giveBack(_ page: Page) {
        pagesInUse -= 1
        idle.append(page)
    }

    /// A copy of a key in memory of its own; `freeKey` ends it.
    func copyKey(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer)
        -> UnsafeMutableRawBufferPointer
    {
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: first.count + second.count, alignment: 1)
        unsafe UnsafeMutableRawBufferPointer(rebasing: copy[..<first.count]).copyMemory(from: first)
        unsafe UnsafeMutableRawBufferPointer(rebasing: copy[first.count...]).copyMemory(from: second)
        outsideBytes += copy.count
        return unsafe copy
    }

    func freeKey(_ key: UnsafeRawBufferPointer) {
        outsideBytes -= key.count
        unsafe UnsafeMutableRawBufferPointer(mutating: key).deallocate()
    }
}
