/// Header blocks to fields: one side's half of HPACK (RFC 7541), with the table that its blocks build up.
package struct HeaderDecoder {
    /// SETTINGS_HEADER_TABLE_SIZE as long as nobody says otherwise, which we do not (RFC 9113 section 6.5.2).
    private static let tableBytesMax = 4096

    private var table = DynamicTable(sizeMax: tableBytesMax)
    // Where literals are spelled out that do not lie in the block as text.
    private var name: [UInt8] = []
    private var value: [UInt8] = []

    package init() {}

    /// How often the table had changed behind the last block: while it is the same, equal blocks have equal
    /// fields.
    package private(set) var tableChanges = 0

    /// Calls `field` with every name and value of a whole block, which are valid during the call. A caller
    /// that has seen enough must let it go on all the same: the table depends on every field.
    package mutating func decode(
        _ block: UnsafeRawBufferPointer,
        _ field: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void
    ) throws(HPACKError) {
        defer { tableChanges = table.changes }
        var input = unsafe HeaderInput(block)
        var mayResize = true
        while let first = input.peek {
            if first >= 0x80 {
                let index = try input.integer(prefixBits: 7)
                unsafe try indexed(index, field)
            } else if first & 0xe0 == 0x20 {
                let size = try input.integer(prefixBits: 5)
                guard mayResize, size <= Self.tableBytesMax else { throw .tableSize }
                table.resize(to: size)
                continue
            } else {
                unsafe try literal(&input, isKept: first >= 0x40, field)
            }
            mayResize = false
        }
    }

    private func indexed(
        _ index: Int, _ field: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws(HPACKError) {
        guard index > 0 else { throw .index }
        if index <= StaticTable.count {
            unsafe field(StaticTable.name(index), StaticTable.value(index))
        } else if unsafe table.withField(index - StaticTable.count - 1, field) == nil {
            throw .index
        }
    }

    /// A field that is spelled out, at least its value; `isKept`: it enters the table.
    private mutating func literal(
        _ input: inout HeaderInput, isKept: Bool,
        _ field: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void
    ) throws(HPACKError) {
        let index = try input.integer(prefixBits: isKept ? 6 : 4)
        name.removeAll(keepingCapacity: true)
        if index == 0 {
            try input.string(into: &name)
        } else if index <= StaticTable.count {
            unsafe name.append(contentsOf: StaticTable.name(index))
        } else if unsafe table.withField(
            index - StaticTable.count - 1, { known, _ in unsafe name.append(contentsOf: known) }) == nil
        {
            throw .index
        }
        value.removeAll(keepingCapacity: true)
        try input.string(into: &value)
        unsafe name.withUnsafeBytes { name in
            unsafe value.withUnsafeBytes { value in
                unsafe field(name, value)
                if isKept { unsafe table.insert(name, value) }
            }
        }
    }
}

/// A block, and how far it is read.
@safe struct HeaderInput {
    private let block: UnsafeRawBufferPointer
    private var offset = 0

    init(_ block: UnsafeRawBufferPointer) { unsafe self.block = block }

    /// The next byte; nil at the end.
    var peek: UInt8? { unsafe offset < block.count ? block[offset] : nil }

    private mutating func next() throws(HPACKError) -> UInt8 {
        guard let byte = peek else { throw .truncated }
        offset += 1
        return byte
    }

    /// An integer that begins in the low `prefixBits` of the next byte (RFC 7541 section 5.1); at most 28
    /// bits may follow, more than any length or index can be.
    mutating func integer(prefixBits: Int) throws(HPACKError) -> Int {
        let mask = 1 << prefixBits - 1
        var number = Int(try next()) & mask
        if number < mask { return number }
        for shift in stride(from: 0, to: 28, by: 7) {
            let byte = try next()
            number += Int(byte & 0x7f) << shift
            if byte < 0x80 { return number }
        }
        throw .integer
    }

    /// A string, in Huffman's code or not (section 5.2).
    mutating func string(into text: inout [UInt8]) throws(HPACKError) {
        guard let first = peek else { throw .truncated }
        let count = try integer(prefixBits: 7)
        guard unsafe count <= block.count - offset else { throw .truncated }
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: block[offset..<offset + count])
        offset += count
        if first >= 0x80 {
            unsafe try HuffmanCode.shared.decode(bytes, into: &text)
        } else {
            unsafe text.append(contentsOf: bytes)
        }
    }
}
