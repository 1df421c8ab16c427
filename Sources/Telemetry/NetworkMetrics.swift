/// Traffic with clients and other members. Labels `To`, `From`, `Local`, `Remote` are hexadecimal ids.
package struct NetworkMetrics: Sendable {
    package let clientReceivedBytes: Counter
    package let clientSentBytes: Counter
    /// Labels: Type (`receive`, `send`), API (`watch`, `lease-keepalive`).
    package let streamFailures: Labelled<Counter>
    package let activePeers: Labelled<Gauge>
    package let knownPeers: Labelled<Gauge>
    package let disconnectedPeers: Labelled<Counter>
    package let peerSentBytes: Labelled<Counter>
    package let peerReceivedBytes: Labelled<Counter>
    package let peerSentFailures: Labelled<Counter>
    package let peerReceivedFailures: Labelled<Counter>
    package let roundTripTime: Labelled<Histogram>
    package let snapshotsSent: SnapshotTransferMetrics
    package let snapshotsReceived: SnapshotTransferMetrics

    init(_ r: MetricsRegistry) {
        clientReceivedBytes = r.counter(
            "etcd_network_client_grpc_received_bytes_total", "Bytes of messages from clients.")
        clientSentBytes = r.counter(
            "etcd_network_client_grpc_sent_bytes_total", "Bytes of messages to clients.")
        streamFailures = r.counters(
            "etcd_network_server_stream_failures_total", "Streams that failed.", "Type", "API")
        activePeers = r.gauges(
            "etcd_network_active_peers", "Members this one is connected with.", "Local", "Remote")
        knownPeers = r.gauges(
            "etcd_network_known_peers", "Members this one knows.", "Local", "Remote")
        disconnectedPeers = r.counters(
            "etcd_network_disconnected_peers_total", "Connections to members that were lost.", "Local",
            "Remote")
        peerSentBytes = r.counters(
            "etcd_network_peer_sent_bytes_total", "Bytes sent to a member.", "To")
        peerReceivedBytes = r.counters(
            "etcd_network_peer_received_bytes_total", "Bytes received from a member.", "From")
        peerSentFailures = r.counters(
            "etcd_network_peer_sent_failures_total", "Messages to a member that failed.", "To")
        peerReceivedFailures = r.counters(
            "etcd_network_peer_received_failures_total", "Messages from a member that failed.", "From")
        roundTripTime = r.histograms(
            "etcd_network_peer_round_trip_time_seconds", "Round trip time to a member.",
            .exponential(0.0001, 2, 16), "To")
        snapshotsSent = SnapshotTransferMetrics(r, "send", "To")
        snapshotsReceived = SnapshotTransferMetrics(r, "receive", "From")
    }
}

/// Snapshots on their way between members, in one direction.
package struct SnapshotTransferMetrics: Sendable {
    package let inFlight: Labelled<Gauge>
    package let successes: Labelled<Counter>
    package let failures: Labelled<Counter>
    package let duration: Labelled<Histogram>

    fileprivate init(_ r: MetricsRegistry, _ direction: String, _ label: String) {
        let name = "etcd_network_snapshot_\(direction)_"
        inFlight = r.gauges(name + "inflights_total", "Snapshots on their way (\(direction)).", label)
        successes = r.counters(name + "success", "Snapshots that arrived (\(direction)).", label)
        failures = r.counters(name + "failures", "Snapshots that failed (\(direction)).", label)
        duration = r.histograms(
            name + "total_duration_seconds", "Time of a snapshot's way (\(direction)).",
            .exponential(0.1, 2, 10), label)
    }
}
