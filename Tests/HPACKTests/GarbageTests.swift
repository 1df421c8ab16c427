import Testing

@testable import HPACK

/// Bytes nobody encoded. nghttp2 and we agree on which to accept, with one exception: an integer may have
/// four bytes behind its first here, five there. Both are right: "integer encodings that exceed
/// implementation limits -- in value or octet length -- MUST be treated as decoding errors" (RFC 7541
/// section 5.1), and no length or index needs five.
@Suite struct `HPACK garbage` {
    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `random bytes never trap and are accepted as by nghttp2`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = Pair()
        for _ in 0..<5000 { try pair.read(random.bytes(random.number(0...24))) }
        #expect(pair.acceptedCount > 100)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `random codes never trap and are accepted as by nghttp2`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = Pair()
        for _ in 0..<3000 {
            var bits = random.bytes(random.number(0...12))
            // Long codes begin with ones.
            while random.one(in: 2) { bits.insert(0xff, at: random.number(0...bits.count)) }
            if let last = bits.last { bits[bits.count - 1] = last | UInt8((1 << random.number(0...7)) - 1) }
            try pair.read(Block.literal(.notKept, 1) + Block.coded(bits))
        }
        #expect(pair.acceptedCount > 300)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `random fields with damage never trap and are accepted as by nghttp2`(seed: UInt64) throws {
        var writer = BlockWriter(random: SeededGenerator(seed: seed))
        var pair = Pair()
        for _ in 0..<1500 {
            var block = writer.block(entries: pair.tableCount)
            if writer.random.one(in: 4), !block.isEmpty {
                block[writer.random.number(0...block.count - 1)] = writer.random.bytes(1)[0]
            }
            try pair.read(block)
        }
        #expect(pair.acceptedCount > 500)
    }
}

/// Both decoders, with new ones after each block that is not accepted.
private struct Pair {
    private var ours = HeaderDecoder()
    private var judge = Inflater()
    private(set) var acceptedCount = 0

    var tableCount: Int { judge.tableFields.count }

    mutating func read(_ block: [UInt8]) throws {
        let (reading, error) = ours.read(block)
        let judged = judge.read(block)
        if error == .integer {
            #expect(judged.fields.starts(with: reading.fields), "\(block)")
            #expect(!judged.isAccepted || Self.hasLongInteger(block), "\(block)")
        } else {
            try #require(reading == judged, "\(block)")
        }
        if error == nil {
            try #require(ours.tableFields == judge.tableFields, "\(block)")
            acceptedCount += 1
        } else {
            ours = HeaderDecoder()
            judge = Inflater()
        }
    }

    private static func hasLongInteger(_ block: [UInt8]) -> Bool {
        (0..<block.count).contains { start in
            let bytes = block[start...].prefix(5)
            return bytes.count == 5 && bytes.dropFirst().allSatisfy { $0 >= 0x80 }
        }
    }
}

/// Writes fields in every way there is, mostly right, as no encoder that takes care would: fields in the
/// table already enter it again, larger ones than it empty it, integers are longer than they must be.
private struct BlockWriter {
    /// Letters of 5 bits each, then ones.
    private static let codes: [[UInt8]] = [[0x1f], [0x1c, 0x7f], [0x00, 0x3f], [0x08, 0x84, 0x3f]]

    var random: SeededGenerator

    mutating func block(entries: Int) -> [UInt8] {
        var block: [UInt8] = []
        while random.one(in: 5) { block += size() }
        for _ in 0..<random.number(0...6) { block += field(entries) }
        if random.one(in: 40) { block += size() }
        return block
    }

    private mutating func size() -> [UInt8] {
        Block.size([0, 32, 40, 100, 300, 1000, 4096, 4097][random.number(0...(random.one(in: 20) ? 7 : 6))])
    }

    private mutating func field(_ entries: Int) -> [UInt8] {
        let index = index(entries)
        if index > 0, random.one(in: 3) { return Block.indexed(index) }
        let keeping = Block.Keeping.allCases[min(2, random.number(0...4) / 2)]
        let name = random.one(in: 2) ? index : 0
        return Block.literal(keeping, name) + (name == 0 ? string() : []) + string()
    }

    /// Of an entry of either table; seldom of none.
    private mutating func index(_ entries: Int) -> Int {
        if random.one(in: 60) { return random.number(0...200) }
        return entries > 0 && random.one(in: 2) ? random.number(62...61 + entries) : random.number(1...61)
    }

    private mutating func string() -> [UInt8] {
        switch random.number(0...9) {
        case 0: Block.string([])
        case 1: Block.string([UInt8](repeating: 0x78, count: random.number(100...4200)))
        case 2: [0x7f, 0x80, 0x80, 0x00] + random.bytes(127)
        case 3...4: Block.coded(Self.codes[random.number(0...3)])
        default: Block.string(random.bytes(random.number(0...20)))
        }
    }
}
