import Net

/// Decides when history is compacted by itself and up to where; time and revisions are told to it.
///
/// periodic(P): the revision is sampled ten times per interval I = min(P, 1 h); once the samples reach back
/// a whole P, and every I from then on, everything older than P goes. revision(R): every five minutes all
/// but the last R revisions go. Both act on the leader only; the rest of the time the clock stands still.
/// Source: spec/config.md 6.
struct AutoCompactor {
    enum Mode: Equatable, Sendable {
        case off
        case periodic(Duration)
        case revision(Int64)
    }

    static let revisionInterval: Duration = .seconds(300)
    static let longestInterval: Duration = .seconds(3600)

    private let mode: Mode
    /// Periodic mode: revisions, one per tenth of the interval, oldest first.
    private var samples: [Int64] = []
    private var nextLook: MonotonicTime
    private var lastSuccess: MonotonicTime
    private var lastCompacted: Int64 = 0
    private var pending: Int64?

    init(mode: Mode, now: MonotonicTime) {
        self.mode = mode
        nextLook = now
        lastSuccess = now
        if case .revision = mode { nextLook = now + Self.revisionInterval }
    }

    /// When to ask `due` next; nil when there is nothing to ask.
    var next: MonotonicTime? { mode == .off ? nil : nextLook }

    private var interval: Duration {
        if case .periodic(let period) = mode { return min(period, Self.longestInterval) }
        return Self.revisionInterval
    }

    private var samplesMax: Int {
        guard case .periodic(let period) = mode else { return 1 }
        return Int(period / (interval / 10)) + 1
    }

    /// The revision to compact at now, or nil. The caller proposes it and tells `finished`.
    mutating func due(at now: MonotonicTime, revision: Int64, isLeader: Bool) -> Int64? {
        guard mode != .off, pending == nil, now >= nextLook else { return nil }
        switch mode {
        case .off: return nil
        case .periodic(let period):
            nextLook = now + interval / 10
            guard isLeader else {
                samples.removeAll()
                lastSuccess = now
                return nil
            }
            samples.append(revision)
            if samples.count > samplesMax { samples.removeFirst() }
            guard samples.count == samplesMax, now - lastSuccess >= min(period, interval) else { return nil }
            pending = samples[0] == lastCompacted ? nil : samples[0]
        case .revision(let kept):
            nextLook = now + Self.revisionInterval
            let target = revision - kept
            guard isLeader, target > 0, target != lastCompacted else { return nil }
            pending = target
        }
        return pending
    }

    /// The compaction that `due` asked for was made (or had been made already), or failed and is tried
    /// again at the next look.
    mutating func finished(at now: MonotonicTime, succeeded: Bool) {
        guard let revision = pending else { return }
        pending = nil
        if succeeded {
            lastCompacted = revision
            lastSuccess = now
        }
    }
}
