/// A walk over the leaves of the key tree in key order; valid until the tree changes.
@safe struct TreeCursor {
    private let tree: KeyTree
    private var path: [KeyTree.Step] = []

    /// Stands before the first key that is not below `key`.
    init(_ tree: KeyTree, from key: UnsafeRawBufferPointer) {
        self.tree = tree
        var page = tree.root
        while true {
            let (index, isFound) = unsafe page.search(
                UnsafeRawBufferPointer(rebasing: key[page.prefixSize...]))
            if page.isLeaf {
                path.append(KeyTree.Step(page: page, index: index))
                return
            }
            let child = isFound ? index : index - 1
            path.append(KeyTree.Step(page: page, index: child))
            page = page.child(child)
        }
    }

    /// The leaf and the slots of it that lie ahead; nil at the end. `slots` may be empty.
    mutating func nextLeaf() -> (page: Page, slots: Range<Int>)? {
        guard let last = path.popLast() else { return nil }
        let slots = last.index..<last.page.count
        // To the leftmost leaf of the next subtree.
        while let step = path.popLast() {
            guard step.index + 1 < step.page.count else { continue }
            path.append(KeyTree.Step(page: step.page, index: step.index + 1))
            var page = step.page.child(step.index + 1)
            while !page.isLeaf {
                path.append(KeyTree.Step(page: page, index: -1))
                page = page.leftmost
            }
            path.append(KeyTree.Step(page: page, index: 0))
            break
        }
        return (last.page, slots)
    }
}

extension Page {
    /// The payload of a leaf's slot.
    @inline(__always) func payload(_ index: Int) -> Payload { unsafe Payload(base + cellOffset(index)) }

    /// How many of the leaf's slots lie below `end`.
    func count(below end: UnsafeRawBufferPointer) -> Int {
        let prefix = unsafe self.prefix
        let shared = unsafe UnsafeRawBufferPointer(rebasing: end[..<min(end.count, prefix.count)])
        let order = unsafe compareBytes(shared, prefix)
        if order != 0 { return order < 0 ? 0 : count }
        return unsafe search(UnsafeRawBufferPointer(rebasing: end[prefix.count...])).index
    }

    /// Appends the whole key of a slot.
    func appendKey(_ index: Int, to bytes: inout [UInt8]) {
        unsafe bytes.append(contentsOf: prefix)
        unsafe bytes.append(contentsOf: suffix(index))
    }
}
