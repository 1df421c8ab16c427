import Testing

@testable import HPACK

@Suite struct `HPACK decoder` {
    @Test func `a table that is said to be the same is the same`() {
        var decoder = HeaderDecoder()
        let value = Block.string("v")
        for (block, isChanged) in [
            (Block.literal(.kept) + Block.string("n") + value, true), (Block.indexed(62), false),
            (Block.indexed(2) + Block.literal(.notKept, 62) + value, false), ([], false),
            (Block.literal(.neverKept, 62) + value, false), (Block.literal(.kept, 62) + value, true),
            (Block.size(40), true), (Block.indexed(62), false), (Block.size(0) + Block.size(4096), true),
            // What comes before an error counts.
            (Block.literal(.kept, 1) + value + [0x80], true), ([0x80], false),
        ] {
            let (changes, table) = (decoder.tableChanges, decoder.tableFields)
            _ = decoder.read(block)
            #expect((decoder.tableChanges != changes) == isChanged, "\(block)")
            if !isChanged { #expect(decoder.tableFields == table, "\(block)") }
        }
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `equal blocks have equal fields while the table is the same`(seed: UInt64) throws {
        var source = FieldSource(seed: seed)
        let deflater = Deflater()
        var decoder = HeaderDecoder()
        for _ in 0..<100 {
            let list = source.list()
            let block = deflater.block(list)
            let changes = decoder.tableChanges
            try #require(decoder.fields(block) == list)
            guard decoder.tableChanges == changes else { continue }
            try #require(decoder.fields(block) == list)
            #expect(decoder.tableChanges == changes)
        }
    }
}
