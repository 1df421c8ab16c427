import EtcdAPI
import EtcdClient
import Glibc
import HTTP
import SwiftProtobuf
import Testing

@testable import LoadGeneration

@Suite struct `Reports` {
    private func result(_ milliseconds: [Int64]) -> LoadResult {
        var result = LoadResult(
            kinds: [LoadResult.Kind(name: "put")], timeline: Timeline(unixOffset: 1_700_000_000_000_000_000))
        for (place, value) in milliseconds.enumerated() {
            result.kinds[0].latencies.record(value * 1_000_000)
            result.timeline.record(value * 1_000_000, at: Int64(place) * 400_000_000)
        }
        result.timeline.close()
        result.elapsed = 2
        return result
    }

    @Test func `the text is etcd's, letter for letter`() {
        var result = result([1, 2, 2, 11])
        result.errors = [GRPCStatus(.unavailable, "gone"): 3]
        let expected = """

            Summary:
              Total:\t2.0000 secs.
              Slowest:\t0.0110 secs.
              Fastest:\t0.0010 secs.
              Average:\t0.0040 secs.
              Stddev:\t0.0041 secs.
              Requests/sec:\t2.0000

            Response time histogram:
              0.0010 [1]\t|∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎
              0.0020 [2]\t|∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎
              0.0030 [0]\t|
              0.0040 [0]\t|
              0.0050 [0]\t|
              0.0060 [0]\t|
              0.0070 [0]\t|
              0.0080 [0]\t|
              0.0090 [0]\t|
              0.0100 [0]\t|
              0.0110 [1]\t|∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎∎

            Latency distribution:
              10% in 0.0010 secs.
              25% in 0.0010 secs.
              50% in 0.0020 secs.
              75% in 0.0020 secs.
              90% in 0.0110 secs.
              95% in 0.0110 secs.
              99% in 0.0110 secs.
              99.9% in 0.0110 secs.

            Error distribution:
              [3]\trpc error: code = Unavailable desc = gone

            """
        #expect(TextReport().text(result) == expected)
    }

    @Test func `samples are lines per second with Go's durations`() {
        var report = TextReport()
        report.hasSamples = true
        let text = report.text(result([1, 2, 3, 8]))
        #expect(
            text.contains(
                """
                Sample in one second (unix latency throughput):
                UNIX-SECOND,MIN-LATENCY-MS,AVG-LATENCY-MS,MAX-LATENCY-MS,AVG-THROUGHPUT
                1700000000,1ms,2ms,3ms,3
                1700000001,8ms,8ms,8ms,1

                """))
    }

    @Test func `a run without a success has no summary, and its errors alone`() {
        var result = result([])
        #expect(TextReport().text(result).isEmpty)
        result.errors = [GRPCStatus(.unavailable, "gone"): 3]
        let errors = "\nError distribution:\n  [3]\trpc error: code = Unavailable desc = gone\n"
        #expect(TextReport().text(result) == errors)
    }

    @Test func `a missed rate and what was never sent are said in every form`() {
        var result = result([1, 2])
        result.pace = LoadResult.Pace(operations: 1001, intended: 1_000_000_000, actual: 1_005_000_000)
        let kept = TextReport().text(result)
        #expect(!kept.contains("Rate:") && !kept.contains("Not sent"))
        result.pace = LoadResult.Pace(operations: 1001, intended: 1_000_000_000, actual: 2_000_000_000)
        result.unsent = 7
        let text = TextReport().text(result)
        let said = """

            Rate:
              Asked for:\t1000.0000 requests/sec.
              Reached:\t500.0000 requests/sec.

            Not sent:\t7 requests that were due before the end.

            """
        #expect(text.hasSuffix(said))
        let json = JSONReport.text(result, command: "put")
        #expect(json.contains("\"unsent\":7"))
        #expect(json.contains("\"rate\":{\"asked\":1000.000000,\"reached\":500.000000,\"missed\":true}"))
        #expect(HTMLReport.text(result, command: "put").contains("due, not sent</dt><dd>7"))
    }

    @Test func `a page has its three charts, of one second too, and escapes what it shows`() {
        for milliseconds: [Int64] in [[], [5], [1, 2, 3, 40]] {
            let page = HTMLReport.text(result(milliseconds), command: "put --prefix <a&b>")
            #expect(page.split(separator: "<svg").count == 4)
            #expect(page.contains("put --prefix &lt;a&amp;b&gt;"))
            #expect(!page.contains("<a&b>"))
            #expect(!page.contains("nan") && !page.contains("inf"))
        }
    }

    @Test func `CSV has a line per second`() {
        let lines = CSVReport.text(result([1, 2, 3, 8]).timeline).split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix("1700000000,3,1.000000,2.000000,2.00"))
        #expect(lines[1].hasSuffix(",3.000000,3.000000"))
    }

    @Test(arguments: [
        (0.0, "0.0000", "0"), (1.5, "1.5000", "1.5"), (0.00005, "0.0001", "5e-05"),
        (-2.25, "-2.2500", "-2.25"),
        (123456.789, "123456.7890", "123456.789"), (1e21, "1e+21", "1e+21"),
    ])
    func `numbers are printed as Go prints them`(_ value: Double, _ fixed: String, _ shortest: String) {
        #expect(NumberText.fixed(value) == fixed)
        #expect(NumberText.shortest(value) == shortest)
    }

    @Test func `a comparison gives the ratio of every round, its median and extremes`() throws {
        var comparison = Comparison()
        for (a, b) in [(4, 2), (9, 3), (8, 8)] {
            var left = result(Array(repeating: 1, count: a))
            var right = result(Array(repeating: 2, count: b))
            left.elapsed = 1
            right.elapsed = 1
            comparison.add(a: left, b: right)
        }
        let rates = try #require(comparison.figures.first)
        #expect(rates.ratios == [2, 3, 1])
        #expect(Comparison.median(rates.ratios) == 2)
        #expect(comparison.text.contains("Requests/sec"))
        let json = comparison.json(command: "benchmark compare", a: "h1:1", b: "h2:2")
        #expect(json.contains("\"ratios\":[2.000000,3.000000,1.000000]"))
        #expect(
            json.hasPrefix(
                "{\"command\":\"benchmark compare\",\"targets\":{\"a\":\"h1:1\",\"b\":\"h2:2\"},"
                    + "\"rounds\":3,\"interrupted\":false"))
    }

    @Test func `a comparison tells what failed, what it cannot tell, and that it was interrupted`() {
        var comparison = Comparison()
        var (left, right) = (result([1]), result([1]))
        left.server = ServerUse(cpu: 0, residentBytes: 1, anonymousBytes: 1)
        right.server = left.server
        right.errors = [GRPCStatus(.unavailable, "gone"): 2]
        comparison.add(a: left, b: right)
        comparison.add(a: left, b: right)
        comparison.isInterrupted = true
        let text = comparison.text
        #expect(text.contains("too short to tell"))
        #expect(
            text.hasSuffix(
                "\nErrors of b:\n  [4]\trpc error: code = Unavailable desc = gone\n"
                    + "\nInterrupted: these rounds were over until then.\n"))
        #expect(
            comparison.json(command: "", a: "", b: "").contains(
                "\"errors\":{\"a\":[],\"b\":[{\"code\":\"Unavailable\",\"text\":\"gone\",\"count\":4}]}"))
    }

    @Test func `processor time is known finer than the kernel's ticks, and adds up over processes`() throws {
        let own = getpid()
        let meter = try #require(ServerMeter([own, own]))
        let before = ProcessFigures.ownCPU()
        while ProcessFigures.ownCPU() < before + 0.003 {}
        let use = try #require(meter.use())
        #expect(use.cpu >= 0.005)
        #expect(use.residentBytes > (ProcessFigures(pid: own)?.residentBytes ?? 0))
        #expect(ServerMeter([own, -5]) == nil)
        #expect(ServerMeter([]) == nil)
    }

    @Test func `percentiles are within a thousandth and extremes are exact`() {
        var latencies = Latencies()
        for value in 1...10_000 as ClosedRange<Int64> { latencies.record(value * 1000) }
        #expect(latencies.fastest == 1000)
        #expect(latencies.slowest == 10_000_000)
        for percent in [10.0, 50, 90, 99, 99.9] {
            let exact = percent * 1e-4
            #expect(abs(latencies.percentile(percent) - exact) <= exact * 0.0011)
        }
        #expect(latencies.buckets.reduce(0) { $0 + $1.count } == 10_000)
    }
}

@Suite struct `Request logs` {
    @Test func `a log is read back as it was written`() throws {
        var log = RequestLog()
        log.entries = [
            .init(microseconds: 0, method: .put, message: [0, 255, 16]),
            .init(microseconds: 5, method: .range, message: []),
        ]
        #expect(log.text == "0 /etcdserverpb.KV/Put 00ff10\n5 /etcdserverpb.KV/Range -\n")
        #expect(try RequestLog(text: "# made by hand\n\n" + log.text).entries == log.entries)
    }

    @Test func `a lease that is gone is an error of a replay too`() throws {
        var log = RequestLog()
        log.entries = [
            .init(microseconds: 0, method: .leaseKeepAlive, message: [8, 7]),
            .init(microseconds: 5, method: .put, message: [10, 1, 7]),
        ]
        let replay = ReplayWorkload(log, clients: 1)
        func step(_ answer: LeaseKeepAliveResponse?) throws -> Step {
            var request: [UInt8] = []
            _ = replay.begin(0, &request)
            if let answer {
                let bytes: [UInt8] = try answer.serializedBytes()
                replay.answer(0, bytes.span.bytes)
            }
            return replay.proceed(0, &request)
        }
        let gone = GRPCStatus(.notFound, "etcdserver: requested lease not found")
        #expect(try step(.with { $0.id = 7 }) == .failed(gone))
        #expect(try step(nil) == .done(kind: 1))
        #expect(try step(.with { $0.ttl = 9 }) == .done(kind: 0))
    }

    @Test(arguments: [
        "x /etcdserverpb.KV/Put 00", "5 /etcdserverpb.KV/Put", "5 /a/B 00", "5 /etcdserverpb.KV/Put 0",
        "5 /etcdserverpb.KV/Put zz", "5 /etcdserverpb.KV/Put -\n4 /etcdserverpb.KV/Put -",
    ])
    func `what is no log is refused with its line`(_ text: String) {
        #expect(throws: RequestLog.Problem.self) { try RequestLog(text: text) }
    }
}

@Suite struct `Timelines` {
    private func timeline(_ ends: [Double]) -> Timeline {
        var timeline = Timeline(unixOffset: 1_700_000_000_000_000_000)
        for end in ends { timeline.record(1_000_000, at: Int64(end * 1e9)) }
        timeline.close()
        return timeline
    }

    @Test func `a second without an end is there, with zeros`() {
        let seconds = timeline([0.5, 0.6, 3.5, 3.9]).seconds
        #expect(seconds.map(\.unix) == [1_700_000_000, 1_700_000_001, 1_700_000_002, 1_700_000_003])
        #expect(seconds.map(\.count) == [2, 0, 0, 2])
        #expect(seconds[1].slowest == 0 && seconds[1].share == 1)
        let lines = CSVReport.text(timeline([0.5, 0.6, 3.5])).split(separator: "\n")
        #expect(lines[2] == "1700000001,0,0.000000,0.000000,0.000000,0.000000,0.000000")
    }

    @Test func `the first and the last second know how much of them was measured`() {
        let shares = timeline([0.701, 1.2, 2.1, 2.3]).seconds.map(\.share)
        for (share, expected) in zip(shares, [0.3, 1, 0.3]) { #expect(abs(share - expected) < 1e-6) }
        #expect(abs(timeline([0.4, 0.5]).seconds[0].share - 0.101) < 1e-6)
    }

    @Test func `a chart breaks its line where nothing ended, and shows no rate of a splinter`() {
        var result = LoadResult(
            kinds: [LoadResult.Kind(name: "put")], timeline: timeline([0.1, 1.5, 4.5, 5.05]))
        result.kinds[0].latencies.record(1)
        let charts = HTMLReport.text(result, command: "x").split(separator: "<svg")
        #expect(charts[1].split(separator: "<polyline").count - 1 == 3 * 2)  // two pieces of three lines
        let rate = charts[2].split(separator: "points=\"")[1].prefix { $0 != "\"" }
        #expect(rate.split(separator: " ").count == 5)
    }

    @Test func `every kind has its percentiles`() {
        var result = LoadResult(
            kinds: (0..<8).map { LoadResult.Kind(name: "kind \($0)") }, timeline: timeline([0.1]))
        for place in 0..<8 { result.kinds[place].latencies.record(Int64(place + 1) * 1000) }
        let chart = HTMLReport.text(result, command: "x").split(separator: "<svg")[3]
        #expect(chart.split(separator: "<polyline").count - 1 == 8)
        #expect(chart.contains("class=\"line1 dashed\""))
    }
}
