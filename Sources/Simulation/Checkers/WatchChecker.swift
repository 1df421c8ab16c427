/// What one watching client must see: every change of its keys from its first revision on, once, in order.
struct WatchChecker {
    let span: Operation.KeySpan
    /// The next revision it must see, if anything happens to its keys there.
    private(set) var next: Int64
    /// Place in the model's changes from which on nothing was seen.
    private var place = 0
    private(set) var seen = 0

    /// `place`: of the first change at or after `first`, or earlier.
    init(span: Operation.KeySpan, first: Int64) {
        self.span = span
        next = first
    }

    /// An event as the client read it.
    struct Seen {
        var isDeletion: Bool
        var pair: Pair
    }

    /// Why these events cannot come next; nil when they can.
    mutating func verdict(on events: [Seen], model: Model) -> String? {
        for event in events {
            guard let change = advance(in: model) else {
                return "sees a change at \(event.pair.mod), which never happened"
            }
            if change.revision != event.pair.mod || change.key != event.pair.key {
                return "sees key \(event.pair.key) at \(event.pair.mod) instead of key \(change.key) at "
                    + "\(change.revision)"
            }
            let isDeletion = change.state.version == 0
            if isDeletion != event.isDeletion { return "mistakes the change at \(change.revision)" }
            if !isDeletion, event.pair != Pair(change.key, change.state) {
                return "sees \(event.pair) instead of \(change.state)"
            }
            seen += 1
            place += 1
            next = change.revision
        }
        return nil
    }

    /// The next change of its keys; nil when there is none yet.
    private mutating func advance(in model: Model) -> Model.Change? {
        while place < model.changes.count {
            let change = model.changes[place]
            if change.revision >= next, span.contains(change.key) { return change }
            place += 1
        }
        return nil
    }

    /// All events of one revision come together: after a delivery, it goes on behind the last one.
    mutating func endDelivery() { next += 1 }

    /// What it should see next is compacted: it begins again behind the compaction.
    mutating func compacted(at revision: Int64, model: Model) -> String? {
        if revision > model.compacted { return "is cancelled for a compaction at \(revision) that is not" }
        if next >= revision { return "is cancelled at \(revision), though it wants \(next)" }
        next = revision + 1
        return nil
    }

    /// Whether it has seen everything there is.
    mutating func isComplete(in model: Model) -> Bool { advance(in: model) == nil }
}
