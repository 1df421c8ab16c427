/// The replicated log in memory: the entries after `compacted`, and how far each stage has come.
///
///     compacted <= applied <= emitted <= committed <= last
///     persisted <= written <= last,  emitted <= persisted
///
/// - `compacted`: the position before the first entry still held.
/// - `applied`: the state machine has it. `emitted`: handed out as committed. `committed`: a quorum has it.
/// - `written`: handed out to be written. `persisted`: durable on this member.
///
/// Emission waits for `persisted` because a database that may be flushed must never run ahead of the
/// log (spec/raft.md 7). While a received snapshot is being installed `applied` lags behind `compacted`;
/// `Node` then holds the snapshot as pending.
struct Log {
    /// `slots[head]` is the entry after `compacted`; slots below `head` are empty husks.
    private var slots: [Entry]
    private var head = 0
    private(set) var compacted: EntryID
    private(set) var applied: LogIndex
    private(set) var emitted: LogIndex
    private(set) var committed: LogIndex
    private(set) var persisted: LogIndex
    private(set) var written: LogIndex

    /// A log whose `entries` follow `compacted` without a gap and are durable already.
    init(compacted: EntryID, entries: [Entry], committed: LogIndex, applied: LogIndex) {
        self.compacted = compacted
        slots = entries
        self.applied = applied
        emitted = applied
        self.committed = committed
        let last = entries.last?.index ?? compacted.index
        persisted = last
        written = last
        checkPositions()
    }

    var last: LogIndex { LogIndex(compacted.index.rawValue + UInt64(count)) }
    var lastID: EntryID { slots.count > head ? slots[slots.count - 1].id : compacted }
    var first: LogIndex { compacted.index + 1 }
    var count: Int { slots.count - head }
    /// Entries and husks, for tests of compaction.
    var slotCount: Int { slots.count }

    /// The term of the entry at `index`, nil when it lies outside `compacted...last`.
    func term(at index: LogIndex) -> Term? {
        if index == compacted.index { return compacted.term }
        guard index > compacted.index, index <= last else { return nil }
        return slots[position(of: index)].term
    }

    func contains(_ id: EntryID) -> Bool { term(at: id.index) == id.term }

    /// The entry at `index`; requires `compacted < index <= last`.
    func entry(at index: LogIndex) -> Entry { slots[position(of: index)] }

    /// Entries in `lower...upper`; both inside the log, or `lower == upper + 1` for none.
    func entries(_ lower: LogIndex, through upper: LogIndex) -> ArraySlice<Entry> {
        if lower > upper { return [] }
        precondition(upper <= last)
        return slots[position(of: lower)...position(of: upper)]
    }

    /// Entries from `lower` on whose sizes sum to at most `bytesMax`, but at least one if there is one.
    func entries(from lower: LogIndex, bytesMax: Int) -> ArraySlice<Entry> {
        if lower > last { return [] }
        let start = position(of: lower)
        var end = start + 1
        var bytes = slots[start].size
        while end < slots.count {
            bytes += slots[end].size
            if bytes > bytesMax { break }
            end += 1
        }
        return slots[start..<end]
    }

    /// How far entries after `emitted` may be handed out: up to `upper`, at most `bytesMax` of them but the
    /// first when `atLeastOne`, and not past a configuration change.
    func emittable(
        through upper: LogIndex, bytesMax: Int, atLeastOne: Bool
    ) -> (last: LogIndex, bytes: Int, endsAtChange: Bool) {
        precondition(upper > emitted && upper <= last)
        var bytes = 0
        let start = position(of: emitted + 1)
        for slot in start...position(of: upper) {
            let size = slots[slot].size
            let isForced = atLeastOne && slot == start
            if bytes + size > bytesMax && !isForced {
                return (emitted + UInt64(slot - start), bytes, false)
            }
            bytes += size
            if slots[slot].kind != .normal {
                return (emitted + UInt64(slot - start + 1), bytes, true)
            }
        }
        return (upper, bytes, false)
    }

    /// The sizes of the entries after `lower` through `upper`; both inside the log.
    func bytes(after lower: LogIndex, through upper: LogIndex) -> Int {
        var bytes = 0
        if upper > lower {
            for slot in position(of: lower + 1)...position(of: upper) { bytes += slots[slot].size }
        }
        return bytes
    }

    /// True when a configuration change lies in `(lower, upper]`.
    func hasChange(after lower: LogIndex, through upper: LogIndex) -> Bool {
        if upper <= lower { return false }
        return (position(of: lower + 1)...position(of: upper)).contains { slots[$0].kind != .normal }
    }

    /// The greatest position at or before `id.index` whose term is at most `id.term`; nil: compacted.
    ///
    /// Both sides of a rejected append skip whole terms with it (Raft §5.3, last paragraphs): entries of
    /// a later term than the other side's cannot match there.
    func conflict(at id: EntryID) -> EntryID? {
        var index = min(id.index, last)
        while let term = term(at: index) {
            if term <= id.term { return EntryID(term: term, index: index) }
            index = LogIndex(index.rawValue - 1)
        }
        return nil
    }

    /// Makes room for `count` more entries without giving up growth by doubling.
    mutating func reserve(_ count: Int) {
        if slots.capacity < slots.count + count {
            slots.reserveCapacity(max(slots.count + count, slots.count * 2))
        }
    }

    /// Requires that `entry` follows `last`.
    mutating func append(_ entry: Entry) {
        precondition(entry.index.rawValue == last.rawValue + 1)
        slots.append(entry)
    }

    /// Removes every entry after `index`, written or not; requires `index >= committed`.
    mutating func truncate(after index: LogIndex) {
        invariant(index >= committed, "truncate after \(index.rawValue) below commit \(committed.rawValue)")
        slots.removeLast(Int(last - index))
        written = min(written, index)
        persisted = min(persisted, index)
    }

    mutating func markWritten() { written = last }

    mutating func markPersisted(through index: LogIndex) {
        precondition(index <= written)
        persisted = max(persisted, index)
    }

    /// Raises the commit position; lower values change nothing. Requires `index <= last`.
    mutating func commit(through index: LogIndex) {
        if index <= committed { return }
        invariant(
            index <= last, "commit \(index.rawValue) beyond last \(last.rawValue): the log lost entries")
        committed = index
    }

    mutating func markEmitted(through index: LogIndex) {
        precondition(index >= emitted && index <= committed && index <= persisted)
        emitted = index
    }

    mutating func markApplied(through index: LogIndex) {
        invariant(index <= emitted, "applied \(index.rawValue) beyond emitted \(emitted.rawValue)")
        applied = max(applied, index)
    }

    /// Forgets entries up to `index`, which must be applied; earlier positions change nothing.
    ///
    /// Amortised O(1) per entry: husks are squeezed out only when they are at least half of the slots;
    /// their data is released at once.
    mutating func compact(through index: LogIndex) {
        if index <= compacted.index { return }
        precondition(index <= applied)
        let end = position(of: index) + 1
        compacted = slots[end - 1].id
        for slot in head..<end { slots[slot].data = [] }
        head = end
        if head * 2 >= slots.count {
            slots.removeFirst(head)
            head = 0
        }
        checkPositions()
    }

    /// Replaces everything by a snapshot's position; its installation is still to come.
    mutating func reset(to id: EntryID) {
        precondition(id.index > committed)
        slots = []
        head = 0
        compacted = id
        committed = id.index
        emitted = id.index
        written = id.index
        persisted = id.index
    }

    private func position(of index: LogIndex) -> Int {
        precondition(index > compacted.index)
        return head + Int(index.rawValue - compacted.index.rawValue) - 1
    }

    private func checkPositions() {
        invariant(
            compacted.index <= applied, "compacted \(compacted.index.rawValue) > applied \(applied.rawValue)")
        invariant(applied <= emitted, "applied \(applied.rawValue) > emitted \(emitted.rawValue)")
        invariant(emitted <= committed, "emitted \(emitted.rawValue) > committed \(committed.rawValue)")
        invariant(committed <= last, "committed \(committed.rawValue) > last \(last.rawValue)")
    }
}

extension Log {
    /// The O(n) half of the invariants: indexes without a gap, terms never falling. For tests and simulation.
    func checkInvariants(isRestoring: Bool) {
        if !isRestoring { checkPositions() }
        invariant(persisted <= written && written <= last, "persisted <= written <= last")
        invariant(emitted <= persisted, "emitted \(emitted.rawValue) > persisted \(persisted.rawValue)")
        var previous = compacted
        for entry in slots[head...] {
            invariant(
                entry.index.rawValue == previous.index.rawValue + 1, "gap before \(entry.index.rawValue)")
            invariant(entry.term >= previous.term, "term falls at \(entry.index.rawValue)")
            previous = entry.id
        }
    }
}

extension Entry {
    /// What the entry counts against message and memory limits: its data and a bound on its framing.
    var size: Int { data.count + 32 }
}
