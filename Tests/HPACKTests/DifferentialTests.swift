import Testing

@testable import HPACK

/// What one side of nghttp2 and one of ours make of each other.
@Suite struct `HPACK against nghttp2` {
    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `what nghttp2 encodes is decoded to the same fields`(seed: UInt64) throws {
        var source = FieldSource(seed: seed)
        let deflater = Deflater()
        let judge = Inflater()
        var decoder = HeaderDecoder()
        for number in 0..<150 {
            // More than one change before a block: the smallest size is told as well as the last.
            while source.random.one(in: 6) { deflater.resizeTable(to: Self.size(&source.random)) }
            let list = source.list()
            let secret = source.random.next()
            let block = deflater.block(list) { secret >> ($0 + 8) & 7 == 0 }
            try #require(decoder.fields(block) == list, "block \(number)")
            try #require(judge.read(block) == Reading(fields: list), "block \(number)")
            try #require(decoder.tableFields == judge.tableFields, "block \(number)")
        }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `what we encode is decoded to the same fields`(seed: UInt64) throws {
        var source = FieldSource(seed: seed)
        // Names and values are strings here, of bytes that are UTF-8.
        let lists = (0..<12).map { _ in source.list().map(Self.readable) }
        let known = lists.map { HeaderList($0.map { (Self.text($0.name), Self.text($0.value)) }) }
        var encoder = HeaderEncoder()
        let judge = Inflater()
        var decoder = HeaderDecoder()
        for number in 0..<300 {
            while source.random.one(in: 12) {
                let size = Self.size(&source.random)
                encoder.resizeTable(to: UInt32(size))
                judge.resizeTable(to: size)
            }
            var block: [UInt8] = []
            let expected: [Field]
            if source.random.one(in: 4) {
                expected = source.list().map { Field(Self.readable($0).name, $0.value) }
                encoder.encodeOnce(expected.map { (Self.text($0.name), $0.value) }, into: &block)
            } else {
                let place = source.random.number(0...11)
                expected = lists[place]
                encoder.encode(known[place], into: &block)
            }
            try #require(judge.read(block) == Reading(fields: expected), "block \(number)")
            try #require(decoder.fields(block) == expected, "block \(number)")
            try #require(decoder.tableFields == judge.tableFields, "block \(number)")
        }
    }

    @Test func `every byte has its code`() throws {
        let deflater = Deflater()
        var decoder = HeaderDecoder()
        for byte in 0...255 as ClosedRange<UInt8> {
            // Behind so many short codes that coding pays, and from each of the 8 bits of a byte on.
            for count in 28...35 {
                let fields = [Field([0x61], [UInt8](repeating: 0x61, count: count) + [byte])]
                let block = deflater.block(fields) { _ in true }
                try #require(block.count < count)
                #expect(try decoder.fields(block) == fields)
            }
        }
    }

    private static func size(_ random: inout SeededGenerator) -> Int {
        [0, 1, 31, 32, 33, 64, 100, 256, 1000, 4095, 4096][random.number(0...10)]
    }

    private static func readable(_ field: Field) -> Field {
        Field(Array(text(field.name).utf8), Array(text(field.value).utf8))
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
