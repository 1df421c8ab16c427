import Backend
import Testing

/// What is read of a database file page by page, with and without damage.
@Suite struct PageScanTests {
    private struct Found: Equatable {
        var place: PageScan.Place
        var key: [UInt8]
        var value: [UInt8]
    }

    private func scan(_ path: String) throws -> (found: [Found], damages: [BackendError]) {
        var (found, damages) = ([Found](), [BackendError]())
        try PageScan(path: path).forEach(report: { damages.append($0) }) { place, key, value in
            found.append(Found(place: place, key: key, value: value))
        }
        return (found, damages)
    }

    /// A database whose leaves are written once: every tenth value has pages of its own. Answers its records.
    private func makeFile(_ scratch: Scratch) throws -> [[UInt8]: [UInt8]] {
        var records: [[UInt8]: [UInt8]] = [:]
        let environment = try Environment(path: scratch.database)
        var transaction = try environment.write()
        for number in 0..<200 {
            let value = [UInt8](repeating: UInt8(number), count: number % 10 == 3 ? 9000 : 200)
            records[bytes("k\(1000 + number)")] = value
            try transaction.put(.key, bytes("k\(1000 + number)"), value)
        }
        try transaction.commit()
        return records
    }

    private func isOurs(_ found: Found) -> Bool {
        found.key.count == 5 && found.key.first == UInt8(ascii: "k")
    }

    @Test func `every record is found, in the page that bears its number`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let records = try makeFile(scratch)
        let (found, damages) = try scan(scratch.database)
        #expect(damages == [])
        let ours = found.filter(isOurs)
        #expect(ours.count == records.count)
        for each in ours { #expect(records[each.key] == each.value) }
        for (page, there) in Dictionary(grouping: ours, by: \.place.page) {
            #expect(page >= 2)
            #expect(there.map(\.place.index) == Array(0..<there.count))
            #expect(there.allSatisfy { $0.place.indexLast == there.count - 1 })
        }
    }

    @Test func `without any meta page all is found all the same`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let records = try makeFile(scratch)
        let file = readFile(scratch.database)
        writeFile(scratch.database, [UInt8](repeating: 0xff, count: 8192) + file[8192...])
        #expect(try scan(scratch.database).found.filter(isOurs).count == records.count)
    }

    @Test func `a node that leaves its page is reported with its place, and the others are read`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let records = try makeFile(scratch)
        let before = try scan(scratch.database).found
        let victim = try #require(before.first { isOurs($0) && $0.value.count == 200 })
        let pointer = Int(victim.place.page) * 4096 + 16 + 2 * victim.place.index
        var file = readFile(scratch.database)
        // 4094: the node would begin at the page's last bytes.
        (file[pointer], file[pointer + 1]) = (0xfe, 0x0f)
        writeFile(scratch.database, file)
        let (found, damages) = try scan(scratch.database)
        #expect(damages == [.corrupted(path: scratch.database, offset: pointer)])
        #expect(found.filter(isOurs).count == records.count - 1)
        #expect(!found.contains(victim))
    }

    @Test func `a value whose own pages are gone is reported, and none is made up`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let records = try makeFile(scratch)
        let file = readFile(scratch.database)
        for pages in [2, 3, 10, file.count / 4096 / 2] {
            writeFile(scratch.database, Array(file[..<(pages * 4096 + 77)]))
            let (found, damages) = try scan(scratch.database)
            for each in found.filter(isOurs) { #expect(records[each.key] == each.value) }
            #expect(found.filter(isOurs).count < records.count)
            for case .corrupted(_, let offset) in damages { #expect(offset < pages * 4096) }
        }
    }

    @Test func `a file that is none gives nothing, and one that is not there an error`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        for file in [[], [1], [UInt8](repeating: 0, count: 20_000), [UInt8](repeating: 0xff, count: 20_000)] {
            writeFile(scratch.database, file)
            let (found, damages) = try scan(scratch.database)
            #expect(found.isEmpty && damages.isEmpty)
        }
        #expect(throws: BackendError.system(call: "open", path: "/nonexistent", errno: 2)) {
            try scan("/nonexistent")
        }
    }
}
