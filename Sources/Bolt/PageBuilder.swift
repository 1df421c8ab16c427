/// One page being filled: its elements, and their keys and values one behind the other.
///
/// Layout as in `BoltFormat`. A page takes elements while it stays within one page, and at least two: the
/// second may be large, and pages that only continue it follow (overflow).
struct PageBuilder {
    let isBranch: Bool
    let pageSize: Int
    /// Of each element: key size, value size (leaf) and what it carries besides: flags or a child's number.
    private var elements: [(keySize: Int, valueSize: Int, payload: UInt64)] = []
    private var data: [UInt8] = []

    init(isBranch: Bool, pageSize: Int) {
        self.isBranch = isBranch
        self.pageSize = pageSize
    }

    var isEmpty: Bool { elements.isEmpty }
    var count: Int { elements.count }
    var firstKey: [UInt8] { elements.first.map { Array(data[..<$0.keySize]) } ?? [] }
    /// The child of a branch that has only one.
    var onlyChild: UInt64? { elements.count == 1 ? elements[0].payload : nil }

    private func size(elements: Int, data: Int) -> Int {
        BoltFormat.headerSize + elements * BoltFormat.elementSize + data
    }

    /// Whether an element of that many bytes still belongs on this page.
    func hasRoom(for bytes: Int) -> Bool {
        elements.count < 2
            || (size(elements: elements.count + 1, data: data.count + bytes) <= pageSize
                && elements.count < 0xfffe)
    }

    mutating func append(key: borrowing RawSpan, value: borrowing RawSpan, payload: UInt64) {
        elements.append((key.byteCount, value.byteCount, payload))
        // The buffers do not leave the closures; append copies them.
        unsafe key.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
        unsafe value.withUnsafeBytes { unsafe data.append(contentsOf: $0) }
    }

    /// Appends the page, as `number`, to `output`, and begins an empty one. Answers how many pages it took.
    mutating func write(as number: UInt64, to output: inout [UInt8]) -> UInt64 {
        let used = size(elements: elements.count, data: data.count)
        let pages = (used + pageSize - 1) / pageSize
        let flags = isBranch ? BoltFormat.Flags.branch : BoltFormat.Flags.leaf
        let header = PageHeader(id: number, flags: flags, count: elements.count, overflow: UInt32(pages - 1))
        output.reserveCapacity(output.count + pages * pageSize)
        output += header.bytes
        var place = 0
        for (index, element) in elements.enumerated() {
            let position = UInt32((elements.count - index) * BoltFormat.elementSize + place)
            if isBranch {
                output.append32(position)
                output.append32(UInt32(element.keySize))
                output.append64(element.payload)
            } else {
                output.append32(UInt32(truncatingIfNeeded: element.payload))
                output.append32(position)
                output.append32(UInt32(element.keySize))
                output.append32(UInt32(element.valueSize))
            }
            place += element.keySize + element.valueSize
        }
        output += data
        output += repeatElement(0, count: pages * pageSize - used)
        elements.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: data.count <= 16 * pageSize)
        return UInt64(pages)
    }
}
