import Bolt
import Foundation
import Testing

@Suite struct BoltWriterTests {
    @Test(arguments: [0, 1, 2, 3, 50, 700, 5000], [512, 4096])
    func `what is written is read, in either order`(count: Int, pageSize: Int) throws {
        var random = Seeded(UInt64(count))
        var pairs: [Pair] = []
        for number in 0..<count {
            // Mostly small, some of several pages.
            let size = number % 97 == 5 ? 9000 : Int.random(in: 0...60, using: &random)
            let digits = Array(String(1_000_000 + number).utf8)
            pairs.append(Pair(key: digits, value: (0..<size).map { UInt8(truncatingIfNeeded: $0 ^ number) }))
        }
        let scratch = Scratch()
        let path = scratch.file("db")
        let buckets = [("a", []), ("key", pairs), ("z", [Pair(key: [1], value: [2])])]
        let size = try write(buckets, to: path, pageSize: pageSize)
        #expect(contents(path).count == Int(size))
        let file = try BoltFile(path: path)
        #expect(damages(of: file) == [])
        let found = try file.buckets()
        #expect(found.map { String(decoding: $0.name, as: UTF8.self) } == ["a", "key", "z"])
        #expect(try BoltTests.pairs(of: found[1], in: file) == pairs)
        #expect(try BoltTests.pairs(of: found[1], in: file, .descending) == pairs.reversed())
        #expect(try BoltTests.pairs(of: found[0], in: file) == [])
        #expect(file.meta.freeList == nil && file.meta.transaction == 2)
    }

    @Test func `keys and buckets that do not ascend are refused`() throws {
        let scratch = Scratch()
        let path = scratch.file("db")
        let twice = [Pair(key: [5], value: []), Pair(key: [5], value: [])]
        #expect(throws: BoltError.unordered(path: path, key: [5])) {
            _ = try write([("b", twice)], to: path, pageSize: 4096)
        }
        #expect(throws: BoltError.unordered(path: path, key: Array("a".utf8))) {
            _ = try write([("b", []), ("a", [])], to: path, pageSize: 4096)
        }
    }
}

@Suite struct BoltFileTests {
    static func fixture() throws -> String {
        try #require(
            Bundle.module.url(
                forResource: "etcd-3.4.23.snapshot", withExtension: "db", subdirectory: "Fixtures")
        ).path
    }

    @Test func `a file of a real etcd is read whole`() throws {
        let file = try BoltFile(path: Self.fixture())
        #expect(file.size == 20512 && file.meta.pageSize == 4096 && file.meta.highWater == 5)
        #expect(file.meta.freeList == nil && file.otherMetaFault == nil)
        var damages: [BoltError] = []
        let statistics = file.check { damages.append($0) }
        #expect(damages == [])
        #expect(statistics.keys == 28 && statistics.inlineBuckets > 0 && statistics.pages == 5)
        let names = try file.buckets().map { String(decoding: $0.name, as: UTF8.self) }
        #expect(
            names == [
                "alarm", "auth", "authRoles", "authUsers", "cluster", "key", "lease", "members",
                "members_removed", "meta",
            ])
        let keys = try #require(try file.bucket(named: "key"))
        let first = try #require(try pairs(of: keys, in: file).first)
        #expect(first.key.count == 17 && first.value.prefix(5) == [0x0a, 3, 0x66, 0x6f, 0x6f])
        let users = try #require(try file.bucket(named: "authUsers"))
        #expect(
            try pairs(of: users, in: file).map { String(decoding: $0.key, as: UTF8.self) } == ["bob", "root"])
    }

    @Test func `a file that is none says so`() throws {
        let scratch = Scratch()
        let empty = scratch.file("empty")
        #expect(throws: BoltError.damaged(path: empty, offset: 0, .notBolt)) { try BoltFile(path: empty) }
        let text = scratch.file("text", Array(repeating: 0x41, count: 9000))
        #expect(throws: BoltError.damaged(path: text, offset: 0, .notBolt)) { try BoltFile(path: text) }
        #expect(throws: BoltError.system(call: "open", path: "/nonexistent", errno: 2)) {
            try BoltFile(path: "/nonexistent")
        }
    }

    @Test func `one damaged meta page is survived and named`() throws {
        let scratch = Scratch()
        for place in [0, 4096] {
            var bytes = contents(try Self.fixture())
            bytes[place + 20] ^= 1  // its version
            let file = try BoltFile(path: scratch.file("db\(place)", bytes))
            #expect(
                file.otherMetaFault
                    == .damaged(path: file.path, offset: UInt64(place), .version(3)))
            #expect(try file.buckets().count == 10)
        }
    }

    /// Every read of the file ends, and what it says about damage lies in the file.
    private func read(_ path: String, size: Int) -> [BoltError] {
        var damages: [BoltError] = []
        do {
            let file = try BoltFile(path: path)
            let statistics = file.check { damages.append($0) }
            #expect(statistics.keys < 10_000)
            for bucket in try file.buckets() { _ = try pairs(of: bucket, in: file) }
        } catch let error as BoltError {
            damages.append(error)
        } catch {
            Issue.record(error)
        }
        for damage in damages {
            guard case .damaged(_, let offset, _) = damage else {
                Issue.record("\(damage)")
                continue
            }
            #expect(offset <= size, "\(damage)")
        }
        return damages
    }

    private static func small() throws -> [UInt8] {
        let scratch = Scratch()
        let path = scratch.file("db")
        let pairs = (0..<40).map { Pair(key: Array("key\(100 + $0)".utf8), value: Array("value \($0)".utf8)) }
        let large = [Pair(key: [1], value: [UInt8](repeating: 7, count: 1500)), Pair(key: [2], value: [])]
        _ = try write([("a", pairs), ("b", large), ("c", [])], to: path, pageSize: 512)
        return contents(path)
    }

    @Test func `every flipped bit of a small file is survived, in the structure it is named`() throws {
        let bytes = try Self.small()
        let scratch = Scratch()
        let path = scratch.file("db", bytes)
        let descriptor = unsafe open(path, O_RDWR)
        defer { close(descriptor) }
        var silent = 0
        for position in bytes.indices {
            for bit in 0..<8 {
                var byte = bytes[position] ^ (1 << UInt8(bit))
                #expect(unsafe pwrite(descriptor, &byte, 1, off_t(position)) == 1)
                if read(path, size: bytes.count).isEmpty { silent += 1 }
            }
            var byte = bytes[position]
            #expect(unsafe pwrite(descriptor, &byte, 1, off_t(position)) == 1)
        }
        // Values, padding and most bits of keys bear no check; the structure does.
        #expect(silent < bytes.count * 8 && silent > 0)
        #expect(read(path, size: bytes.count).isEmpty)
    }

    @Test func `every truncation of a small file is named`() throws {
        let bytes = try Self.small()
        let scratch = Scratch()
        for size in 0..<bytes.count {
            let path = scratch.file("db", Array(bytes[..<size]))
            #expect(!read(path, size: size).isEmpty, "\(size)")
        }
    }

    @Test func `a page that is its own child ends the walk`() throws {
        var bytes = try Self.small()
        // The branch of bucket a: its first child becomes itself.
        let branch = try #require(
            stride(from: 1024, to: bytes.count, by: 512).first { bytes[$0 + 8] == 1 })
        for index in 0..<8 { bytes[branch + 16 + 8 + index] = bytes[branch + index] }
        let scratch = Scratch()
        let path = scratch.file("db", bytes)
        let found = read(path, size: bytes.count)
        let number = UInt64(branch / 512)
        #expect(found.contains(.damaged(path: path, offset: UInt64(branch), .pageTwice(number))))
    }
}
