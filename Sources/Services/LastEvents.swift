import EtcdAPI
import MVCC
import Raft
import Wire

/// The WatchResponse with events that was made last. Of the watchers of one key most are the first of their
/// stream and have the same id: they get the same bytes, made once.
struct LastEvents {
    private var id: Int64 = 0
    private var revision: Int64 = 0
    private var term: UInt64 = 0
    /// None where there is no message.
    private var events = WatchEvents()
    private var message: [UInt8] = []

    /// A response to the watcher `id`; the copies of one message share their bytes.
    mutating func message(
        _ responses: ResponseWriter, id: Int64, revision: Int64, _ events: WatchEvents
    ) -> [UInt8] {
        let term = responses.term.rawValue
        if self.revision == revision, self.id == id, self.term == term, self.events.sharesBytes(with: events)
        {
            return message
        }
        var bytes = responses.begin(revision: revision, reserving: events.byteCount)
        bytes.appendField(WatchResponse.Field.watchID, id)
        bytes += events.bytes
        // A large one is not worth holding until the next.
        let isKept = bytes.count <= 64 << 10
        (self.id, self.revision, self.term) = (id, revision, term)
        self.events = isKept ? events : WatchEvents()
        message = isKept ? bytes : []
        return bytes
    }
}
