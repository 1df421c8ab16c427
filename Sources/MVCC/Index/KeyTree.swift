import Glibc

/// A B+tree from keys of any length to 24 bytes of payload, in the pages of `Page`.
///
/// Not locked: `Keyspace` holds its lock around every call. Separators are as short as they can be; pages
/// split at the middle of their bytes, but at the right edge of the tree a full page stays full. A page
/// less than a quarter full is merged with a neighbour under the same parent where both fit.
@safe final class KeyTree {
    /// A page on the way down, and which child was taken (-1 the leftmost; for the leaf, the slot).
    struct Step {
        var page: Page
        var index: Int
    }

    let pool = PagePool()
    private(set) var root: Page
    /// Keys in the tree.
    private(set) var count = 0
    private var path: [Step] = []

    static let depthMax = 16
    private static let mergeBytes = Page.size / 4

    init() {
        root = pool.take()
        unsafe root.reset(isLeaf: true, prefix: UnsafeRawBufferPointer(start: nil, count: 0))
        path.reserveCapacity(KeyTree.depthMax)
    }

    deinit { freeKeys(below: root) }

    private func freeKeys(below page: Page) {
        if !page.isLeaf { for index in -1..<page.count { freeKeys(below: page.child(index)) } }
        for index in 0..<page.count where page.suffixSize(index) == Page.outside {
            unsafe pool.freeKey(page.outsideKey(index))
        }
    }

    /// The payload of `key`; valid until the tree changes.
    func find(_ key: UnsafeRawBufferPointer) -> Payload? {
        var page = root
        while !page.isLeaf {
            let (index, isFound) = unsafe page.search(
                UnsafeRawBufferPointer(rebasing: key[page.prefixSize...]))
            page = page.child(isFound ? index : index - 1)
        }
        let (index, isFound) = unsafe page.search(UnsafeRawBufferPointer(rebasing: key[page.prefixSize...]))
        return isFound ? unsafe Payload(page.base + page.cellOffset(index)) : nil
    }

    /// The payload of `key`, which is put in with an undefined payload where missing.
    func findOrInsert(_ key: UnsafeRawBufferPointer) -> (payload: Payload, isNew: Bool) {
        precondition(key.count > 0 && key.count <= Int(UInt32.max))
        while true {
            let isFound = unsafe descend(key)
            let step = path[path.count - 1]
            let page = step.page
            if isFound { return (unsafe Payload(page.base + page.cellOffset(step.index)), false) }
            let suffix = unsafe UnsafeRawBufferPointer(rebasing: key[page.prefixSize...])
            if hasRoom(page, keyBytes: suffix.count) {
                let cell = unsafe insert(suffix, of: key, into: page, at: step.index)
                count += 1
                return (unsafe Payload(page.base + cell), true)
            }
            unsafe split(level: path.count - 1, adding: key)
        }
    }

    /// Removes `key`; answers whether it was there. Its payload's own resources are the caller's.
    @discardableResult
    func remove(_ key: UnsafeRawBufferPointer) -> Bool {
        guard unsafe descend(key) else { return false }
        let step = path[path.count - 1]
        removeSlot(step.index, of: step.page)
        count -= 1
        var level = path.count - 1
        while level > 0, path[level].page.usedBytes < KeyTree.mergeBytes, merge(level: level) { level -= 1 }
        while !root.isLeaf, root.count == 0 {
            let child = root.leftmost
            pool.giveBack(root)
            root = child
        }
        return true
    }

    /// Fills `path` down to the leaf of `key`; answers whether it is there. The last index is its slot.
    private func descend(_ key: UnsafeRawBufferPointer) -> Bool {
        path.removeAll(keepingCapacity: true)
        var page = root
        while true {
            let (index, isFound) = unsafe page.search(
                UnsafeRawBufferPointer(rebasing: key[page.prefixSize...]))
            if page.isLeaf {
                path.append(Step(page: page, index: index))
                return isFound
            }
            let child = isFound ? index : index - 1
            path.append(Step(page: page, index: child))
            page = page.child(child)
        }
    }

    private static func inlineBytes(_ suffixBytes: Int) -> Int {
        suffixBytes <= Page.inlineMax ? suffixBytes : Page.outsideSize
    }

    /// Whether a key with a suffix of that size fits, after the page's dead bytes are squeezed out if
    /// that helps.
    private func hasRoom(_ page: Page, keyBytes: Int) -> Bool {
        let needed = Page.slotSize + page.payloadSize + KeyTree.inlineBytes(keyBytes)
        if page.freeBytes >= needed { return true }
        guard page.freeBytes + page.deadBytes >= needed else { return false }
        let scratch = pool.take()
        unsafe scratch.reset(isLeaf: page.isLeaf, prefix: page.prefix)
        if !page.isLeaf { scratch.leftmost = page.leftmost }
        copy(0..<page.count, of: page, to: scratch)
        unsafe memcpy(page.base, scratch.base, Page.size)
        pool.giveBack(scratch)
        return true
    }

    /// Makes the slot and cell of a new key, payload undefined; answers the cell's offset.
    private func insert(
        _ suffix: UnsafeRawBufferPointer, of key: UnsafeRawBufferPointer, into page: Page, at index: Int
    ) -> Int {
        let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        let head = unsafe Page.head(of: suffix)
        if suffix.count <= Page.inlineMax {
            let size = suffix.count
            let cell = page.insertSlot(index, head: head, size: UInt16(size), keyBytes: size)
            if let source = suffix.baseAddress {
                unsafe memcpy(page.base + cell + page.payloadSize, source, size)
            }
            return cell
        }
        let cell = page.insertSlot(index, head: head, size: Page.outside, keyBytes: Page.outsideSize)
        let copy = unsafe pool.copyKey(key, none)
        unsafe page.store(cell + page.payloadSize, UnsafeRawPointer(copy.baseAddress))
        page.store(cell + page.payloadSize + 8, UInt32(copy.count))
        return cell
    }

    private func removeSlot(_ index: Int, of page: Page) {
        if page.suffixSize(index) == Page.outside { unsafe pool.freeKey(page.outsideKey(index)) }
        page.removeSlot(index)
    }

    /// Appends slots of one page to another of the same kind; keys outside change hands. The target's
    /// prefix may be longer or shorter than the source's.
    private func copy(_ range: Range<Int>, of source: Page, to target: Page) {
        let (old, new) = (source.prefixSize, target.prefixSize)
        for index in range {
            var size = source.suffixSize(index)
            // A shorter prefix gives some of the old one back to the suffix, a longer one takes some.
            let kept = unsafe UnsafeRawBufferPointer(rebasing: source.prefix[min(new, old)...])
            let suffix = unsafe source.suffix(index)
            let rest = unsafe UnsafeRawBufferPointer(rebasing: suffix[max(0, new - old)...])
            let keyBytes = kept.count + rest.count
            let isOutside = size == Page.outside || keyBytes > Page.inlineMax
            if !isOutside { size = UInt16(keyBytes) }
            let head = unsafe KeyTree.head(kept, rest)
            let cell = target.insertSlot(
                target.count, head: head, size: isOutside ? Page.outside : size,
                keyBytes: isOutside ? Page.outsideSize : keyBytes)
            unsafe memcpy(target.base + cell, source.base + source.cellOffset(index), source.payloadSize)
            let place = cell + target.payloadSize
            if !isOutside {
                if let bytes = kept.baseAddress { unsafe memcpy(target.base + place, bytes, kept.count) }
                if let bytes = rest.baseAddress {
                    unsafe memcpy(target.base + place + kept.count, bytes, rest.count)
                }
            } else {
                let key =
                    unsafe source.suffixSize(index) == Page.outside
                    ? source.outsideKey(index)
                    : unsafe UnsafeRawBufferPointer(pool.copyKey(source.prefix, suffix))
                unsafe target.store(place, key.baseAddress)
                target.store(place + 8, UInt32(key.count))
            }
        }
    }

    private static func head(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> UInt32 {
        if first.count == 0 { return unsafe Page.head(of: second) }
        if first.count >= 4 { return unsafe Page.head(of: first) }
        let shift = UInt32(8 * first.count)
        return unsafe Page.head(of: first) | Page.head(of: second) >> shift
    }
}

// What changes the shape of the tree.
extension KeyTree {
    private static func fullKey(_ page: Page, _ index: Int) -> [UInt8] {
        unsafe [UInt8](page.prefix) + [UInt8](page.suffix(index))
    }

    /// The separators around the page at `level` of the path: keys k of the page have low <= k < high.
    private func fences(level: Int) -> (low: [UInt8]?, high: [UInt8]?) {
        var (low, high): ([UInt8]?, [UInt8]?) = (nil, nil)
        for step in path[..<level].reversed() {
            if low == nil, step.index >= 0 { low = KeyTree.fullKey(step.page, step.index) }
            if high == nil, step.index + 1 < step.page.count {
                high = KeyTree.fullKey(step.page, step.index + 1)
            }
            if low != nil, high != nil { break }
        }
        return (low, high)
    }

    static func sharedPrefix(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var size = 0
        while size < a.count, size < b.count, a[size] == b[size] { size += 1 }
        return size
    }

    /// The prefix a page between these fences may leave out of its keys.
    static func prefix(_ low: [UInt8]?, _ high: [UInt8]?) -> [UInt8] {
        guard let low, let high else { return [] }
        return Array(low[..<min(sharedPrefix(low, high), Page.prefixMax)])
    }

    private func makePage(isLeaf: Bool, prefix: [UInt8]) -> Page {
        let page = pool.take()
        unsafe prefix.withUnsafeBytes { unsafe page.reset(isLeaf: isLeaf, prefix: $0) }
        return page
    }

    /// Splits the page at `level` of the path, or first its parent when that has no room for one more
    /// separator; the path is stale afterwards and the caller descends again.
    private func split(level: Int, adding key: UnsafeRawBufferPointer) {
        let step = path[level]
        let page = step.page
        let (low, high) = fences(level: level)
        // Keys that come in order leave full pages behind.
        let isAppend = page.isLeaf && step.index == page.count
        let middle = isAppend ? page.count : middleSlot(of: page)
        let separator: [UInt8]
        if isAppend {
            let new = unsafe [UInt8](key)
            separator = KeyTree.appendSeparator(page, new, isOpen: high == nil)
        } else if page.isLeaf {
            let (last, first) = (KeyTree.fullKey(page, middle - 1), KeyTree.fullKey(page, middle))
            separator = Array(first[...KeyTree.sharedPrefix(last, first)])
        } else {
            separator = KeyTree.fullKey(page, middle)
        }
        if level > 0 {
            let parent = path[level - 1].page
            guard hasRoom(parent, keyBytes: separator.count - parent.prefixSize) else {
                return unsafe split(level: level - 1, adding: key)
            }
        }
        let left = makePage(isLeaf: page.isLeaf, prefix: KeyTree.prefix(low, separator))
        let right = makePage(isLeaf: page.isLeaf, prefix: KeyTree.prefix(separator, high))
        copy(0..<middle, of: page, to: left)
        if page.isLeaf {
            copy(middle..<page.count, of: page, to: right)
        } else {
            left.leftmost = page.leftmost
            right.leftmost = page.child(middle)
            copy(middle + 1..<page.count, of: page, to: right)
            if page.suffixSize(middle) == Page.outside { unsafe pool.freeKey(page.outsideKey(middle)) }
        }
        pool.giveBack(page)
        replaceChild(level: level, by: left, separator, right)
    }

    /// What ends a leaf that is full when a key comes behind all of its own.
    ///
    /// The last page of the tree (`isOpen`) has no upper fence and therefore no prefix. It is given one:
    /// the end of the keys that begin as all of its own and the new one do. It then keeps them without their
    /// prefix, takes more of the kind, and whatever comes behind goes to a new last page.
    private static func appendSeparator(_ page: Page, _ new: [UInt8], isOpen: Bool) -> [UInt8] {
        if isOpen {
            var shared = new[..<sharedPrefix(fullKey(page, 0), new)]
            while shared.last == 0xff { shared.removeLast() }
            if let last = shared.popLast() { return shared + [last + 1] }
        }
        return Array(new[...sharedPrefix(fullKey(page, page.count - 1), new)])
    }

    /// Where to cut: the slot before which about half of the bytes lie, at least one on each side.
    private func middleSlot(of page: Page) -> Int {
        let half = page.usedBytes / 2
        var (bytes, slot) = (0, 0)
        while slot < page.count - 1, bytes < half {
            bytes += page.cellSize(slot) + Page.slotSize
            slot += 1
        }
        return max(1, slot)
    }

    /// Puts two pages where the one at `level` was; the parent has room.
    private func replaceChild(level: Int, by left: Page, _ separator: [UInt8], _ right: Page) {
        if level == 0 {
            root = makePage(isLeaf: false, prefix: [])
            root.leftmost = left
            addSeparator(separator, right, to: root, at: 0)
        } else {
            let step = path[level - 1]
            setChild(step.index, of: step.page, to: left)
            addSeparator(separator, right, to: step.page, at: step.index + 1)
        }
    }

    private func setChild(_ index: Int, of page: Page, to child: Page) {
        if index < 0 { page.leftmost = child } else { unsafe page.store(page.cellOffset(index), child.base) }
    }

    private func addSeparator(_ key: [UInt8], _ child: Page, to page: Page, at index: Int) {
        unsafe key.withUnsafeBytes { key in
            let suffix = unsafe UnsafeRawBufferPointer(rebasing: key[page.prefixSize...])
            let cell = unsafe insert(suffix, of: key, into: page, at: index)
            unsafe page.store(cell, child.base)
        }
    }

    /// Merges the page at `level` with a neighbour; answers whether the parent lost a child.
    private func merge(level: Int) -> Bool {
        let step = path[level - 1]
        let parent = step.page
        guard parent.count > 0 else { return false }
        let separator = step.index + 1 < parent.count ? step.index + 1 : step.index
        let (left, right) = (parent.child(separator - 1), parent.child(separator))
        // The fences of both together: the parent's own where the pair stands at its edge.
        let (outerLow, outerHigh) = fences(level: level - 1)
        let low = separator > 0 ? KeyTree.fullKey(parent, separator - 1) : outerLow
        let high = separator + 1 < parent.count ? KeyTree.fullKey(parent, separator + 1) : outerHigh
        let prefix = KeyTree.prefix(low, high)
        let middle = KeyTree.fullKey(parent, separator)
        var bytes = Page.headerSize + prefix.count
        for page in [left, right] {
            let growth = page.prefixSize - prefix.count
            for index in 0..<page.count {
                bytes += Page.slotSize + page.cellSize(index)
                if page.suffixSize(index) != Page.outside { bytes += growth }
            }
        }
        if !left.isLeaf {
            bytes += Page.slotSize + Page.innerPayload + KeyTree.inlineBytes(middle.count - prefix.count)
        }
        guard bytes <= Page.size * 9 / 10 else { return false }
        let merged = makePage(isLeaf: left.isLeaf, prefix: prefix)
        copy(0..<left.count, of: left, to: merged)
        if !left.isLeaf {
            merged.leftmost = left.leftmost
            addSeparator(middle, right.leftmost, to: merged, at: merged.count)
        }
        copy(0..<right.count, of: right, to: merged)
        removeSlot(separator, of: parent)
        setChild(separator - 1, of: parent, to: merged)
        pool.giveBack(left)
        pool.giveBack(right)
        return true
    }
}
