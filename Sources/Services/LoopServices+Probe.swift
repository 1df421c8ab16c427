import HTTP
import MVCC
import Store

/// The health pages' reads (spec/http.md 4): one key of the empty prefix, at most.
extension LoopServices {
    /// Reads from this member's own data; the error's text, or nil.
    package func probeSerializable() -> String? {
        do throws(MVCCError) {
            var options = SelectionOptions()
            options.limit = 1
            options.wantsTotal = false
            let selection = try reader.select(.all, options: options)
            defer { selection.release() }
            if !selection.matches.isEmpty { _ = try selection.record(0) }
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The same behind a read round; `completion` is called once, at the latest when
    /// a request's time is over.
    package func probeLinearizable(_ completion: @escaping (String?) -> Void) {
        reads.gather(.step(Probe(self, completion)))
    }

    private final class Probe: QueueStep {
        private unowned let services: LoopServices
        private let completion: (String?) -> Void

        init(_ services: LoopServices, _ completion: @escaping (String?) -> Void) {
            self.services = services
            self.completion = completion
        }

        var asker: GRPCCall? { nil }

        func readable() { completion(services.probeSerializable()) }
        func failed(_ status: GRPCStatus) { completion(status.message) }
        func replied(_ outcome: Outcome) { preconditionFailure("a probe proposes nothing") }
    }
}
