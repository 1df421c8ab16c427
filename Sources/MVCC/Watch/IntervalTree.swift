import Wire

/// Which half-open intervals of keys contain a key; each interval has a set of numbers hanging on it.
///
/// A treap by (start, end) whose nodes also know the greatest end below them. Finding the k intervals
/// around a key takes O(log n + k) steps, adding and removing O(log n). Nodes lie in one array and are
/// named by their position, so that growing it is the only allocation besides the keys.
///
/// Invariants: search order by (start, end); a parent's priority is not below its children's;
/// `greatestEnd` is the greatest end of a node's subtree.
struct IntervalTree {
    /// The end of an interval: a key that is outside, or nothing above which all keys are inside.
    enum End: Equatable {
        case key([UInt8])
        case infinity
    }

    private struct Node {
        var start: [UInt8]
        var end: End
        var greatestEnd: End
        var priority: UInt64
        var left = -1
        var right = -1
        var members: [Int]
    }

    private var nodes: [Node] = []
    private var free: [Int] = []
    private var root = -1
    private var seed: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// How many different intervals there are.
    var count: Int { nodes.count - free.count }

    mutating func insert(_ member: Int, start: [UInt8], end: End) {
        root = insert(member, start, end, at: root)
    }

    /// Removes `member` from the interval it was inserted with.
    mutating func remove(_ member: Int, start: [UInt8], end: End) {
        root = remove(member, start, end, at: root)
    }

    /// Appends the members of every interval that contains `key`.
    func find(_ key: [UInt8], into members: inout [Int]) {
        find(key, at: root, into: &members)
    }

    private func find(_ key: [UInt8], at index: Int, into members: inout [Int]) {
        // To the right of a node all starts are larger, so only the left side is left to recursion.
        var index = index
        while index >= 0, isBelow(key, nodes[index].greatestEnd) {
            find(key, at: nodes[index].left, into: &members)
            guard compare(nodes[index].start, key) <= 0 else { return }
            if isBelow(key, nodes[index].end) { members += nodes[index].members }
            index = nodes[index].right
        }
    }

    private mutating func insert(_ member: Int, _ start: [UInt8], _ end: End, at index: Int) -> Int {
        guard index >= 0 else { return makeNode(member, start, end) }
        let order = order(start, end, index)
        if order == 0 {
            nodes[index].members.append(member)
            return index
        }
        if order < 0 {
            let child = insert(member, start, end, at: nodes[index].left)
            nodes[index].left = child
            if nodes[child].priority > nodes[index].priority { return rotateRight(index) }
        } else {
            let child = insert(member, start, end, at: nodes[index].right)
            nodes[index].right = child
            if nodes[child].priority > nodes[index].priority { return rotateLeft(index) }
        }
        refresh(index)
        return index
    }

    private mutating func remove(_ member: Int, _ start: [UInt8], _ end: End, at index: Int) -> Int {
        precondition(index >= 0, "the interval was never inserted")
        let order = order(start, end, index)
        if order < 0 {
            nodes[index].left = remove(member, start, end, at: nodes[index].left)
        } else if order > 0 {
            nodes[index].right = remove(member, start, end, at: nodes[index].right)
        } else {
            nodes[index].members.removeAll { $0 == member }
            if nodes[index].members.isEmpty { return unlink(index) }
        }
        refresh(index)
        return index
    }

    /// Takes a node out; what stands in its place.
    private mutating func unlink(_ index: Int) -> Int {
        let rest = merge(nodes[index].left, nodes[index].right)
        nodes[index] = Node(start: [], end: .infinity, greatestEnd: .infinity, priority: 0, members: [])
        free.append(index)
        return rest
    }

    /// Joins two subtrees, everything in `left` being below everything in `right`.
    private mutating func merge(_ left: Int, _ right: Int) -> Int {
        if left < 0 { return right }
        if right < 0 { return left }
        if nodes[left].priority > nodes[right].priority {
            nodes[left].right = merge(nodes[left].right, right)
            refresh(left)
            return left
        }
        nodes[right].left = merge(left, nodes[right].left)
        refresh(right)
        return right
    }

    private mutating func makeNode(_ member: Int, _ start: [UInt8], _ end: End) -> Int {
        // splitmix64: the shape needs to be balanced, not secret.
        seed &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (seed ^ (seed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        let node = Node(
            start: start, end: end, greatestEnd: end, priority: mixed ^ (mixed >> 31), members: [member])
        if let index = free.popLast() {
            nodes[index] = node
            return index
        }
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func rotateRight(_ index: Int) -> Int {
        let child = nodes[index].left
        nodes[index].left = nodes[child].right
        nodes[child].right = index
        refresh(index)
        refresh(child)
        return child
    }

    private mutating func rotateLeft(_ index: Int) -> Int {
        let child = nodes[index].right
        nodes[index].right = nodes[child].left
        nodes[child].left = index
        refresh(index)
        refresh(child)
        return child
    }

    private mutating func refresh(_ index: Int) {
        var greatest = nodes[index].end
        for child in [nodes[index].left, nodes[index].right] where child >= 0 {
            if compare(nodes[child].greatestEnd, greatest) > 0 { greatest = nodes[child].greatestEnd }
        }
        nodes[index].greatestEnd = greatest
    }

    private func order(_ start: [UInt8], _ end: End, _ index: Int) -> Int {
        let order = compare(start, nodes[index].start)
        return order != 0 ? order : compare(end, nodes[index].end)
    }

    private func isBelow(_ key: [UInt8], _ end: End) -> Bool {
        switch end {
        case .infinity: true
        case .key(let end): compare(key, end) < 0
        }
    }

    private func compare(_ a: End, _ b: End) -> Int {
        switch (a, b) {
        case (.infinity, .infinity): 0
        case (.infinity, _): 1
        case (_, .infinity): -1
        case (.key(let a), .key(let b)): compare(a, b)
        }
    }

    private func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        // Bytes have no padding.
        unsafe KeyRange.compare(a.span.bytes, b.span.bytes)
    }
}
