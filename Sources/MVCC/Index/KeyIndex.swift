/// Every key with its live changes, in key order: what answers which records a read needs.
///
/// Not locked; `Keyspace` guards it. Memory: some 60 bytes for a key of 37 bytes with one live change,
/// and 32 bytes for each older change that compaction has not removed yet.
final class KeyIndex {
    private let tree = KeyTree()
    private var histories = Histories()

    var keyCount: Int { tree.count }
    var olderCount: Int { histories.count }
    /// Bytes held, as counted by the parts.
    var footprint: Int { tree.pool.footprint + histories.footprint }

    private func current(_ payload: Payload) -> Change {
        let flags = payload.subFlags & ~Payload.extended
        let (create, version): (Int64, Int64)
        if payload.isExtended {
            let history = histories[payload.link]
            (create, version) = (history.create, history.version)
        } else {
            (create, version) = (payload.mod - Int64(payload.link), Int64(payload.version))
        }
        return Change(
            main: payload.mod, create: create, version: version, subFlags: flags, size: payload.size)
    }

    /// Writes a key's newest change; the one before, if any, becomes history.
    private func set(_ payload: Payload, isNew: Bool, to change: Change) {
        var link: UInt32? = nil
        if !isNew {
            let old = current(payload)
            precondition(old.revision < change.revision, "changes of a key come in order")
            if payload.isExtended {
                histories.push(old, create: change.create, version: change.version, to: payload.link)
                link = payload.link
            } else {
                link = histories.add(
                    Histories.History(create: change.create, version: change.version, older: [old]))
            }
        }
        store(change, link: link, in: payload)
    }

    /// `link` is the history slot of an extended payload; without one, a slot is made only if the numbers
    /// do not fit.
    private func store(_ change: Change, link: UInt32?, in payload: Payload) {
        payload.mod = change.main
        payload.size = change.size
        payload.version = UInt32(truncatingIfNeeded: change.version)
        let distance = change.main - change.create
        if link == nil, distance <= Int64(UInt32.max), distance >= 0, change.version <= Int64(UInt32.max) {
            payload.link = UInt32(distance)
            payload.subFlags = change.subFlags
        } else {
            payload.link =
                link
                ?? histories.add(Histories.History(create: change.create, version: change.version, older: []))
            payload.subFlags = change.subFlags | Payload.extended
        }
    }

    /// Takes in a put and tells what its record must say.
    func put(_ key: UnsafeRawBufferPointer, at revision: Revision, valueSize: Int, lease: Int64)
        -> RecordFields
    {
        precondition(revision.sub >= 0 && revision.sub <= Int64(Payload.subMask), "sub revision")
        let (payload, isNew) = unsafe tree.findOrInsert(key)
        var fields = RecordFields(
            createRevision: revision.main, modRevision: revision.main, version: 1, lease: lease)
        if !isNew, !payload.isTombstone {
            let old = current(payload)
            fields.createRevision = old.create
            fields.version = old.version + 1
        }
        let size = fields.size(keySize: key.count, valueSize: valueSize)
        let flags = UInt32(revision.sub) | (lease != 0 ? Payload.lease : 0)
        set(
            payload, isNew: isNew,
            to: Change(
                main: revision.main, create: fields.createRevision, version: fields.version, subFlags: flags,
                size: UInt32(size)))
        return fields
    }

    /// Takes in the deletion of a key that lives; answers false (and does nothing) when it does not.
    func delete(_ key: UnsafeRawBufferPointer, at revision: Revision) -> Bool {
        precondition(revision.sub >= 0 && revision.sub <= Int64(Payload.subMask), "sub revision")
        guard let payload = unsafe tree.find(key), !payload.isTombstone else { return false }
        set(payload, isNew: false, to: KeyIndex.tombstone(at: revision, keySize: key.count))
        return true
    }

    private static func tombstone(at revision: Revision, keySize: Int) -> Change {
        Change(
            main: revision.main, create: revision.main, version: 0,
            subFlags: UInt32(revision.sub) | Payload.tombstone,
            size: UInt32(RecordFields.tombstoneSize(keySize: keySize)))
    }

    /// Takes in a stored record when the database is opened; records come in the order of revisions.
    func restore(_ head: RecordHead, at key: RevisionKey, size: Int) {
        let (payload, isNew) = unsafe tree.findOrInsert(head.key)
        let sub = UInt32(key.revision.sub) & Payload.subMask
        let change =
            key.isTombstone
            ? KeyIndex.tombstone(at: key.revision, keySize: unsafe head.key.count)
            : unsafe Change(
                main: key.revision.main, create: head.createRevision, version: head.version,
                subFlags: sub | (head.hasLease ? Payload.lease : 0), size: UInt32(size))
        set(payload, isNew: isNew, to: change)
    }

    /// The newest change with main <= `revision`, tombstones included.
    private func newest(_ payload: Payload, at revision: Int64) -> Change? {
        if payload.mod <= revision { return current(payload) }
        guard payload.isExtended else { return nil }
        let older = histories[payload.link].older
        let place = KeyIndex.count(of: older, through: revision)
        return place > 0 ? older[place - 1] : nil
    }

    /// How many of the changes, which are in order, have main <= `revision`.
    private static func count(of changes: [Change], through revision: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].main <= revision { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The newest change of `key` with main <= `revision`, tombstones included.
    func newest(_ key: UnsafeRawBufferPointer, at revision: Int64) -> Change? {
        unsafe tree.find(key).flatMap { newest($0, at: revision) }
    }

    /// The match of a slot at `revision`; nil when the key does not live there.
    @inline(__always) private func match(_ payload: Payload, at revision: Int64) -> Match? {
        let flags = payload.subFlags
        if payload.mod <= revision, flags & (Payload.extended | Payload.tombstone) == 0 {
            return Match(
                createRevision: payload.mod - Int64(payload.link), modRevision: payload.mod,
                version: Int64(payload.version), subFlags: flags, size: payload.size)
        }
        return newest(payload, at: revision)?.match
    }

    /// The match of one key at `revision`.
    func match(_ key: UnsafeRawBufferPointer, at revision: Int64) -> Match? {
        unsafe tree.find(key).flatMap { match($0, at: revision) }
    }

    /// Walks on over the keys of `walk`, about `keysMax` of them (whole leaves).
    func advance(_ walk: inout RangeWalk, keysMax: Int) {
        var visited = 0
        var cursor = unsafe walk.position.withUnsafeBytes { unsafe TreeCursor(tree, from: $0) }
        while let (page, ahead) = cursor.nextLeaf() {
            var slots = ahead
            if let end = walk.end {
                let bound = unsafe end.withUnsafeBytes { unsafe page.count(below: $0) }
                slots = slots.lowerBound..<max(slots.lowerBound, bound)
            }
            for index in slots {
                guard let match = match(page.payload(index), at: walk.revision) else { continue }
                walk.found(match, page, index)
                if walk.isSatisfied {
                    walk.isDone = true
                    return
                }
            }
            visited += slots.count
            if slots.upperBound < page.count {
                walk.isDone = true
                return
            }
            if visited >= keysMax, !slots.isEmpty {
                walk.position.removeAll(keepingCapacity: true)
                page.appendKey(slots.upperBound - 1, to: &walk.position)
                // The smallest key above that one.
                walk.position.append(0)
                return
            }
        }
        walk.isDone = true
    }

    /// Forgets what a compaction at `limit` makes unreachable, in about `keysMax` keys from `position` on:
    /// of each key the changes below the newest with main <= limit, and that one too when it is a tombstone
    /// older than `limit`. Answers the position to go on from, nil at the end. Source: spec/api.md 11.
    func prune(through limit: Int64, from position: [UInt8], keysMax: Int) -> [UInt8]? {
        var visited = 0
        var gone: [[UInt8]] = []
        var next: [UInt8]? = nil
        var cursor = unsafe position.withUnsafeBytes { unsafe TreeCursor(tree, from: $0) }
        while let (page, slots) = cursor.nextLeaf() {
            for index in slots {
                let payload = page.payload(index)
                guard payload.subFlags & (Payload.extended | Payload.tombstone) != 0 else { continue }
                if isGone(payload, through: limit) {
                    var key: [UInt8] = []
                    page.appendKey(index, to: &key)
                    gone.append(key)
                }
            }
            visited += slots.count
            if visited + 4 * gone.count >= keysMax, !slots.isEmpty {
                var last: [UInt8] = []
                page.appendKey(slots.upperBound - 1, to: &last)
                next = last + [0]
                break
            }
        }
        for key in gone { unsafe key.withUnsafeBytes { key in _ = unsafe tree.remove(key) } }
        return next
    }

    /// Prunes one key; answers whether nothing of it is left (its history is freed then).
    private func isGone(_ payload: Payload, through limit: Int64) -> Bool {
        if payload.isExtended {
            let slot = payload.link
            let older = histories[slot].older
            var dropped =
                payload.mod <= limit ? older.count : max(0, KeyIndex.count(of: older, through: limit) - 1)
            if dropped < older.count, older[dropped].isTombstone, older[dropped].main < limit { dropped += 1 }
            if dropped == older.count {
                let change = current(payload)
                histories.remove(slot)
                store(change, link: nil, in: payload)
            } else if dropped > 0 {
                histories.dropFirst(dropped, of: slot)
            }
        }
        guard payload.isTombstone, payload.mod < limit else { return false }
        if payload.isExtended { histories.remove(payload.link) }
        return true
    }

    /// Whether any key lives at `revision`.
    func hasLive(at revision: Int64) -> Bool {
        var walk = RangeWalk(range: .all, revision: revision, options: SelectionOptions())
        walk.options.limit = 1
        walk.options.wantsTotal = false
        advance(&walk, keysMax: .max)
        return walk.count > 0
    }

    /// Traps when tree and histories contradict themselves or each other.
    func checkInvariants() {
        tree.checkInvariants()
        var (slots, older) = (0, 0)
        var cursor = unsafe [UInt8]().withUnsafeBytes { unsafe TreeCursor(tree, from: $0) }
        while let (page, range) = cursor.nextLeaf() {
            for index in range where page.payload(index).isExtended {
                let history = histories[page.payload(index).link]
                let revisions = history.older.map(\.revision) + [current(page.payload(index)).revision]
                precondition(
                    zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 }, "order of a history")
                slots += 1
                older += history.older.count
            }
        }
        precondition(slots == histories.slotsInUse && older == histories.count, "histories lost or shared")
    }
}
