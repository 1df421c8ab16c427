import Simulation
import Testing

/// A handful of whole runs; `tools/test simulation` makes 300 with the release build.
@Suite struct SeedTests {
    @Test(arguments: [1, 4, 6, 10, 11] as [UInt64])
    func `nothing goes wrong in a run`(seed: UInt64) throws {
        let report = try Runs.run(seed: seed)
        #expect(report.violation == nil, "\(report.text)")
        #expect(report.callsAnswered > 100, "\(report.text)")
        #expect(report.entries > 100, "\(report.text)")
        #expect(report.statesCompared > 10, "\(report.text)")
    }

    @Test func `a run is a function of its seed`() throws {
        let (first, again, other) = (try Runs.run(seed: 4), try Runs.run(seed: 4), try Runs.run(seed: 10))
        #expect(first.traceHash == again.traceHash)
        #expect(first.events == again.events)
        #expect(first.traceHash != other.traceHash)
    }

    @Test func `a trace is text about the run and does not change it`() throws {
        var lines = 0
        let traced = try Runs.run(seed: 4) { _ in lines += 1 }
        #expect(lines > 1000)
        #expect(traced.traceHash == (try Runs.run(seed: 4)).traceHash)
    }
}
