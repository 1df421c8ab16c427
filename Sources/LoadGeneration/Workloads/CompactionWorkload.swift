import EtcdClient
import Wire

/// Puts, and a compaction every so many of them, which keeps the newest revisions: `compaction`, and `put`
/// with `--compact-interval`.
package final class CompactionWorkload: Workload {
    package let kinds = ["put", "compaction"]
    private var keys: KeySpace
    private var values: Values
    private let putsPerCompaction: Int
    private let kept: Int64
    private let isPhysical: Bool
    private var puts = 0
    private var newest: Int64 = 0
    private var compacted: Int64 = 0
    private var isCompacting: [Bool]

    /// `kept`: revisions left behind the newest. `isPhysical`: answered when the records are gone.
    package init(
        keys: KeySpace, values: Values, putsPerCompaction: Int, kept: Int64, isPhysical: Bool, clients: Int
    ) {
        precondition(putsPerCompaction > 0 && kept >= 0, "a compaction follows puts")
        self.keys = keys
        self.values = values
        self.putsPerCompaction = putsPerCompaction
        self.kept = kept
        self.isPhysical = isPhysical
        isCompacting = Array(repeating: false, count: clients)
    }

    package func begin(_ client: Int, _ request: inout [UInt8]) -> Method {
        let revision = newest - kept
        if puts >= putsPerCompaction, revision > compacted {
            puts = 0
            compacted = revision
            isCompacting[client] = true
            request.appendField(1, revision)
            request.appendField(2, isPhysical)
            return .compact
        }
        puts += 1
        isCompacting[client] = false
        request.appendPut(&keys, values.draw())
        return .put
    }

    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        guard !isCompacting[client], let fields = try? Fields(decoding: bytes) else { return }
        newest = max(newest, fields.message(1)?.number(3) ?? 0)  // header.revision
    }

    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        .done(kind: isCompacting[client] ? 1 : 0)
    }
}
