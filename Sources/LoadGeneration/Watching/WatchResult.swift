import HTTP

/// What came of watchers and of puts that they watched.
package struct WatchResult {
    package let creation: LoadResult
    /// Nil where no put was asked: no watcher was created, or the program was told to stop.
    package let puts: LoadResult?
    /// What came; its errors are watchers that were lost.
    package let events: LoadResult?
    /// Events that the answered puts should have brought.
    private let expected: Int

    /// There were no puts.
    package init(creation: LoadResult) {
        self.creation = creation
        (puts, events, expected) = (nil, nil, 0)
    }

    /// `events` as they were timed; `losses`: watchers by what ended them.
    package init(
        creation: LoadResult, puts: LoadResult, events: LoadResult, losses: [GRPCStatus: Int], expected: Int
    ) {
        self.creation = creation
        self.puts = puts
        var events = events
        events.errors = losses
        (events.server, events.ownCPU) = (puts.server, puts.ownCPU)
        events.isInterrupted = events.isInterrupted || puts.isInterrupted
        self.events = events
        self.expected = expected
    }

    /// The events as what the load measured: with the errors of the puts among theirs.
    package var load: LoadResult? {
        guard let events, var load = puts else { return nil }
        (load.kinds, load.timeline, load.elapsed) = (events.kinds, events.timeline, events.elapsed)
        load.isInterrupted = events.isInterrupted
        load.addErrors(events.errors)
        return load
    }

    /// Everything that was measured, each as a kind of its own; the timeline is the events'.
    package var whole: LoadResult {
        var whole = load ?? creation
        whole.kinds = [creation, events, puts].compactMap { $0 }.map { part in
            var kind = part.kinds[0]
            (kind.elapsed, kind.timeline) = (part.elapsed, part.timeline)
            return kind
        }
        if let puts, let events {
            whole.addErrors(creation.errors)
            whole.elapsed = creation.elapsed + max(puts.elapsed, events.elapsed)
        }
        return whole
    }

    /// Why what was to be measured did not happen; nil where it did, or where the program was told to stop
    /// before.
    package var complaint: String? {
        if creation.isInterrupted || events?.isInterrupted == true { return nil }
        guard let events else { return "no watcher was created" }
        var complaints: [String] = []
        if events.succeeded < expected {
            complaints.append("\(events.succeeded) of \(expected) events came")
        } else if events.succeeded == 0 {
            complaints.append("no event came")
        }
        let lost = events.failed
        if lost > 0 { complaints.append("\(lost) of \(creation.succeeded) watchers were lost") }
        return complaints.isEmpty ? nil : complaints.joined(separator: ", ")
    }
}

extension LoadResult {
    package mutating func addErrors(_ more: [GRPCStatus: Int]) { errors.merge(more, uniquingKeysWith: +) }
}
