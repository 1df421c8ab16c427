import EtcdClient
import HTTP
import Net
import Wire

/// Watchers over some streams, and the events that reach them.
///
/// Watchers of a stream are created one after the other, streams beside each other: how long a creation
/// takes is what the server needs, not how many were asked for at once.
package final class WatchStreams: GRPCResponseHandler {
    private struct Stream {
        var call: GRPCClientCall?
        var created = 0
        var began: Int64 = 0
    }

    private let session: LoadSession
    private let perStream: Int
    private let request: (Int) -> [UInt8]
    private var streams: [Stream]
    private var uncreated: Int
    private var isOver = false
    /// `createAll` waits.
    private var isCreating = false
    /// How long creations took.
    package private(set) var creation: LoadResult
    /// Events in all, those of all watchers.
    package private(set) var events = 0
    /// Told of every answer with events, after they are counted: the answer, and how many it holds.
    package var received: ((borrowing RawSpan, Int) -> Void)?

    /// `request` makes the WatchRequest of a watcher, base 0 over all streams. Stream i goes over channel
    /// i, in turn.
    package init(
        _ session: LoadSession, over channels: [Channel], streams count: Int, perStream: Int,
        request: @escaping (Int) -> [UInt8]
    ) {
        precondition(count > 0 && perStream > 0, "someone watches")
        self.session = session
        self.perStream = perStream
        self.request = request
        streams = Array(repeating: Stream(), count: count)
        uncreated = count * perStream
        creation = LoadResult(
            kinds: [LoadResult.Kind(name: "watch creation")],
            timeline: Timeline(unixOffset: ProcessFigures.unixOffset()))
        for index in 0..<count {
            streams[index].call = channels[index % channels.count].open(.watch, tag: index, self)
        }
    }

    /// Creates every watcher; false when one could not be, or when told to stop.
    package func createAll(progress: @escaping (Int) -> Void = { _ in }) -> Bool {
        let began = MonotonicTime.now().nanoseconds
        let total = uncreated
        isCreating = true
        session.runLoop {
            begin()
        } tick: { [unowned self] in
            progress(total - uncreated)
            if Interruption.hasCome {
                creation.isInterrupted = true
                session.stop()
            }
        }
        isCreating = false
        creation.elapsed = Double(MonotonicTime.now().nanoseconds - began) / 1e9
        creation.timeline.close()
        return uncreated == 0
    }

    /// Begins to create the watchers, beside whatever else runs.
    package func begin() {
        for index in 0..<streams.count { create(index) }
    }

    private func create(_ index: Int) {
        streams[index].began = MonotonicTime.now().nanoseconds
        streams[index].call?.send(request(index * perStream + streams[index].created))
    }

    package func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        var (isCreated, count) = (false, 0)
        var cursor = WireCursor()
        while let field = try? cursor.next(in: bytes) {
            if field.number == 3 { isCreated = true }
            if field.number == 11 { count += 1 }
        }
        if isCreated { created(call.tag) }
        if count > 0 {
            events += count
            received?(bytes, count)
        }
    }

    private func created(_ index: Int) {
        let now = MonotonicTime.now().nanoseconds
        creation.kinds[0].latencies.record(now - streams[index].began)
        creation.timeline.record(now - streams[index].began, at: now)
        streams[index].created += 1
        uncreated -= 1
        if streams[index].created < perStream { create(index) }
        if uncreated == 0, isCreating { session.stop() }
    }

    package func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        if isOver { return }
        creation.errors[status, default: 0] += 1
        if isCreating { session.stop() }
    }

    /// Waits until `count` events have come; false when none comes for ten seconds, or when told to stop.
    package func wait(for count: Int) -> Bool {
        var (seen, quietTicks) = (events, 0)
        session.runLoop {
            if events >= count { session.stop() }
        } tick: { [unowned self] in
            quietTicks = events == seen ? quietTicks + 1 : 0
            seen = events
            if events >= count || quietTicks > 100 || Interruption.hasCome { session.stop() }
        }
        return events >= count
    }

    /// Ends the streams.
    package func close() {
        isOver = true
        for stream in streams { stream.call?.cancel() }
    }

    /// A WatchRequest that creates a watcher; `from` 0: of what comes.
    package static func request(
        key: [UInt8], end: [UInt8] = [], from revision: Int64 = 0, previous: Bool = false
    ) -> [UInt8] {
        var create: [UInt8] = []
        create.appendField(1, always: key)
        if !end.isEmpty { create.appendField(2, always: end) }
        create.appendField(3, revision)
        create.appendField(6, previous)
        var request: [UInt8] = []
        request.appendField(1, always: create)
        return request
    }
}
