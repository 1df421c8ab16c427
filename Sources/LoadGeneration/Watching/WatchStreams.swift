import EtcdClient
import HTTP
import Net
import Wire

/// Watchers over some streams, and the events that reach them.
///
/// Watchers of a stream are created one after the other, streams beside each other: how long a creation
/// takes is what the server needs, not how many were asked for at once. One that is refused is an error of
/// `creation`, one that is cancelled later or whose stream ends is one of `losses`; none is created again.
package final class WatchStreams: GRPCResponseHandler {
    private struct Stream {
        var call: GRPCClientCall?
        /// Watchers that were created or refused.
        var answered = 0
        /// When the one after them was asked for.
        var began: Int64 = 0
        /// The server's numbers of those that live.
        var living: Set<Int64> = []
    }

    private let session: LoadSession
    private let perStream: Int
    private let request: (Int) -> [UInt8]
    private var streams: [Stream]
    /// Watchers that are neither created nor refused yet.
    private var unanswered: Int
    /// By watcher, base 0 over all streams.
    private var isCreated: [Bool]
    private var isOver = false
    /// `createAll` waits.
    private var isCreating = false
    /// How long creations took, and what was refused.
    package private(set) var creation: LoadResult
    /// Watchers that live.
    package private(set) var living = 0
    /// Watchers that were created and live no more, by what ended them.
    package private(set) var losses: [GRPCStatus: Int] = [:]
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
        unanswered = count * perStream
        isCreated = Array(repeating: false, count: count * perStream)
        creation = LoadResult(
            kinds: [LoadResult.Kind(name: "watch creation")],
            timeline: Timeline(unixOffset: ProcessFigures.unixOffset()))
        for index in 0..<count {
            streams[index].call = channels[index % channels.count].open(.watch, tag: index, self)
        }
    }

    /// Creates every watcher; false when one could not be, or when told to stop.
    @discardableResult
    package func createAll(progress: @escaping (Int) -> Void = { _ in }) -> Bool {
        let began = MonotonicTime.now().nanoseconds
        let total = unanswered
        isCreating = true
        session.runLoop {
            begin()
        } tick: { [unowned self] in
            progress(total - unanswered)
            if Interruption.hasCome {
                creation.isInterrupted = true
                session.stop()
            }
        }
        isCreating = false
        creation.elapsed = Double(MonotonicTime.now().nanoseconds - began) / 1e9
        creation.timeline.close()
        return isCreated.allSatisfy { $0 }
    }

    /// Begins to create the watchers, beside whatever else runs.
    package func begin() {
        for index in 0..<streams.count { create(index) }
        if unanswered == 0, isCreating { session.stop() }
    }

    /// How many of the created watchers watch each of `count` keys, taken in turn.
    package func watchers(ofKeys count: Int) -> [Int] {
        var watchers = Array(repeating: 0, count: count)
        for (place, isCreated) in isCreated.enumerated() where isCreated { watchers[place % count] += 1 }
        return watchers
    }

    /// No watcher lives, and none is to come.
    package var isVain: Bool { living == 0 && unanswered == 0 }

    private func create(_ index: Int) {
        streams[index].began = MonotonicTime.now().nanoseconds
        streams[index].call?.send(request(index * perStream + streams[index].answered))
    }

    package func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        let answer = WatchAnswer(bytes)
        if answer.isCreated {
            created(call.tag, answer.watcher, refused: answer.isCancelled ? answer.status(bytes) : nil)
        } else if answer.isCancelled, streams[call.tag].living.remove(answer.watcher) != nil {
            lost(1, answer.status(bytes))
        }
        if answer.events > 0 {
            events += answer.events
            received?(bytes, answer.events)
        }
    }

    private func created(_ index: Int, _ number: Int64, refused refusal: GRPCStatus?) {
        if let refusal {
            creation.errors[refusal, default: 0] += 1
        } else {
            let now = MonotonicTime.now().nanoseconds
            creation.kinds[0].latencies.record(now - streams[index].began)
            creation.timeline.record(now - streams[index].began, at: now)
            isCreated[index * perStream + streams[index].answered] = true
            streams[index].living.insert(number)
            living += 1
        }
        streams[index].answered += 1
        unanswered -= 1
        if streams[index].answered < perStream { create(index) }
        if unanswered == 0, isCreating { session.stop() }
    }

    private func lost(_ count: Int, _ status: GRPCStatus) {
        living -= count
        losses[status, default: 0] += count
    }

    package func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        if isOver { return }
        let status = status.code == .ok ? GRPCStatus(.unavailable, "the server ended the stream") : status
        let index = call.tag
        let missing = perStream - streams[index].answered
        if missing > 0 { creation.errors[status, default: 0] += missing }
        if !streams[index].living.isEmpty { lost(streams[index].living.count, status) }
        streams[index] = Stream(answered: perStream)
        unanswered -= missing
        if unanswered == 0, isCreating { session.stop() }
    }

    /// Waits until `count` events have come; false when none comes for ten seconds, when no watcher lives,
    /// or when told to stop.
    @discardableResult
    package func wait(for count: Int) -> Bool {
        var (seen, quietTicks) = (events, 0)
        session.runLoop {
            if events >= count || isVain { session.stop() }
        } tick: { [unowned self] in
            quietTicks = events == seen ? quietTicks + 1 : 0
            seen = events
            let isVain = isVain || quietTicks > 100 || Interruption.hasCome
            if events >= count || isVain { session.stop() }
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
