import Wire

/// Walking the log, for all synced watchers or for lagging ones.
extension WatchHub {
    /// Does a bounded piece of work; true when there is more. Events reach `sink` before it returns.
    ///
    /// Throws what the database throws; nothing is lost then, the next call starts where this one did.
    package func advance(_ budget: Budget = Budget(), into sink: any WatchSink) throws(MVCCError) -> Bool {
        try advanceSynced(through: reader.currentRevision, budget, into: sink)
        try advanceLagging(current: reader.currentRevision, budget, into: sink)
        return floor != nil && (nextRevision <= reader.currentRevision || !turns.isEmpty)
    }

    private func advanceSynced(
        through current: Int64, _ budget: Budget, into sink: any WatchSink
    ) throws(MVCCError) {
        guard let floor, nextRevision <= current else { return }
        guard syncedCount > 0 else {
            nextRevision = current + 1
            return
        }
        let through = min(current, nextRevision + budget.revisions - 1)
        let seen = try scan(.synced(floor), from: nextRevision, through: through, bytes: budget.bytes)
        guard let seen else { return rejoin(floor) }
        nextRevision = seen + 1
        deliver(into: sink)
    }

    private func advanceLagging(
        current: Int64, _ budget: Budget, into sink: any WatchSink
    ) throws(MVCCError) {
        guard let slot = takeTurn(), case .lagging(let next)? = watchers[slot]?.progress else { return }
        let through = min(nextRevision - 1, next + budget.revisions - 1)
        do {
            let seen = try scan(
                .lagging(from: next, header: current), from: next, through: through, bytes: budget.bytes)
            if let seen { settle(from: next, through: seen) }
            deliver(into: sink)
        } catch .compacted(let compacted) {
            endCompacted(below: compacted, into: sink)
        }
    }

    /// The lagging watcher whose turn it is; it stays in the queue, at the end.
    private func takeTurn() -> Int? {
        while let slot = turns.first {
            turns.removeFirst()
            if case .lagging? = watchers[slot]?.progress {
                turns.append(slot)
                return slot
            }
        }
        return nil
    }

    /// For whom the log is walked.
    private enum Audience {
        /// Responses name the revision of their events. The floor is the hub's.
        case synced(WatchFloor)
        /// Those whose next revision is not below `from`: the others would miss what lies between.
        /// Responses name `header`, the store's revision.
        case lagging(from: Int64, header: Int64)

        func includes(_ watcher: Watcher, at main: Int64) -> Bool {
            switch (self, watcher.progress) {
            case (.synced, .synced): main >= watcher.firstRevision
            case (.lagging(let from, _), .lagging(let next)): next >= from && main >= next
            default: false
            }
        }
    }

    /// Gathers the events of revisions `from`…`through` into `deliveries`, and says which revision was the
    /// last it saw wholly. Ends early, between revisions, after `bytes` of records. Nil, and nothing seen,
    /// when synced watchers have to `rejoin` first.
    private func scan(
        _ audience: Audience, from: Int64, through: Int64, bytes: Int
    ) throws(MVCCError) -> Int64? {
        var touched: [Int] = []
        var main = from - 1
        var bytesLeft = bytes
        var isWhole = true
        let body = { (revision: Revision, isTombstone: Bool, record: borrowing RawSpan) -> Bool in
            if revision.main != main {
                if case .synced = audience { self.collect(&touched, header: main) }
                if bytesLeft <= 0 {
                    isWhole = false
                    return false
                }
                main = revision.main
            }
            bytesLeft -= record.byteCount + 32
            self.visit(revision.main, isTombstone, record, audience, &touched)
            return true
        }
        do {
            switch audience {
            case .synced(let floor):
                guard try reader.changesAboveFloor(floor, through: through, body) else { return nil }
            case .lagging: try reader.changes(from: from, through: through, body)
            }
        } catch {
            forget(touched)
            throw error
        }
        if case .lagging(_, let header) = audience {
            collect(&touched, header: header)
        } else {
            collect(&touched, header: main)
        }
        return isWhole ? through : main
    }

    /// Gives one change to the watchers it concerns.
    private func visit(
        _ main: Int64, _ isTombstone: Bool, _ record: borrowing RawSpan, _ audience: Audience,
        _ touched: inout [Int]
    ) {
        guard let change = RecordChange(record) else { return }
        slotsOfKey.removeAll(keepingCapacity: true)
        index.find(change.key, into: &slotsOfKey)
        // Made when the first watcher wants them.
        var plain = WatchEvents()
        var withPrevious = WatchEvents()
        for slot in slotsOfKey {
            guard let watcher = watchers[slot], watcher.wants(isTombstone: isTombstone),
                audience.includes(watcher, at: main)
            else { continue }
            if watcher.wantsPrevious {
                if withPrevious.isEmpty {
                    withPrevious = WatchEvents(
                        isTombstone: isTombstone, record: record, modRevision: main,
                        previous: previous(of: change, isTombstone: isTombstone, at: main))
                }
                add(withPrevious, of: main, to: slot, audience, &touched)
            } else {
                if plain.isEmpty {
                    plain = WatchEvents(
                        isTombstone: isTombstone, record: record, modRevision: main, previous: nil)
                }
                add(plain, of: main, to: slot, audience, &touched)
            }
        }
    }

    private func add(
        _ events: WatchEvents, of main: Int64, to slot: Int, _ audience: Audience, _ touched: inout [Int]
    ) {
        if pending[slot].events.isEmpty {
            pending[slot] = PendingEvents(events: events, from: main, to: main)
            touched.append(slot)
            return
        }
        if case .lagging(_, let header) = audience, pending[slot].to < main,
            pending[slot].events.byteCount >= WatchHub.pendingBytesMax
        {
            // Between two revisions of a long catch-up: what is gathered becomes a response of its own.
            takePending(of: slot, header: header)
            pending[slot].from = main
        }
        pending[slot].events.append(events)
        pending[slot].to = main
    }

    private func takePending(of slot: Int, header: Int64) {
        guard let watcher = watchers[slot]?.id else { return }
        var events = WatchEvents()
        swap(&events, &pending[slot].events)
        deliveries.append(
            Delivery(watcher: watcher, from: pending[slot].from, revision: header, events: events))
    }

    /// The pair a change replaced: none for a creation, none when it is compacted.
    private func previous(of change: RecordChange, isTombstone: Bool, at main: Int64) -> [UInt8]? {
        guard isTombstone || change.createRevision != main else { return nil }
        do {
            // Bytes have no padding.
            return try unsafe reader.record(change.key.span.bytes, at: main - 1)
        } catch {
            return nil
        }
    }

    /// Turns what the touched watchers gathered into deliveries.
    private func collect(_ touched: inout [Int], header: Int64) {
        for slot in touched { takePending(of: slot, header: header) }
        touched.removeAll(keepingCapacity: true)
    }

    private func forget(_ touched: [Int]) {
        for slot in touched { pending[slot].events = WatchEvents() }
        deliveries.removeAll(keepingCapacity: true)
    }

    /// Moves the cursors of the lagging watchers that went along; those that caught up become synced.
    private func settle(from: Int64, through end: Int64) {
        turns.removeAll { slot in
            guard case .lagging(let next)? = watchers[slot]?.progress else { return true }
            guard next >= from, next <= end else { return false }
            let isSynced = end + 1 >= nextRevision
            watchers[slot]?.progress = isSynced ? .synced : .lagging(next: end + 1)
            if isSynced { syncedCount += 1 }
            return isSynced
        }
    }

    /// Hands over. The sink may create, cancel and resume watchers meanwhile.
    private func deliver(into sink: any WatchSink) {
        var batch: [Delivery] = []
        swap(&batch, &deliveries)
        for index in batch.indices {
            let watcher = batch[index].watcher
            guard let there = live(watcher) else { continue }
            if case .blocked = there.progress { continue }
            if there.isIdle { watchers[watcher.slot]?.isIdle = false }
            var events = WatchEvents()
            swap(&events, &batch[index].events)
            if sink.deliver(watcher, revision: batch[index].revision, events: events) { continue }
            guard live(watcher) != nil else { continue }
            if there.progress == .synced { syncedCount -= 1 }
            watchers[watcher.slot]?.progress = .blocked(next: batch[index].from)
        }
        batch.removeAll(keepingCapacity: true)
        if deliveries.isEmpty { deliveries = batch }
    }

    /// Ends the lagging watchers whose next revision is compacted.
    private func endCompacted(below compacted: Int64, into sink: any WatchSink) {
        for slot in turns {
            guard let watcher = watchers[slot], case .lagging(let next) = watcher.progress, next < compacted
            else { continue }
            cancel(watcher.id)
            sink.compacted(watcher.id, compactRevision: compacted)
        }
    }
}

/// What a watch needs of a stored KeyValue.
struct RecordChange {
    var key: [UInt8] = []
    var createRevision: Int64 = 0

    /// Nil when the bytes are no KeyValue; the key space never stores such.
    init?(_ record: borrowing RawSpan) {
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: record) {
                switch (field.number, field.value) {
                case (1, .bytes(let at)): key = record.extracting(at).copied()
                case (2, .varint(let number)):
                    createRevision = Int64(bitPattern: number)
                    return
                default: break
                }
            }
        } catch { return nil }
    }
}
