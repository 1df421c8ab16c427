import EtcdAPI
import HTTP
import SwiftProtobuf
import Wire

/// grpc.health.v1.Health (api.md 9): only the service "" exists, and it serves.
extension LoopServices {
    private static let serving: UInt64 = 1
    private static let serviceUnknown: UInt64 = 3

    func health(_ call: GRPCCall, _ method: Method, _ bytes: borrowing RawSpan) {
        guard let request = try? HealthCheckRequest(serializedBytes: bytes.copied()) else {
            return finish(call, method, .malformedRequest)
        }
        switch method {
        case .healthCheck:
            guard request.service.isEmpty else { return finish(call, method, .unknownHealthService) }
            respond(call, method, Self.status(Self.serving))
        case .healthWatch:
            // The stream stays open: the status may change, or the service may come to be.
            streams.healthWatches[call.id] = call
            send(call, method, Self.status(request.service.isEmpty ? Self.serving : Self.serviceUnknown))
        default:
            // HealthListResponse {1 statuses: map of string to HealthCheckResponse}.
            var entry: [UInt8] = []
            entry.appendField(1, always: [UInt8]())
            entry.appendField(2, always: Self.status(Self.serving))
            var message: [UInt8] = []
            message.appendField(1, always: entry)
            respond(call, method, message)
        }
    }

    private static func status(_ value: UInt64) -> [UInt8] {
        var message: [UInt8] = []
        message.appendField(1, value)
        return message
    }
}
