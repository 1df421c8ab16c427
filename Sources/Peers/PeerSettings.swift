/// The times and bounds of a transport, and what happens at each.
package struct PeerSettings: Sendable {
    /// A stream from which nothing came for this time is closed and dialled again (raft-read-timeout).
    /// A third of it lies between two heartbeats of a link.
    package var readTimeout: Duration = .seconds(5)
    /// A stream whose other side takes no byte for this time is closed (raft-write-timeout).
    package var writeTimeout: Duration = .seconds(5)
    /// What a connection may take to come about: 1 s + election timeout (spec/peer.md 4).
    package var dialTimeout: Duration
    /// What a helper page, a pipelined message or the answer to a whole snapshot may take.
    package var answerTimeout: Duration = .seconds(5)
    /// The pause before a lost stream is dialled again, at the next URL of the peer.
    package var redialPause: Duration = .milliseconds(100)
    /// How often every peer is asked `/raft/probing`.
    package var probeInterval: Duration = .seconds(4)
    /// Messages waiting for one stream; more are dropped and the peer reported unreachable.
    package var streamMessagesMax = 4096
    /// Bytes of the entries waiting for one stream (shared with the log, not copies); beyond it as above.
    package var streamBytesMax = 256 << 20
    /// Messages waiting for the pipeline of one peer, and how many it posts at once; more are dropped.
    package var pipelineMessagesMax = 64
    package var pipelineConnectionsMax = 4
    /// One message on the wire (etcd takes 512 MiB); a larger one ends its stream.
    package var messageBytesMax = 512 << 20
    /// The message in front of a snapshot; a larger one is refused.
    package var envelopeBytesMax = 64 << 20
    /// Snapshots on their way to other members; one more counts as failed at once.
    package var snapshotSendsMax = 16
    /// Snapshots being received; one more is refused with 503.
    package var snapshotReceivesMax = 4
    /// What one snapshot may take of the network and the disk it is read from.
    package var snapshotBytesPerSecond = 100 << 20
    /// A snapshot whose receiver takes, or whose sender brings, no byte for this time has failed.
    package var snapshotStallTimeout: Duration = .seconds(30)

    package init(electionTimeout: Duration) { dialTimeout = .seconds(1) + electionTimeout }
}
