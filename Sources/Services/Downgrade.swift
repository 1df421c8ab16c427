import EtcdAPI
import HTTP
import MVCC
import Store
import Wire

/// A DowngradeRequest {1 action, 2 version}.
struct Downgrade: Sendable {
    var action: UInt64 = 0
    var version: [UInt8] = []

    init?(decoding bytes: borrowing RawSpan) {
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: bytes) {
                switch (field.number, field.value) {
                case (1, .varint(let value)): action = value
                case (2, .bytes(let at)): version = bytes.extracting(at).copied()
                default: break
                }
            }
        } catch { return nil }
    }

    /// The version asked for, with patch 0; nil when its format is wrong (`X.Y` or `X.Y.Z`).
    var target: ClusterVersion? {
        ClusterVersion(String(decoding: version, as: UTF8.self))
            .map { ClusterVersion(major: $0.major, minor: $0.minor) }
    }
}

/// Maintenance.Downgrade (api.md 16): VALIDATE 0, ENABLE 1, CANCEL 2.
extension LoopServices {
    func downgrade(_ call: GRPCCall, _ request: Downgrade) {
        switch request.action {
        case 0, 1:
            guard request.target != nil else {
                return finish(call, .downgrade, GRPCStatus(.wrongDowngradeVersionFormat))
            }
            reads.gather(.downgrade(call, request))
        case 2: cancelDowngrade(call)
        default: finish(call, .downgrade, .unknownMethod)
        }
    }

    /// The read point of a VALIDATE or ENABLE is reached.
    func continueDowngrade(_ call: GRPCCall, _ request: Downgrade) {
        guard let cluster = context.membership.clusterVersion else {
            return finish(call, .downgrade, .clusterVersionNotFound)
        }
        let allowed = ClusterVersion(major: cluster.major, minor: cluster.minor - 1)
        guard request.target == allowed else {
            return finish(call, .downgrade, GRPCStatus(.invalidDowngradeTargetVersion))
        }
        guard !context.membership.downgrade.enabled else {
            return finish(call, .downgrade, GRPCStatus(.downgradeInProgress))
        }
        if request.action == 0 { return respondDowngrade(call) }
        var entry: [UInt8] = []
        entry.appendField(1, true)
        entry.appendField(2, allowed.text)
        proposeOrRefuse(call, .downgrade, .downgradeInfoSet, entry, .downgrade(call))
    }

    /// From 3.6 on cancelling nothing succeeds.
    private func cancelDowngrade(_ call: GRPCCall) {
        if context.membership.downgrade.enabled {
            return proposeOrRefuse(
                call, .downgrade, .downgradeInfoSet, [UInt8](), .downgrade(call))
        }
        if context.storageVersion == nil {
            return finish(call, .downgrade, GRPCStatus(.noInflightDowngrade))
        }
        respondDowngrade(call)
    }

    /// The cluster version: `3.6` from 3.6 on, `3.5.0` before.
    func respondDowngrade(_ call: GRPCCall) {
        var text = ""
        if let version = context.membership.clusterVersion {
            text = context.storageVersion == nil ? version.text : "\(version.major).\(version.minor)"
        }
        var message = responses.begin(revision: context.keyspace.currentRevision)
        message.appendField(2, text)
        respond(call, .downgrade, message)
    }
}
