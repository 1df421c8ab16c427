import CPlatform
import Backend
import Synchronization

/// The answer of HashKV.
package struct KeyspaceHash: Sendable, Equatable {
    package var hash: UInt32
    /// The compacted revision it was computed under; -1 for none.
    package var compactRevision: Int64
    package var hashRevision: Int64
}

/// Which records HashKV feeds: rules 3 and 4 of spec/api.md 16.
struct HashRule {
    /// R of the spec.
    let revision: Int64
    /// C of the spec.
    let compacted: Int64
    /// Whether no key lives at `revision`.
    let isKeepEmpty: Bool

    /// Whether the answer depends on the record being the kept one of its key.
    func asksForKept(_ key: RevisionKey) -> Bool { key.revision.main <= compacted }

    /// The revision at which the kept record of a key is its newest.
    ///
    /// Where no key lives at R the spec takes every record at or below C that is there. That is what the
    /// compaction at C leaves of them once it is finished; asked for here at once, or members would answer
    /// by how far each has come with its deletions.
    var keptAt: Int64 { isKeepEmpty ? compacted : revision }

    func includes(_ key: RevisionKey, isKept: Bool) -> Bool {
        if key.revision.main > revision { return false }
        if asksForKept(key), !isKept { return false }
        return !(key.revision.main == compacted && key.isTombstone)
    }
}

/// CRC-32C over the bucket's name and the records the rule includes.
struct KeyHash {
    let rule: HashRule
    private(set) var value: UInt32

    init(_ rule: HashRule) {
        self.rule = rule
        value = crc32c(0, Array("key".utf8))
    }

    mutating func feed(_ key: RevisionKey, _ record: UnsafeRawBufferPointer, isKept: Bool) {
        guard rule.includes(key, isKept: isKept) else { return }
        value = crc32c(value, key.etcdBytes)
        value = unsafe crc32c(value, record)
    }
}

private func crc32c(_ value: UInt32, _ bytes: [UInt8]) -> UInt32 {
    unsafe bytes.withUnsafeBytes { unsafe crc32c(value, $0) }
}

private func crc32c(_ value: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let base = bytes.baseAddress else { return value }
    return unsafe platform_crc32c(value, base, bytes.count)
}

/// A key of bucket `key` as etcd stores it.
private func etcdForm(_ key: [UInt8]) -> [UInt8] {
    unsafe key.withUnsafeBytes { unsafe RevisionKey($0) }?.etcdBytes ?? key
}

/// Hashes that finished compactions left, newest revisions last.
struct CompactionHashes {
    private var hashes: [KeyspaceHash] = []

    mutating func add(_ hash: KeyspaceHash) {
        hashes.append(hash)
        hashes.sort { $0.hashRevision < $1.hashRevision }
        if hashes.count > Limits.compactionHashesMax { hashes.removeFirst() }
    }

    func find(_ revision: Int64) -> KeyspaceHash? { hashes.first { $0.hashRevision == revision } }
}

extension Keyspace {
    /// HashKV at a revision (0: the current one): the same on every member that applied the same entries,
    /// and the same as etcd's. Reads every record: not for an event loop. Source: spec/api.md 16.
    package func hashKV(revision: Int64) throws(MVCCError) -> KeyspaceHash {
        if revision > 0, let stored = hashes.withLock({ $0.find(revision) }) { return stored }
        var begun: (rule: HashRule, index: KeyIndex)? = nil
        let view = try lock.read { () throws(MVCCError) -> View in
            let (current, compacted) = (currentRevision, compactedRevision)
            if revision > 0, revision < compacted { throw .compacted(compacted) }
            if revision > current { throw .futureRevision }
            let revision = revision > 0 ? revision : current
            let view = try View(self)
            walks.withLock { $0.begin(revision) }
            let rule = HashRule(
                revision: revision, compacted: compacted, isKeepEmpty: !index.hasLive(at: revision))
            begun = (rule, index)
            return view
        }
        guard let (rule, index) = begun else { preconditionFailure("set under the lock") }
        defer { walks.withLock { $0.end(rule.revision) } }
        var hash = KeyHash(rule)
        var damage: MVCCError? = nil
        try log(view, from: 0, through: rule.revision) { revision, isTombstone, record in
            let key = RevisionKey(revision, isTombstone: isTombstone)
            // The buffer does not leave the closure.
            return unsafe record.withUnsafeBytes { record in
                var isKept = false
                if rule.asksForKept(key), !isTombstone {
                    guard let head = unsafe RecordHead(record) else {
                        damage = .damagedRecord(revision)
                        return false
                    }
                    let newest = lock.read { unsafe index.newest(head.key, at: rule.keptAt) }
                    isKept = newest?.revision == revision
                }
                unsafe hash.feed(key, record, isKept: isKept)
                return true
            }
        }
        if let damage { throw damage }
        return KeyspaceHash(
            hash: hash.value, compactRevision: rule.compacted, hashRevision: rule.revision)
    }

    /// Maintenance.Hash: CRC-32C over every bucket's name, keys and values in order, keys of bucket `key` in
    /// etcd's form, without the meta keys that differ between equal members. Of what is flushed: flush
    /// first. Source: spec/wal-snap.md 6.1.
    package func hash() throws(MVCCError) -> UInt32 {
        var value: UInt32 = 0
        do throws(BackendError) {
            let transaction = try environment.read()
            for bucket in Bucket.allCases {
                value = crc32c(value, Array(bucket.name.utf8))
                try transaction.forEach(bucket) { key, record in
                    // The buffers do not leave the closures.
                    let key = unsafe key.withUnsafeBytes { unsafe [UInt8]($0) }
                    if bucket == .meta, MetaKey.unhashed.contains(key) { return true }
                    value = crc32c(value, bucket == .key ? etcdForm(key) : key)
                    value = unsafe record.withUnsafeBytes { unsafe crc32c(value, $0) }
                    return true
                }
            }
        } catch {
            throw .backend(error)
        }
        return value
    }
}
