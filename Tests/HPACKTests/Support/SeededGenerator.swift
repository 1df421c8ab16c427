/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func one(in count: Int) -> Bool { number(1...count) == 1 }
    mutating func bytes(_ count: Int, in range: ClosedRange<UInt8> = 0...255) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: range, using: &self) }
    }
}

/// Draws fields of which some come again and again, whole or by their name.
struct FieldSource {
    var random: SeededGenerator
    private var seen: [Field] = []

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private static let common = [
        Field(":method", "GET"), Field(":method", "POST"), Field(":status", "200"), Field(":path", "/"),
        Field(":path", "/etcdserverpb.KV/Range"), Field("content-type", "application/grpc"),
        Field("accept-encoding", "gzip, deflate"), Field("authorization", "secret"), Field("cookie", "a"),
        Field("te", "trailers"), Field("grpc-status", "0"), Field("www-authenticate", ""),
    ]

    mutating func list() -> [Field] { (0..<random.number(0...12)).map { _ in field() } }

    mutating func field() -> Field {
        let field: Field
        switch random.number(0...9) {
        case 0...3: field = seen.isEmpty ? Self.common[0] : seen[random.number(0...seen.count - 1)]
        case 4...5: field = Self.common[random.number(0...Self.common.count - 1)]
        case 6: field = Field(Self.common[random.number(0...Self.common.count - 1)].name, text())
        case 7 where !seen.isEmpty: field = Field(seen[random.number(0...seen.count - 1)].name, text())
        default: field = Field(text(), text())
        }
        if seen.count < 40 { seen.append(field) } else { seen[random.number(0...39)] = field }
        return field
    }

    /// Short or long, readable or not; some do not fit into a table of 4096 bytes, some just.
    private mutating func text() -> [UInt8] {
        switch random.number(0...19) {
        case 0: []
        case 1: random.bytes(random.number(100...1000))
        case 2: [UInt8](repeating: random.bytes(1)[0], count: random.number(100...6000))
        case 3: [UInt8](repeating: 0x61, count: 4064 - random.number(0...40))
        case 4...7: random.bytes(random.number(1...40))
        default: random.bytes(random.number(1...20), in: 0x61...0x7a)
        }
    }
}
