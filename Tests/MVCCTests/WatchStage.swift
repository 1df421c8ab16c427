import Backend
import Testing
import Wire

@testable import MVCC

/// Writes down what a hub delivers; streams can be full.
final class Recorder: WatchSink {
    struct Response: Equatable {
        var revision: Int64
        var events: [String]
    }

    var responses: [WatcherID: [Response]] = [:]
    var compacted: [WatcherID: Int64] = [:]
    var full: Set<WatcherID> = []
    var order: [WatcherID] = []
    var encodings: [[UInt8]] = []

    func deliver(_ watcher: WatcherID, revision: Int64, events: WatchEvents) -> Bool {
        if full.contains(watcher) { return false }
        responses[watcher, default: []].append(Response(revision: revision, events: decode(events)))
        order.append(watcher)
        encodings.append(events.bytes)
        return true
    }

    func compacted(_ watcher: WatcherID, compactRevision: Int64) { compacted[watcher] = compactRevision }

    func events(_ watcher: WatcherID) -> [String] { (responses[watcher] ?? []).flatMap(\.events) }

    /// "key=value@mod" for a put, "-key@mod" for a delete, "<previous value" behind it.
    private func decode(_ events: WatchEvents) -> [String] {
        var start = 0
        return events.ends.map { end in
            defer { start = end }
            let event = field(Array(events.bytes[start..<end]), 11)
            let isDelete = !number(event, 1).isEmpty
            let pair = field(event, 2)
            let key = String(decoding: field(pair, 1), as: UTF8.self)
            let mod = number(pair, 3).first ?? 0
            let value = String(decoding: field(pair, 5), as: UTF8.self)
            let previous = field(event, 3)
            let suffix = previous.isEmpty ? "" : "<" + String(decoding: field(previous, 5), as: UTF8.self)
            return (isDelete ? "-\(key)@\(mod)" : "\(key)=\(value)@\(mod)") + suffix
        }
    }

    private func field(_ message: [UInt8], _ wanted: Int) -> [UInt8] {
        var result: [UInt8] = []
        each(message) { number, value in
            if number == wanted, case .bytes(let at) = value { result = Array(message[at]) }
        }
        return result
    }

    private func number(_ message: [UInt8], _ wanted: Int) -> [UInt64] {
        var result: [UInt64] = []
        each(message) { number, value in
            if number == wanted, case .varint(let found) = value { result.append(found) }
        }
        return result
    }

    private func each(_ message: [UInt8], _ body: (Int, WireField.Value) -> Void) {
        var cursor = WireCursor()
        do {
            while let field = try unsafe cursor.next(in: message.span.bytes) {
                body(field.number, field.value)
            }
        } catch { Issue.record("malformed event: \(error)") }
    }
}

/// A key space and one hub on it.
final class Stage {
    let scratch = Scratch()
    let keyspace: Keyspace
    let sink = Recorder()
    let hub: WatchHub
    var flusher: Flusher

    init() throws {
        keyspace = try Keyspace(environment: Environment(path: scratch.database))
        flusher = Flusher(keyspace)
        hub = WatchHub(reader: keyspace.makeReader(), number: 3)
    }

    func watch(
        _ key: String, _ end: String = "", from start: Int64 = 0,
        _ edit: (inout WatchOptions) -> Void = { _ in }
    ) -> WatcherID {
        var options = WatchOptions(
            range: KeyRange(key: bytes(key), rangeEnd: bytes(end)), startRevision: start)
        edit(&options)
        return hub.create(options).watcher
    }

    func advance(_ budget: WatchHub.Budget = WatchHub.Budget()) throws {
        while try hub.advance(budget, into: sink) {}
    }

    func delete(_ key: String, _ end: String = "") throws {
        _ = try keyspace.delete(KeyRange(key: bytes(key), rangeEnd: bytes(end)))
    }
}
