import Testing

@testable import HPACK

@Suite struct `HPACK dynamic table` {
    @Test func `it keeps what fits with 32 bytes for each, newest first`() {
        var table = DynamicTable(sizeMax: 100)
        for text in ["a", "b", "c", "d"] { table.insert(Field(text, text)) }
        #expect(table.size == 68)
        #expect(table.fields == [Field("d", "d"), Field("c", "c")])
        table.insert(Field("ab", ""))
        #expect(table.size == 68)
        table.insert(Field("", String(repeating: "x", count: 68)))
        #expect(table.size == 100)
        #expect(table.count == 1)
    }

    @Test func `a field larger than all of it empties it`() {
        var table = DynamicTable(sizeMax: 100)
        table.insert(Field("a", "b"))
        table.insert(Field("", String(repeating: "x", count: 69)))
        #expect(table.count == 0 && table.size == 0)
        table.insert(Field("a", "b"))
        #expect(table.fields == [Field("a", "b")])
    }

    @Test func `a smaller size drops the oldest, a larger one brings nothing back`() {
        var table = DynamicTable(sizeMax: 4096)
        for number in 0..<10 { table.insert(Field("n", "\(number)")) }
        table.resize(to: 2 * 34 + 33)
        #expect(table.fields == [Field("n", "9"), Field("n", "8")])
        table.resize(to: 4096)
        #expect(table.count == 2)
        table.resize(to: 0)
        #expect(table.count == 0)
        table.insert(Field("", ""))
        #expect(table.count == 0)
    }

    @Test func `every change is counted`() {
        var table = DynamicTable(sizeMax: 100)
        var last = table.changes
        for change in [
            { $0.insert(Field("a", "b")) }, { $0.resize(to: 40) }, { $0.resize(to: 20) },
            { $0.insert(Field("c", "d")) },
        ] as [(inout DynamicTable) -> Void] {
            change(&table)
            #expect(table.changes != last)
            last = table.changes
        }
    }

    /// Bytes and entries, each for itself: fields without a byte leave entries only, and a client that
    /// repeats 0x40 0x00 0x00 could fill the memory with them.
    @Test(arguments: [0, 1, 30, 2000])
    func `what was dropped is let go`(valueCount: Int) throws {
        var table = DynamicTable(sizeMax: 4096)
        let field = Field([], [UInt8](repeating: 1, count: valueCount))
        for _ in 0..<20_000 { table.insert(field) }
        #expect(table.count == 4096 / (32 + valueCount))
        for (label, array) in Mirror(reflecting: table).children where array is any Collection {
            let count = Mirror(reflecting: array).children.count
            #expect(count <= 3 * 4096, "\(label ?? "")")
        }
    }
}

extension DynamicTable {
    fileprivate mutating func insert(_ field: Field) {
        unsafe field.name.withUnsafeBytes { name in
            unsafe field.value.withUnsafeBytes { unsafe insert(name, $0) }
        }
    }

    fileprivate var fields: [Field] {
        (0...count).compactMap { place in
            unsafe withField(place) { unsafe Field(Array($0), Array($1)) }
        }
    }
}
