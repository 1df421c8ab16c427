import Testing

@testable import Net

@Suite struct `Company of a loop` {
    /// A pass at `microseconds` in which `sockets` are ready; whether it is for one connection.
    private func pass(_ company: inout Company, at microseconds: Int64, _ sockets: UInt64...) -> Bool {
        company.beginPass(at: MonotonicTime(nanoseconds: microseconds * 1000))
        for socket in sockets { company.heard(socket) }
        return company.isForOneConnection
    }

    @Test func `one connection that never rests has the loop for itself after some passes`() {
        var company = Company()
        _ = pass(&company, at: 100_000, 1, 2)
        let passes = (1...20).map { pass(&company, at: 100_000 + $0 * 100, 1) }
        let lone = NetLimits.lonePasses + 1  // the first pass says nothing yet of the next
        #expect(passes == Array(repeating: false, count: lone - 1) + Array(repeating: true, count: 21 - lone))
    }

    @Test func `two connections by turns never have it`() {
        var company = Company()
        _ = pass(&company, at: 100_000, 1, 2)
        for turn in 1...40 {
            #expect(!pass(&company, at: 100_000 + Int64(turn) * 100, UInt64(turn % 2)))
        }
    }

    @Test func `a second connection ends it, and passes without a socket change nothing`() {
        var company = Company()
        for turn in 0..<20 { _ = pass(&company, at: 100_000 + Int64(turn) * 100, 1) }
        #expect(!pass(&company, at: 102_000))
        #expect(pass(&company, at: 102_100, 1))
        #expect(!pass(&company, at: 102_200, 1, 2))
        #expect(!pass(&company, at: 102_300, 1))
    }

    @Test func `whoever comes after a quiet time has it, unless another comes with them`() {
        var company = Company()
        _ = pass(&company, at: 100_000, 1)
        #expect(!pass(&company, at: 101_999, 2))
        #expect(pass(&company, at: 103_999, 3))
        #expect(!pass(&company, at: 106_000, 1, 2))
        #expect(!pass(&company, at: 106_100, 4))
        // In a pass for the doorbell no connection is heard.
        #expect(!pass(&company, at: 107_500))
        #expect(pass(&company, at: 108_100, 5))
    }

    @Test func `what came while the loop waited does not come after a quiet time`() {
        var company = Company()
        #expect(pass(&company, at: 100_000, 1))
        company.waited(until: MonotonicTime(nanoseconds: 103_000_000))
        #expect(!pass(&company, at: 103_100, 2))
    }
}
