import EtcdAPI
import MVCC
import Raft
import Wire

/// The WatchResponse with events that was made last. Of the watchers of one key most are the first of their
/// stream and have the same id: they get the same bytes, made once.
struct LastEvents {
    private struct Content {
        var id: Int64
        var revision: Int64
        var term: UInt64
        var events: WatchEvents
    }

    private var content: Content?
    private var message: [UInt8] = []

    /// A response to the watcher `id`; the copies of one message share their bytes.
    mutating func message(
        _ responses: ResponseWriter, id: Int64, revision: Int64, _ events: WatchEvents
    ) -> [UInt8] {
        let term = responses.term.rawValue
        if let content, content.revision == revision, content.id == id, content.term == term,
            content.events.sharesBytes(with: events)
        {
            return message
        }
        var bytes = responses.begin(revision: revision, reserving: events.bytes.count)
        bytes.appendField(WatchResponse.Field.watchID, id)
        bytes += events.bytes
        // A large one is not worth holding until the next.
        content =
            bytes.count <= 64 << 10 ? Content(id: id, revision: revision, term: term, events: events) : nil
        message = content == nil ? [] : bytes
        return bytes
    }
}
