import EtcdClient
import HTTP
import Net
import Wire

/// Compacts every so often while a load runs: asks for the newest revision, then compacts some way behind it.
package final class PeriodicCompaction: GRPCResponseHandler {
    private let channel: Channel
    private let interval: Duration
    private let kept: Int64
    private var next: MonotonicTime
    private var isBusy = false
    private var newest: Int64 = 0
    private var compacted: Int64 = 0

    private enum Request { static let (revision, compaction) = (0, 1) }

    package init(_ channel: Channel, every interval: Duration, keeping kept: Int64) {
        self.channel = channel
        self.interval = interval
        self.kept = kept
        next = MonotonicTime.now() + interval
    }

    /// Compacts when it is time; called often, on the loop.
    package func tick() {
        let now = MonotonicTime.now()
        guard !isBusy, now >= next else { return }
        next = now + interval
        isBusy = true
        var range = RangeOptions()
        range.key = [0]
        var request: [UInt8] = []
        request.appendRange(range)
        channel.ask(.range, request, tag: Request.revision, self)
    }

    package func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        guard call.tag == Request.revision, let fields = try? Fields(decoding: bytes) else { return }
        newest = fields.message(1)?.number(3) ?? 0
    }

    /// A compaction that fails (somebody else was faster) is no matter of the load's.
    package func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        guard call.tag == Request.revision, status.code == .ok, newest - kept > compacted else {
            isBusy = false
            return
        }
        compacted = newest - kept
        var request: [UInt8] = []
        request.appendField(1, compacted)
        channel.ask(.compact, request, tag: Request.compaction, self)
    }
}
