import Net
import Testing

@testable import HTTP

/// A client against a server with everything that can happen between them, in any order.
@Suite struct `HTTP/2 at random` {
    /// One run: a stormy phase, then a calm one in which everything must end.
    final class Run {
        let pair: SessionPair
        var random: SeededGenerator
        private let windowBytes: Int
        private var calls: [Int: GRPCClientCall] = [:]
        private var asked: [Int: [[UInt8]]] = [:]
        private var answered: [Int: [[UInt8]]] = [:]
        private var finished: Set<Int> = []
        private var begun: Set<Int> = []
        private var releasedSources = 0
        private var madeSources = 0
        private var nextTag = 0
        private var isDrained = false

        init(seed: UInt64) {
            random = SeededGenerator(seed: seed)
            windowBytes = Int.random(in: 0..<3, using: &random) == 0 ? 65_535 : 200_000
            var clientLimits = GRPCClientConfiguration.limits
            var serverLimits = HTTPLimits()
            clientLimits.windowBytes = Int32(windowBytes)
            clientLimits.lowWaterBytes = 5000
            serverLimits.windowBytes = Int.random(in: 0..<2, using: &random) == 0 ? 65_535 : 1 << 20
            serverLimits.concurrentStreamsMax = [1, 2, 5, .max].randomElement(using: &random) ?? .max
            serverLimits.lowWaterBytes = 5000
            serverLimits.resetsBurst = 10_000
            pair = SessionPair(clientLimits, serverLimits)
            pair.caller.whenTold = { [unowned self] _ in if chance(10) { act() } }
            pair.answerer.whenTold = { [unowned self] _ in if chance(10) { act() } }
        }

        func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

        private func message() -> [UInt8] {
            let size = [0, 1, 10, 300, 3000, 17_000, 80_000][Int.random(in: 0..<7, using: &random)]
            return [UInt8](repeating: UInt8.random(in: 0...255, using: &random), count: size)
        }

        private func someCall() -> GRPCClientCall? {
            let open = calls.values.filter(\.isOpen).sorted { $0.tag < $1.tag }
            return open.randomElement(using: &random)
        }

        /// What a caller or an application may do at any time, also from within a callback.
        func act() {
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1: ask()
            case 2, 3:
                guard let call = someCall(), !call.isOutputWhole else { return }
                let message = message()
                asked[call.tag, default: []].append(message)
                call.send(message)
            case 4: someCall()?.halfClose()
            case 5: if chance(30) { someCall()?.cancel() }
            default: answer()
            }
        }

        private func ask() {
            guard calls.count < 300 else { return }
            let tag = nextTag
            nextTag += 1
            var metadata = [(name: "token", value: "\(tag)")]
            if chance(10) { metadata.append((name: "grpc-timeout", value: "20m")) }
            let headers = ClientHarness.headers(["Unary", "Stream"].randomElement(using: &random)!, metadata)
            let deadline = chance(10) ? pair.now + .milliseconds(Int.random(in: 0..<40, using: &random)) : nil
            let call = GRPCClientCall(headers, tag: tag, deadline: deadline, pair.caller)
            while chance(50) {
                let message = message()
                asked[tag, default: []].append(message)
                call.send(message)
            }
            if chance(50) { call.halfClose() }
            calls[tag] = call
            if pair.clientSession.begin(call) { begun.insert(tag) }
        }

        private func answer() {
            guard let call = pair.answerer.open.randomElement(using: &random), call.isOpen else { return }
            let tag = pair.answerer.tag(call)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: call.begin()
            case 1: finish(call, .ok)
            case 2: if chance(20) { finish(call, GRPCStatus(.aborted, String(repeating: "é", count: 3000))) }
            case 3:
                let size = Int.random(in: 0...50_000, using: &random)
                madeSources += 1
                answered[tag, default: []].append((0..<size).map { PatternSource.byte($0) })
                call.send(PatternSource(size: size) { [unowned self] in releasedSources += 1 })
            default:
                let message = message()
                answered[tag, default: []].append(message)
                call.send(message)
            }
        }

        private func finish(_ call: GRPCCall, _ status: GRPCStatus) {
            pair.answerer.open.removeAll { $0 === call }
            finished.insert(pair.answerer.tag(call))
            call.finish(status)
        }

        /// Frames of the client's own making, where its last one is whole.
        private func interfere() {
            guard !pair.client.wantsFlush, pair.clientSession.control.isEmpty, pair.serverSession.isListening
            else { return }
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                let value = [0, 1, 100, 16_384, windowBytes].randomElement(using: &random) ?? 0
                pair.server.arriving += Frames.settings([(4, UInt32(value))])
            case 1:
                pair.server.arriving += Frames.settings([(1, UInt32.random(in: 0...5000, using: &random))])
            case 2: pair.server.arriving += Frames.frame(0xdd, flags: 1, stream: 1, [1, 2, 3])
            default: pair.server.arriving += Frames.settings()
            }
        }

        func storm(_ steps: Int) {
            for _ in 0..<steps {
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<5: act()
                case 5..<8:
                    let size = [16_448, 17_000, 40_000, 256 * 1024].randomElement(using: &random) ?? 0
                    let count = [1, 5, 9, 100, 20_000, Int.max].randomElement(using: &random) ?? 0
                    pair.carry(fromClient: chance(50), size: size, count: count)
                case 8: interfere()
                default:
                    pair.now = pair.now + .milliseconds(Int.random(in: 0..<10, using: &random))
                    pair.client.tick()
                    pair.server.tick()
                }
                if chance(1), chance(10), !isDrained {
                    isDrained = true
                    pair.serverSession.drain()
                }
            }
        }

        /// Everyone ends what is theirs to end, and all windows are open.
        func calm() {
            pair.caller.whenTold = nil
            pair.answerer.whenTold = nil
            pair.carry(fromClient: true, size: 1 << 20, count: .max)
            expect(pair.settle(), "no end")
            if pair.serverSession.isListening {
                pair.server.arriving += Frames.settings([(4, UInt32(windowBytes))])
                pair.server.read(.max)
            }
            for call in calls.values { call.halfClose() }
            expect(pair.settle(), "no end")
            // Calls may wait for others to end, and then come one by one.
            for _ in 0..<400 where !pair.answerer.open.isEmpty {
                for call in pair.answerer.open { finish(call, .ok) }
                expect(pair.settle(), "no end")
            }
            pair.now = pair.now + .seconds(1)
            pair.client.tick()
            pair.server.tick()
            expect(pair.settle(), "no end")
        }

        func lose() {
            if chance(50) { pair.client.session.closed() }
            pair.server.session.closed()
            pair.client.session.closed()
            pair.client.isClosed = true
            pair.server.isClosed = true
        }

        func check(isCalm: Bool) {
            for end in [pair.client!, pair.server!] {
                expect(end.session.unsentBytes == 0, "unsent bytes")
                expect(end.session.partialBytes == 0, "partial bytes")
                expect(end.session.streams.isEmpty && end.session.table.count == 0, "streams are left")
                if isCalm { expect(!end.session.isTerminated, "broken off") }
            }
            expect(releasedSources == madeSources, "sources")
            for (tag, call) in calls where begun.contains(tag) {
                expect(!call.isOpen, "call \(tag) is open")
                let statuses = pair.caller.statuses[tag] ?? []
                expect(statuses.count == 1, "call \(tag) ended with \(statuses)")
                let got = pair.caller.messages[tag] ?? []
                let given = answered[tag] ?? []
                expect(given.starts(with: got), "call \(tag): other messages")
                expect(statuses.first != .ok || got.count == given.count, "call \(tag): less than all")
                let heard = pair.answerer.messages[tag] ?? []
                expect((asked[tag] ?? []).starts(with: heard), "call \(tag): heard other messages")
                expect(pair.answerer.halfClosed[tag] ?? 0 <= 1, "call \(tag): half-closed twice")
            }
            for tag in pair.answerer.tags.values {
                let expected = finished.contains(tag) ? 0 : 1
                expect(pair.answerer.cancelled[tag] ?? 0 == expected, "call \(tag): cancelled or not")
            }
        }

        /// `#expect` would print all that a session holds.
        private func expect(_ condition: Bool, _ text: String) {
            if !condition { Issue.record("\(text)") }
        }
    }

    @Test(arguments: 1...300)
    func `every call ends once, with what was said in order, and nothing is kept`(seed: UInt64) {
        let run = Run(seed: seed)
        run.storm(Int.random(in: 10...600, using: &run.random))
        run.calm()
        run.check(isCalm: true)
    }

    @Test(arguments: 1001...1200)
    func `a connection lost at any time ends every call once`(seed: UInt64) {
        let run = Run(seed: seed)
        run.storm(Int.random(in: 1...300, using: &run.random))
        run.lose()
        run.check(isCalm: false)
    }
}
