import MVCC

/// The streams of one member's watching clients: what the hub delivers goes to the client it is for.
final class WatchScreen: WatchSink {
    /// Takes what a watcher sees; false when it has no room.
    var show: (_ client: Int, _ revision: Int64, _ events: [WatchChecker.Seen]) -> Bool = { _, _, _ in true }
    var end: (_ client: Int, _ compactRevision: Int64) -> Void = { _, _ in }
    /// The client behind each watcher.
    var clients: [WatcherID: Int] = [:]
    private var blocked: [WatcherID] = []

    var hasBlocked: Bool { !blocked.isEmpty }

    func deliver(_ watcher: WatcherID, revision: Int64, events: WatchEvents) -> Bool {
        guard let client = clients[watcher] else { return true }
        let isTaken = show(client, revision, WatchScreen.decode(events))
        if !isTaken { blocked.append(watcher) }
        return isTaken
    }

    func compacted(_ watcher: WatcherID, compactRevision: Int64) {
        guard let client = clients.removeValue(forKey: watcher) else { return }
        end(client, compactRevision)
    }

    /// Streams that have room again.
    func takeResumable(_ chance: inout Chance) -> [WatcherID] {
        let ready = blocked.filter { _ in chance.happens(500) }
        blocked.removeAll { ready.contains($0) }
        return ready
    }

    /// Events, each field 11: {1 type, 2 kv}.
    private static func decode(_ events: WatchEvents) -> [WatchChecker.Seen] {
        var seen: [WatchChecker.Seen] = []
        var reader = MessageReader(events.bytes[...])
        while let (_, value) = reader.next() {
            guard case .bytes(let event) = value else { continue }
            var isDeletion = false
            var pair: Pair?
            var inner = MessageReader(event)
            while let (field, value) = inner.next() {
                switch (field, value) {
                case (1, .number(let type)): isDeletion = type == 1
                case (2, .bytes(let bytes)): pair = Pair(bytes)
                default: break
                }
            }
            if let pair { seen.append(WatchChecker.Seen(isDeletion: isDeletion, pair: pair)) }
        }
        return seen
    }
}
