extension KeyTree {
    /// Walks the whole tree and traps on anything that contradicts the invariants of `Page`.
    func checkInvariants() {
        var keys = 0
        var pages = 0
        var depth: Int? = nil
        check(root, low: nil, high: nil, level: 0, keys: &keys, pages: &pages, depth: &depth)
        precondition(keys == count, "count of keys")
        precondition(pages == pool.pagesInUse, "pages lost or shared")
    }

    private func check(
        _ page: Page, low: [UInt8]?, high: [UInt8]?, level: Int, keys: inout Int, pages: inout Int,
        depth: inout Int?
    ) {
        pages += 1
        precondition(level < KeyTree.depthMax, "depth")
        let prefix = unsafe [UInt8](page.prefix)
        precondition(prefix == KeyTree.prefix(low, high), "prefix of the fences")
        var cells = 0
        var separators: [[UInt8]] = []
        for index in 0..<page.count {
            let suffix = unsafe [UInt8](page.suffix(index))
            let key = prefix + suffix
            precondition(
                page.head(index) == (unsafe suffix.withUnsafeBytes { unsafe Page.head(of: $0) }), "head")
            if let last = separators.last { precondition(last.lexicographicallyPrecedes(key), "order") }
            if let low { precondition(!key.lexicographicallyPrecedes(low), "low fence") }
            if let high { precondition(key.lexicographicallyPrecedes(high), "high fence") }
            cells += page.cellSize(index)
            precondition(page.cellOffset(index) >= page.heapTop, "cell below the heap")
            separators.append(key)
        }
        let heap = Page.size - page.prefixSize - page.heapTop
        precondition(heap == cells + page.deadBytes && page.freeBytes >= 0, "bytes of the heap")
        if page.isLeaf {
            keys += page.count
            precondition(depth == nil || depth == level, "leaves on one level")
            depth = level
            return
        }
        for index in -1..<page.count {
            check(
                page.child(index), low: index < 0 ? low : separators[index],
                high: index + 1 < page.count ? separators[index + 1] : high, level: level + 1, keys: &keys,
                pages: &pages, depth: &depth)
        }
    }
}
