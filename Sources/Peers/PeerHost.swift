import Raft

/// What the transport tells its owner; always on the transport's event loop.
///
/// Calls come from within the reading of a socket: the owner gathers, and acts at the end of the pass
/// (`EventLoop.atEndOfPass`). It may call the transport back at once.
package protocol PeerHost: AnyObject {
    /// A message for this member, from one that is not removed. Never `.snapshot`.
    func received(_ message: Message)
    /// A `.snapshot` message whose file is whole: its digest was verified, it lies at `path` under its
    /// final name, and file and directory are synced.
    func received(snapshot message: Message, at path: String)
    /// A message to this member was dropped, or its last stream was lost.
    func unreachable(_ id: MemberID)
    /// The end of one `PeerTransport.sendSnapshot`; exactly one each, in any order, never from within
    /// that call.
    func snapshotSent(to id: MemberID, hasArrived: Bool)
    /// `id` said (403 to a message, 410 to a stream) that this member was removed from the cluster for
    /// good. Said once per member that says so; the member is to stop.
    func removed(by id: MemberID)
}
