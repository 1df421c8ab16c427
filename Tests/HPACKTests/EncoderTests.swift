import Testing

@testable import HPACK

@Suite struct `HPACK encoder` {
    private static let response = [
        Field(":status", "200"), Field("content-type", "application/grpc"), Field("grpc-encoding", "gzip"),
    ]

    @Test func `a list is a few bytes from the second time on`() throws {
        var side = Side()
        let list = side.list(Self.response)
        let first = try side.encode(list)
        let second = try side.encode(list)
        #expect(first.count > 30)
        #expect(second == [0x88, 0xbf, 0xbe])
        for _ in 0..<100 { #expect(try side.encode(list) == second) }
    }

    @Test func `equal lists share the fields of the table`() throws {
        var side = Side()
        _ = try side.encode(side.list(Self.response))
        #expect(try side.encode(side.list(Self.response)).count == 3)
    }

    @Test func `a list moves back in the table as others enter`() throws {
        var side = Side()
        let list = side.list(Self.response)
        _ = try side.encode(list)
        let second = try side.encode(list)
        _ = try side.encode(side.list([Field("grpc-status", "0")]))
        let third = try side.encode(list)
        #expect(third == [0x88, 0xc0, 0xbf])
        #expect(third != second)
    }

    @Test func `fields sent once do not enter the table`() throws {
        var side = Side()
        let list = side.list(Self.response)
        _ = try side.encode(list)
        let second = try side.encode(list)
        let once = [Field("grpc-message", "no"), Field("bin", String(repeating: "\u{0}", count: 5000))]
        #expect(try side.encodeOnce(once).count > 5000)
        #expect(try side.encode(list) == second)
    }

    @Test func `a list with a field larger than the table still decodes`() throws {
        var side = Side()
        for count in [4063, 4064, 4065, 6000] {
            let large = Field("", String(repeating: "x", count: count))
            let list = side.list(Self.response + [large] + [Field("after", "it")])
            for _ in 0..<4 { _ = try side.encode(list) }
        }
    }

    @Test(arguments: [4096, 300] as [UInt32])
    func `a field larger than the table leaves the others in it`(size: UInt32) throws {
        var side = Side()
        side.resize(to: size)
        let large = Field("grpc-message", String(repeating: "x", count: Int(size)))
        let list = side.list(Self.response + [large] + [Field("after", "it")])
        _ = try side.encode(list)
        let second = try side.encode(list)
        #expect(second.count < Int(size) + 25)
        #expect(try side.encode(list) == second)
    }

    @Test func `a list larger than the table still decodes`() throws {
        var side = Side()
        let list = side.list((0..<40).map { Field("name-\($0)", String(repeating: "v", count: 100)) })
        for _ in 0..<4 { _ = try side.encode(list) }
        side.resize(to: 300)
        for _ in 0..<4 { _ = try side.encode(list) }
    }

    @Test func `a smaller table is told at the beginning of the next block`() throws {
        var side = Side()
        let list = side.list(Self.response)
        _ = try side.encode(list)
        side.resize(to: 0)
        let alone = try side.encode(list)
        #expect(alone.first == 0x20)
        // No table is left, so the block is as long as ever, and without the size from then on.
        #expect(try side.encode(list) == Array(alone.dropFirst()))
    }

    @Test func `a table that shrank and grew again is told as both`() throws {
        var side = Side()
        let list = side.list(Self.response)
        let first = try side.encode(list)
        side.resize(to: 100)
        side.resize(to: 40)
        side.resize(to: 4096)
        #expect(try side.encode(list) == Block.size(40) + Block.size(4096) + first)
        side.resize(to: 64)
        side.resize(to: 200)
        #expect(try side.encodeOnce([]) == Block.size(64) + Block.size(200))
        #expect(try side.encodeOnce([]) == [])
    }

    @Test func `a table larger than 4096 bytes is not used`() throws {
        var side = Side()
        let list = side.list(Self.response)
        let first = try side.encode(list)
        side.resize(to: 65_536)
        #expect(try side.encode(list).count == 3)
        side.resize(to: 4096)
        side.resize(to: .max)
        #expect(try side.encode(list).count == 3)
        #expect(first[0] == 0x88)
    }

    @Test func `more lists than are remembered alternate`() throws {
        var side = Side()
        let lists = (0..<20).map { side.list(Self.response + [Field("number", "\($0)")]) }
        for list in lists { _ = try side.encode(list) }
        for _ in 0..<3 {
            for list in lists { #expect(try side.encode(list).count == 4) }
        }
        #expect(side.knownCount == 8)
    }
}

/// An encoder of ours, and nghttp2's and our decoder on the other side, to which every block goes.
private struct Side {
    private var encoder = HeaderEncoder()
    private var decoder = HeaderDecoder()
    private let judge = Inflater()

    /// A list, and what must come out of it.
    struct Known {
        let list: HeaderList
        let fields: [Field]
    }

    func list(_ fields: [Field]) -> Known {
        let texts = fields.map { field in
            (String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self))
        }
        return Known(list: HeaderList(texts), fields: fields)
    }

    /// How many blocks the encoder has kept.
    var knownCount: Int? { (Mirror(reflecting: encoder).descendant("known") as? any Collection)?.count }

    mutating func resize(to bytes: UInt32) {
        encoder.resizeTable(to: bytes)
        judge.resizeTable(to: Int(bytes))
    }

    mutating func encode(_ known: Known) throws -> [UInt8] {
        // Blocks are appended to what is there.
        var bytes: [UInt8] = [1, 2, 3]
        encoder.encode(known.list, into: &bytes)
        #expect(bytes.prefix(3) == [1, 2, 3])
        return try checked(Array(bytes.dropFirst(3)), known.fields)
    }

    mutating func encodeOnce(_ fields: [Field]) throws -> [UInt8] {
        var bytes: [UInt8] = []
        encoder.encodeOnce(
            fields.map { (String(decoding: $0.name, as: UTF8.self), $0.value) }, into: &bytes)
        return try checked(bytes, fields)
    }

    private mutating func checked(_ block: [UInt8], _ fields: [Field]) throws -> [UInt8] {
        try #require(judge.read(block) == Reading(fields: fields))
        try #require(decoder.fields(block) == fields)
        try #require(decoder.tableFields == judge.tableFields)
        return block
    }
}
