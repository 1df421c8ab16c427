import Backend
import Glibc
import Testing

@Suite struct EnvironmentTests {
    @Test func `what was committed is there after the file is opened again`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let environment = try Environment(path: scratch.database)
            for bucket in Bucket.allCases { try environment.put(bucket, "name", bytes(bucket.name)) }
        }
        let environment = try Environment(path: scratch.database)
        let transaction = try environment.read()
        for bucket in Bucket.allCases {
            #expect(try transaction.value(bucket, bytes("name")) == bytes(bucket.name))
            #expect(try transaction.count(bucket) == 1)
            #expect(Bucket(name: bucket.name) == bucket)
        }
        #expect(Bucket(name: "cellar") == nil)
        var status = stat()
        #expect(unsafe stat(scratch.database, &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test func `an aborted or dropped write leaves nothing`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        try environment.put(.lease, "a", [1])
        do {
            var transaction = try environment.write()
            try transaction.put(.lease, bytes("b"), [2])
            try transaction.delete(.lease, key: bytes("a"))
            transaction.abort()
        }
        do {
            var transaction = try environment.write()
            try transaction.put(.lease, bytes("c"), [3])
        }
        #expect(try environment.contents() == [bytes("lease/a"): [1]])
    }

    @Test func `a view stays as it was while others write`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        try environment.put(.meta, "k", [1])
        let view = try environment.read()
        try environment.put(.meta, "k", [2])
        #expect(try view.value(.meta, bytes("k")) == [1])
        #expect(try environment.read().value(.meta, bytes("k")) == [2])
    }

    @Test func `many views may be open on one thread, and one too many is said`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        final class Holder {
            var view: ReadTransaction?
            init(_ view: consuming ReadTransaction) { self.view = consume view }
        }
        var views: [Holder] = []
        for _ in 0..<1000 { views.append(Holder(try environment.read())) }
        #expect(throws: BackendError.tooManyReaders) {
            for _ in 0..<100 { views.append(Holder(try environment.read())) }
        }
        views = []
        _ = try environment.read()
    }

    @Test func `a key beyond 511 bytes is refused and names its size`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let environment = try Environment(path: scratch.database)
        var transaction = try environment.write()
        #expect(throws: BackendError.keyTooLong(size: 512)) {
            try transaction.put(.authUsers, [UInt8](repeating: 1, count: 512), [])
        }
        transaction.abort()
        #expect(try environment.read().value(.authUsers, [UInt8](repeating: 1, count: 512)) == nil)
    }

    @Test func `a second opening of the same file is refused, also from another process`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do {
            let environment = try Environment(path: scratch.database)
            #expect(throws: BackendError.locked(path: scratch.database)) {
                try Environment(path: scratch.database)
            }
            #expect(try lockFromOutside(scratch.database + ".lock") == 1)
            try environment.defragment()
            #expect(throws: BackendError.locked(path: scratch.database)) {
                try Environment(path: scratch.database)
            }
        }
        #expect(try lockFromOutside(scratch.database + ".lock") == 0)
        _ = try Environment(path: scratch.database)
    }

    /// Exit code of `flock -n path true`: 1 when another process holds it.
    private func lockFromOutside(_ path: String) throws -> Int32 {
        let words = ["flock", "-n", path, "true"]
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        var process: pid_t = 0
        let code = unsafe posix_spawnp(&process, "flock", nil, nil, &arguments, environ)
        try #require(code == 0)
        var status: Int32 = 0
        try #require(unsafe waitpid(process, &status, 0) == process)
        return status >> 8 & 0xff
    }

    @Test func `a missing directory and a directory in the file's place are errors with their path`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        let missing = scratch.path + "/none/db"
        #expect(throws: BackendError.system(call: "open", path: missing + ".lock", errno: ENOENT)) {
            try Environment(path: missing)
        }
        #expect(unsafe mkdir(scratch.database, 0o700) == 0)
        #expect(throws: BackendError.corrupted(path: scratch.database, offset: 0)) {
            try Environment(path: scratch.database)
        }
        unsafe rmdir(scratch.database)
    }

    @Test func `a full map is reported as full and the next commit works`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        var options = Environment.Options()
        options.mapSize = 1 << 20
        let environment = try Environment(path: scratch.database, options: options)
        var transaction = try environment.write()
        #expect(throws: BackendError.full) {
            for number in 0..<1000 {
                try transaction.put(.cluster, bytes("k\(number)"), [UInt8](repeating: 7, count: 4000))
            }
        }
        transaction.abort()
        try environment.put(.cluster, "small", [1])
        #expect(try environment.contents() == [bytes("cluster/small"): [1]])
    }

    @Test func `a bulk load replaces the file at once and leaves nothing else behind`() throws {
        let scratch = Scratch()
        defer { withExtendedLifetime(scratch) {} }
        do { try Environment(path: scratch.database).put(.meta, "old", [1]) }
        do {
            var load = try BulkLoad(replacing: scratch.database)
            try load.add(.meta, key: bytes("new"), value: [2])
        }
        #expect(try Environment(path: scratch.database).contents() == [bytes("meta/old"): [1]])
        var load = try BulkLoad(replacing: scratch.database)
        for number in 0..<500 { try load.add(.lease, key: bytes("l\(number)"), value: bytes("\(number)")) }
        try load.finish()
        let contents = try Environment(path: scratch.database).contents()
        #expect(contents.count == 500 && contents[bytes("lease/l499")] == bytes("499"))
        #expect(scratch.names == ["db", "db-lock", "db.lock"])
    }
}
