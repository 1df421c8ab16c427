import Backend
import Glibc
import Testing

@Suite struct DefragmentTests {
    private func fill(_ environment: Environment, _ numbers: Range<Int>) throws {
        var transaction = try environment.write()
        for number in numbers {
            try transaction.put(
                .key, bytes("k\(number + 1_000_000)"), [UInt8](repeating: UInt8(number & 0xff), count: 500))
        }
        try transaction.commit()
    }

    private func remove(_ environment: Environment, _ numbers: Range<Int>) throws {
        var transaction = try environment.write()
        for number in numbers { try transaction.delete(.key, key: bytes("k\(number + 1_000_000)")) }
        try transaction.commit()
    }

    @Test func `it shrinks the file, keeps every record, and readers of before go on`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        try fill(environment, 0..<4000)
        let view = try environment.read()
        try remove(environment, 0..<3900)
        let before = try environment.contents()
        let (size, used) = (environment.sizeOnDisk, environment.sizeInUse)
        #expect(used < size / 2)
        try environment.defragment()
        #expect(environment.sizeOnDisk < size / 4)
        #expect(environment.sizeInUse <= environment.sizeOnDisk)
        #expect(try environment.contents() == before)
        #expect(try view.count(.key) == 4000)
        #expect(try view.value(.key, bytes("k1000000")) == [UInt8](repeating: 0, count: 500))
        try fill(environment, 0..<10)
        #expect(try view.count(.key) == 4000)
        #expect(try environment.read().count(.key) == 110)
        #expect(scratch.names == ["db", "db-lock", "db.lock"])
    }

    @Test func `what is written after it is in the file that is opened next`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let environment = try Environment(path: scratch.database)
            for round in 0..<3 {
                try fill(environment, round * 100..<round * 100 + 100)
                try environment.defragment()
            }
            try fill(environment, 300..<400)
        }
        #expect(try Environment(path: scratch.database).read().count(.key) == 400)
    }

    @Test func `what an interrupted one left is removed at the next opening`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do { try Environment(path: scratch.database).put(.meta, "k", [1]) }
        for suffix in [".tmp.12ab", ".tmp.12ab-lock", ".tmp.12ab.lock"] {
            writeFile(scratch.database + suffix, [1, 2, 3])
        }
        #expect(try Environment(path: scratch.database).contents() == [bytes("meta/k"): [1]])
        #expect(scratch.names == ["db", "db-lock", "db.lock"])
    }

    @Test func `when the copy cannot be made the old file stays in use`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        try environment.put(.meta, "k", [1])
        // Root writes anywhere: the directory's name goes instead.
        let elsewhere = scratch.path + "-moved"
        #expect(unsafe rename(scratch.path, elsewhere) == 0)
        #expect(throws: BackendError.self) { try environment.defragment() }
        #expect(unsafe rename(elsewhere, scratch.path) == 0)
        try environment.put(.meta, "l", [2])
        #expect(try environment.contents() == [bytes("meta/k"): [1], bytes("meta/l"): [2]])
        try environment.defragment()
        #expect(try environment.contents().count == 2)
    }

    @Test func `sizes follow what is written and deleted`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        let empty = environment.sizeInUse
        try fill(environment, 0..<2000)
        let full = environment.sizeInUse
        #expect(full > empty + 2000 * 500 && environment.sizeOnDisk >= full)
        try remove(environment, 0..<2000)
        try environment.put(.meta, "k", [1])
        #expect(environment.sizeInUse < full / 4)
        #expect(environment.sizeOnDisk >= full)
    }
}
