import Testing

@testable import HPACK

@Suite struct `HPACK errors` {
    @Test func `a block may be empty`() {
        #expect(error([]) == nil)
    }

    @Test func `a block cut anywhere is a shorter block or truncated`() throws {
        let deflater = Deflater()
        let fields = [
            Field(":method", "POST"), Field("custom", "value"), Field(":path", "/a/long/path/of/words"),
            Field("x", String(repeating: "\u{7}", count: 300)), Field("", ""),
        ]
        deflater.resizeTable(to: 1000)
        let block = deflater.block(fields)
        var ends = 0
        for count in 0...block.count {
            var decoder = HeaderDecoder()
            let (reading, error) = decoder.read(Array(block.prefix(count)))
            #expect(reading.fields == Array(fields.prefix(reading.fields.count)))
            #expect(error == nil || error == .truncated)
            if error == nil { ends += 1 }
        }
        // Before and behind the table's size, and behind every field.
        #expect(ends == 2 + fields.count)
    }

    @Test func `a string must lie within the block`() {
        #expect(error(Block.literal(.kept) + [0x02, 0x61]) == .truncated)
        #expect(error(Block.literal(.kept) + Block.string("a") + [0x81]) == .truncated)
        #expect(error(Block.literal(.notKept, 1) + Block.integer(1 << 27, prefixBits: 7, 0)) == .truncated)
    }

    @Test func `index 0 names no field`() {
        #expect(error([0x80]) == .index)
    }

    @Test(arguments: Block.Keeping.allCases)
    func `an index must be in a table`(keeping: Block.Keeping) {
        let entry = Block.literal(.kept) + Block.string("a") + Block.string("b")
        let value = Block.string("c")
        #expect(error(Block.indexed(61)) == nil)
        #expect(error(Block.indexed(62)) == .index)
        #expect(error(entry + Block.indexed(62)) == nil)
        #expect(error(entry + Block.indexed(63)) == .index)
        #expect(error(Block.literal(keeping, 61) + value) == nil)
        #expect(error(Block.literal(keeping, 62) + value) == .index)
        #expect(error(entry + Block.literal(keeping, 62) + value) == nil)
        #expect(error(entry + Block.literal(keeping, 63) + value) == .index)
        #expect(error(Block.indexed(1 << 28)) == .index)
        #expect(error(Block.literal(keeping, 1 << 28) + value) == .index)
    }

    @Test func `a field that was evicted has no index`() {
        let entries = (0..<3).flatMap { _ in
            Block.literal(.kept) + Block.string("a") + Block.string("b")
        }
        #expect(error(Block.size(68) + entries + Block.indexed(63)) == nil)
        #expect(error(Block.size(68) + entries + Block.indexed(64)) == .index)
        #expect(error(Block.size(67) + entries + Block.indexed(63)) == .index)
        #expect(error(Block.size(33) + entries + Block.indexed(62)) == .index)
    }

    @Test func `an integer has 28 bits at most`() {
        let most = [0xff, 0xff, 0xff, 0x7f] as [UInt8]
        let more = [0x80, 0x80, 0x80, 0x80, 0x01] as [UInt8]
        for (prefix, tooLarge) in [
            ([0xff], .index), ([0x7f], .index), ([0x0f], .index), ([0x1f], .index), ([0x3f], .tableSize),
            ([0x40, 0x7f], .truncated), ([0x40, 0xff], .truncated), ([0x41, 0x7f], .truncated),
        ] as [([UInt8], HPACKError)] {
            #expect(error(prefix + most) == tooLarge)
            #expect(error(prefix + more) == .integer)
            #expect(error(prefix + [UInt8](repeating: 0xff, count: 40)) == .integer)
            #expect(error(prefix + [0x80, 0x80, 0x80]) == .truncated)
            // Zeros in front are room for an attacker, not a number (RFC 7541 section 5.1).
            #expect(error(prefix + [0x80, 0x80, 0x80, 0x80, 0x00]) == .integer)
        }
    }

    @Test func `an integer may be longer than it must`() throws {
        var decoder = HeaderDecoder()
        let block = Block.literal(.notKept) + [0x7f, 0x80, 0x80, 0x00] + [UInt8](repeating: 0x61, count: 127)
        #expect(try decoder.fields(block + [0]).count == 1)
    }

    @Test func `an integer that is one byte longer is read by nghttp2 only`() {
        let block = Block.literal(.notKept) + [0x7f, 0x80, 0x80, 0x80, 0x80, 0x00]
        let rest = [UInt8](repeating: 0x61, count: 127) + [0]
        #expect(error(block + rest) == .integer)
        #expect(Inflater().read(block + rest).isAccepted)
    }

    @Test func `a table grows to 4096 bytes at most`() {
        #expect(error(Block.size(4096)) == nil)
        #expect(error(Block.size(4097)) == .tableSize)
        #expect(error(Block.size(0) + Block.size(4096)) == nil)
        #expect(error(Block.size(0) + Block.size(4097)) == .tableSize)
    }

    @Test func `a table changes its size in front of all fields only`() {
        #expect(error(Block.size(100) + Block.size(200) + Block.indexed(2)) == nil)
        #expect(error(Block.indexed(2) + Block.size(100)) == .tableSize)
        let literal = Block.literal(.notKept, 1) + Block.string("a")
        #expect(error(Block.size(100) + literal + Block.size(100)) == .tableSize)
        var decoder = HeaderDecoder()
        #expect(decoder.read(Block.indexed(2)).error == nil)
        #expect(decoder.read(Block.size(100)).error == nil)
    }

    @Test func `Huffman's code is padded with less than 8 ones`() {
        // "a" is 00011, "&" is 11111000, "X" is 11111100; ones to the end of the byte may follow, no more.
        for good in [[], [0x1f], [0x18, 0xff], [0xf8], [0xfc], [0xf8, 0xfc]] as [[UInt8]] {
            #expect(huffman(good) == nil)
            #expect(huffman(good + [0xff]) == .huffman)
            #expect(huffman(good + [0xff, 0xff]) == .huffman)
        }
        for bad in [[0x18], [0x1e], [0x1b], [0x00], [0x18, 0xfe], [0xf8, 0x18]] as [[UInt8]] {
            #expect(huffman(bad) == .huffman, "\(bad)")
        }
    }

    @Test func `EOS is no text`() {
        #expect(huffman([0xff, 0xff, 0xff, 0xff]) == .huffman)
        #expect(huffman([0x1f, 0xff, 0xff, 0xff, 0xff]) == .huffman)
        #expect(huffman([0xff, 0xff, 0xff, 0xfc, 0x1f]) == .huffman)
    }

    /// What is wrong with a string, which nghttp2 must find too, as a name and as a value.
    private func huffman(_ bits: [UInt8]) -> HPACKError? {
        let asName = error(Block.literal(.notKept) + Block.coded(bits) + Block.string(""))
        let asValue = error(Block.literal(.notKept) + Block.string("") + Block.coded(bits))
        #expect(asName == asValue)
        return asValue
    }

    private func error(_ block: [UInt8]) -> HPACKError? {
        var decoder = HeaderDecoder()
        let (reading, error) = decoder.read(block)
        // The one difference: nghttp2 reads integers of one more byte (`HPACK garbage`).
        if error != .integer { #expect(Inflater().read(block) == reading, "\(block.prefix(40))") }
        return error
    }
}
