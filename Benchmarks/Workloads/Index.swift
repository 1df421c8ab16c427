import MVCC

extension Workload {
    /// The index of keys, with the tail behind an insertion; 100,000 keys, looked up far from each other.
    static var index: [Workload] {
        [
            Workload("index.find") { try FindOperation() },
            Workload("index.insert") { try InsertOperation() },
        ]
    }
}

private let stored = 100_000

/// A selection that counts and reads no record: the lock, the way down the tree, and the bounds.
private final class FindOperation: Operation {
    private let store: LocalStore
    private let reader: KeyspaceReader
    private var range = KeyRange(key: Sample.key(0))
    private var number = 0

    init() throws {
        store = try LocalStore(keys: stored)
        reader = store.keyspace.makeReader()
    }

    func run(_ count: Int) throws {
        var options = SelectionOptions()
        options.isCountOnly = true
        for _ in 0..<count {
            number = (number + 70_001) % stored
            range.start.write(number, at: Sample.prefix.count)
            let found = try reader.select(range, options: options)
            precondition(found.count == 1, "the key is there")
            found.release()
        }
    }
}

/// A write of one new key between two that are there: the way down, a place in a page, a place in the tail.
private final class InsertOperation: Operation {
    private let store: LocalStore
    private var key = Sample.key(0) + [0]
    private var inserted = 0

    init() throws { store = try LocalStore(keys: stored) }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            setKey(inserted)
            inserted += 1
            var write = store.keyspace.beginWrite()
            write.put(key: key, value: Sample.value, lease: 0)
            write.commit()
        }
    }

    func settle() throws {
        var write = store.keyspace.beginWrite()
        for number in 0..<inserted {
            setKey(number)
            write.delete(key: key)
        }
        write.commit()
        inserted = 0
        try store.settle()
    }

    /// A stored key and one byte more, far from the one before.
    private func setKey(_ number: Int) {
        key.write(number * 70_001 % stored, at: Sample.prefix.count)
        key[key.count - 1] = UInt8(truncatingIfNeeded: number / stored)
    }
}
