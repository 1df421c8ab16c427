/// A list of fields that is sent again and again.
package final class HeaderList: Sendable {
    let fields: [(name: [UInt8], value: [UInt8])]

    /// Names in lower case.
    package init(_ fields: [(name: String, value: String)]) {
        self.fields = fields.map { (Array($0.name.utf8), Array($0.value.utf8)) }
    }
}

/// Fields to header blocks: one side's half of HPACK (RFC 7541), with the table that its blocks build up.
///
/// The fields of a `HeaderList` enter the table, so that its block is a few bytes from the second time on;
/// those bytes are kept and copied as long as the table stays the same. Strings are not Huffman-coded.
package struct HeaderEncoder {
    private struct Known {
        let list: HeaderList
        let tableChanges: Int
        let block: [UInt8]
    }

    private static let tableBytesMax = 4096
    private static let knownMax = 8

    private var table = DynamicTable(sizeMax: tableBytesMax)
    /// The smallest size the table was given since the last block, which must be told first (section 4.2).
    private var untoldSize: Int?
    private var known: [Known] = []

    package init() {}

    /// The other side keeps a table of at most so many bytes (SETTINGS_HEADER_TABLE_SIZE).
    package mutating func resizeTable(to bytes: UInt32) {
        let size = min(Int(bytes), Self.tableBytesMax)
        guard size != table.sizeMax else { return }
        untoldSize = min(untoldSize ?? size, size)
        table.resize(to: size)  // and with that, no block in `known` is of this table
    }

    /// Appends the block of a list. Blocks must reach the other side in the order in which they are made.
    package mutating func encode(_ list: HeaderList, into block: inout [UInt8]) {
        for known in known where known.list === list && known.tableChanges == table.changes {
            block += known.block
            return
        }
        tellSize(&block)
        let (before, start) = (table.changes, block.count)
        for (name, value) in list.fields {
            unsafe name.withUnsafeBytes { name in
                unsafe value.withUnsafeBytes { unsafe encode(name, $0, into: &block) }
            }
        }
        guard table.changes == before else { return }
        if known.count == Self.knownMax { known.removeFirst() }
        known.append(Known(list: list, tableChanges: before, block: Array(block[start...])))
    }

    /// Appends a block of fields that are not expected again.
    package mutating func encodeOnce(_ fields: [(name: String, value: [UInt8])], into block: inout [UInt8]) {
        tellSize(&block)
        for (name, value) in fields {
            block.append(0)  // a literal that enters no table, with a new name
            Self.append(name.utf8.count, prefixBits: 7, 0, to: &block)
            block += name.utf8
            Self.append(value.count, prefixBits: 7, 0, to: &block)
            block += value
        }
    }

    private mutating func tellSize(_ block: inout [UInt8]) {
        guard let smallest = untoldSize else { return }
        untoldSize = nil
        Self.append(smallest, prefixBits: 5, 0x20, to: &block)
        if smallest != table.sizeMax { Self.append(table.sizeMax, prefixBits: 5, 0x20, to: &block) }
    }

    private mutating func encode(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, into block: inout [UInt8]
    ) {
        let place = unsafe find(name, value)
        if let index = place.whole { return Self.append(index, prefixBits: 7, 0x80, to: &block) }
        // What is larger than the table would only empty it.
        let isKept = name.count + value.count + DynamicTable.overhead <= table.sizeMax
        if isKept {
            Self.append(place.name ?? 0, prefixBits: 6, 0x40, to: &block)
        } else {
            Self.append(place.name ?? 0, prefixBits: 4, 0, to: &block)
        }
        if place.name == nil {
            Self.append(name.count, prefixBits: 7, 0, to: &block)
            unsafe block.append(contentsOf: name)
        }
        Self.append(value.count, prefixBits: 7, 0, to: &block)
        unsafe block.append(contentsOf: value)
        if isKept { unsafe table.insert(name, value) }
    }

    /// The index of the field, or of one with its name.
    private func find(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) -> (whole: Int?, name: Int?) {
        var named: Int?
        for index in 1...StaticTable.count where unsafe StaticTable.name(index).elementsEqual(name) {
            if unsafe StaticTable.value(index).elementsEqual(value) { return (index, index) }
            if named == nil { named = index }
        }
        for place in 0..<table.count {
            let index = StaticTable.count + 1 + place
            let isWhole = unsafe table.withField(place) { known, text in
                guard unsafe known.elementsEqual(name) else { return false }
                if named == nil { named = index }
                return unsafe text.elementsEqual(value)
            }
            if isWhole == true { return (index, index) }
        }
        return (nil, named)
    }

    /// An integer that begins in the low `prefixBits` of a byte whose other bits are `pattern` (section 5.1).
    private static func append(
        _ number: Int, prefixBits: Int, _ pattern: UInt8, to block: inout [UInt8]
    ) {
        let mask = 1 << prefixBits - 1
        if number < mask { return block.append(pattern | UInt8(number)) }
        block.append(pattern | UInt8(mask))
        var rest = number - mask
        while rest >= 0x80 {
            block.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        block.append(UInt8(rest))
    }
}
