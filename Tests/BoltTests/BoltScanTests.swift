import Bolt
import Foundation
import Testing

/// What is read of a file page by page, with and without damage.
@Suite struct BoltScanTests {
    private struct Found: Equatable {
        var place: BoltScan.Place
        var pair: Pair
    }

    private func scan(_ path: String) throws -> (found: [Found], damages: [BoltError]) {
        var (found, damages) = ([Found](), [BoltError]())
        try BoltScan(path: path).forEach(report: { damages.append($0) }) { place, key, value in
            let pair = unsafe Pair(
                key: key.withUnsafeBytes { unsafe Array($0) },
                value: value.withUnsafeBytes { unsafe Array($0) })
            found.append(Found(place: place, pair: pair))
        }
        return (found, damages)
    }

    /// Buckets `a` and `b` of numbered keys; every hundredth value fills several pages.
    private func makeFile(_ scratch: Scratch, pageSize: Int = 4096) throws -> (path: String, pairs: [Pair]) {
        let pairs = (0..<400).map { number in
            Pair(
                key: Array("k\(1000 + number)".utf8),
                value: [UInt8](repeating: UInt8(number % 251), count: number % 100 == 7 ? 9000 : 40))
        }
        let path = scratch.file("db")
        let half = pairs.count / 2
        _ = try write(
            [("a", Array(pairs[..<half])), ("b", Array(pairs[half...]))], to: path, pageSize: pageSize)
        return (path, pairs)
    }

    private func change(_ path: String, at offset: Int, to byte: UInt8) {
        var bytes = contents(path)
        bytes[offset] = byte
        let file = URL(filePath: path)
        #expect(throws: Never.self) { try Data(bytes).write(to: file) }
    }

    @Test(arguments: [512, 4096]) func `every record is found, in the page that bears its number`(
        pageSize: Int
    ) throws {
        let scratch = Scratch()
        let (path, pairs) = try makeFile(scratch, pageSize: pageSize)
        let (found, damages) = try scan(path)
        #expect(damages == [])
        let records = found.filter { $0.pair.key.first == UInt8(ascii: "k") }
        #expect(records.map(\.pair).sorted { $0.key.lexicographicallyPrecedes($1.key) } == pairs)
        for (page, there) in Dictionary(grouping: found, by: \.place.page) {
            #expect(page >= 2 && page < UInt64(contents(path).count / pageSize))
            #expect(there.map(\.place.index) == Array(0..<there.count))
            #expect(there.allSatisfy { $0.place.indexLast == there.count - 1 })
        }
    }

    @Test func `without any meta page all is found all the same`() throws {
        let scratch = Scratch()
        let (path, pairs) = try makeFile(scratch)
        var bytes = contents(path)
        for place in 0..<8192 { bytes[place] = 0xff }
        try Data(bytes).write(to: URL(filePath: path))
        let (found, _) = try scan(path)
        #expect(found.filter { $0.pair.key.first == UInt8(ascii: "k") }.count == pairs.count)
    }

    @Test func `inline buckets of a real etcd are looked into`() throws {
        let (found, damages) = try scan(BoltFileTests.fixture())
        #expect(damages == [])
        let keys = found.map { String(decoding: $0.pair.key, as: UTF8.self) }
        #expect(keys.contains("bob") && keys.contains("consistent_index"))
    }

    @Test func `a record that leaves its page is reported with its place, and the others are read`() throws {
        let scratch = Scratch()
        let (path, pairs) = try makeFile(scratch)
        let leaf = try #require(try scan(path).found.first { $0.place.index == 0 })
        let element = Int(leaf.place.page) * 4096 + 16
        change(path, at: element + 15, to: 0x7f)  // the highest byte of the first element's value size
        let (found, damages) = try scan(path)
        #expect(damages == [.damaged(path: path, offset: UInt64(element), .element(0))])
        #expect(found.filter { $0.pair.key.first == UInt8(ascii: "k") }.count == pairs.count - 1)
        #expect(!found.contains(leaf))
    }

    @Test func `a file that ends within a value gives what is before`() throws {
        let scratch = Scratch()
        let (path, pairs) = try makeFile(scratch)
        let whole = contents(path)
        for pages in [0, 1, 2, 3, 5, 9, whole.count / 4096 - 1] {
            let cut = scratch.file("cut\(pages)", Array(whole[..<(pages * 4096 + 100)]))
            let (found, _) = try scan(cut)
            for each in found where each.pair.key.first == UInt8(ascii: "k") {
                #expect(pairs.contains(each.pair))
            }
            if pages <= 2 { #expect(found.isEmpty) }
        }
    }

    @Test func `a file that is none gives nothing, and one that is not there an error`() throws {
        let scratch = Scratch()
        let zeros = [UInt8](repeating: 0, count: 20_000)
        for bytes in [[], [1], zeros, [UInt8](repeating: 0xff, count: 20_000)] {
            let (found, damages) = try scan(scratch.file("x\(bytes.count)-\(bytes.first ?? 0)", bytes))
            #expect(found.isEmpty && damages.isEmpty)
        }
        #expect(throws: BoltError.system(call: "open", path: "/nonexistent", errno: 2)) {
            try scan("/nonexistent")
        }
    }
}
