import EtcdAPI
import EtcdClient
import HTTP
import Net
import SwiftProtobuf

/// Authenticates again when a server no longer knows the token that calls carry: it was started anew, the
/// token's time is over, or users or roles were changed (clientv3 retry_interceptor.go, shouldRefreshToken).
package final class TokenRenewal: GRPCResponseHandler {
    private let request: [UInt8]
    private let channels: [Channel]
    private var answer: [UInt8] = []
    /// Told of the end of the renewal that runs.
    private var waiting: [(_ isRenewed: Bool) -> Void] = []

    private static let oldRevision = GRPCStatus(.invalidArgument, "etcdserver: revision of auth store is old")

    /// `channels` are given the new token; the first is asked for it.
    package init(user: String, password: String, channels: [Channel]) throws {
        self.channels = channels
        request = try AuthenticateRequest(user: user, password: password).serializedBytes()
    }

    /// Whether a call that failed so may succeed with another token.
    func isCalledFor(by status: GRPCStatus) -> Bool {
        status.code == .unauthenticated || status == Self.oldRevision
    }

    /// Calls `whenOver` once, on the loop; whoever asks while a renewal runs shares it.
    func renew(_ whenOver: @escaping (_ isRenewed: Bool) -> Void) {
        waiting.append(whenOver)
        guard waiting.count == 1 else { return }
        answer = []
        channels[0].ask(.authenticate, request, deadline: .now() + .seconds(30), self)
    }

    package func message(_ call: GRPCClientCall, _ bytes: borrowing RawSpan) {
        // The buffer does not leave the closure; Array copies it.
        answer = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }

    package func ended(_ call: GRPCClientCall, _ status: GRPCStatus) {
        let response = status.code == .ok ? try? AuthenticateResponse(serializedBytes: answer) : nil
        if let response {
            for channel in channels { channel.token = response.token }
        }
        var told: [(Bool) -> Void] = []
        swap(&told, &waiting)
        for tell in told { tell(response != nil) }
    }
}

extension AuthenticateRequest {
    package init(user: String, password: String) {
        self.init()
        name = user
        self.password = password
    }
}
