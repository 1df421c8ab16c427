import MVCC

/// Whom a watcher of the hub is for: a client's stream, or a Lock or Election call of this server.
struct WatchRouter {
    @safe enum Target {
        /// Held among the open streams (`OpenStreams.watches`), and forgotten here before it leaves those.
        case stream(Unmanaged<WatchStream>, id: Int64)
        case inner(any InnerWatch)
    }

    /// By `WatcherID.slot`, which one watcher at a time has.
    private var targets: [(watcher: WatcherID, target: Target)?] = []

    /// Who stands behind a watcher of the hub; nil for one that is gone, also when another has its slot.
    subscript(watcher: WatcherID) -> Target? {
        get {
            guard targets.indices.contains(watcher.slot), let there = targets[watcher.slot],
                there.watcher == watcher
            else { return nil }
            return there.target
        }
        set {
            while targets.count <= watcher.slot { targets.append(nil) }
            if let newValue {
                targets[watcher.slot] = (watcher, newValue)
            } else if targets[watcher.slot]?.watcher == watcher {
                targets[watcher.slot] = nil
            }
        }
    }
}

/// A Lock or Election call that waits for keys to change. Told inside `WatchHub.advance`: it may note
/// what it learnt and must not touch the hub there.
protocol InnerWatch: AnyObject {
    func changed(revision: Int64, events: WatchEvents)
    func compacted()
}

extension LoopServices: WatchSink {
    /// Brings what the hub finds to whom it concerns.
    package func deliver(_ watcher: WatcherID, revision: Int64, events: WatchEvents) -> Bool {
        switch router[watcher] {
        case .stream(let stream, let id):
            return unsafe stream._withUnsafeGuaranteedRef {
                $0.deliver(watcher, id: id, revision: revision, events: events, self)
            }
        case .inner(let inner):
            inner.changed(revision: revision, events: events)
            return true
        // Cancelled from inside this very scan.
        case nil: return true
        }
    }

    package func compacted(_ watcher: WatcherID, compactRevision: Int64) {
        let target = router[watcher]
        router[watcher] = nil
        switch target {
        case .stream(let stream, let id):
            unsafe stream._withUnsafeGuaranteedRef { $0.compacted(id: id, compactRevision: compactRevision) }
        case .inner(let inner): inner.compacted()
        case nil: break
        }
    }

    /// Lets the hub do one bounded piece of work, if it has any.
    ///
    /// When the database cannot be read nothing is lost: the hub goes on from there at the next tick.
    func advanceHub() {
        do { hubHasWork = try hub.advance(into: self) } catch { hubHasWork = false }
        for call in concurrencyCalls.takeNoted() { call.wake() }
    }

    func tickWatches() {
        if hub.count > 0 { hubHasWork = true }
        for stream in streams.watches.values { stream.tick(self) }
    }
}
