import Glibc

/// Tells systemd (`Type=notify`) how the service is. Source: sd_notify(3).
package enum ServiceNotifier {
    package enum Outcome: Sendable, Equatable {
        case sent
        /// Nobody asked: `$NOTIFY_SOCKET` is not set.
        case notAsked
        /// With an errno; etcd only logs it.
        case failed(Int32)
    }

    /// Sends `READY=1` to the socket of the environment; `@` begins an abstract name.
    package static func ready(socket name: String?) -> Outcome { send("READY=1", to: name) }

    /// Sends `STOPPING=1`.
    package static func stopping(socket name: String?) -> Outcome { send("STOPPING=1", to: name) }

    private static func send(_ state: String, to name: String?) -> Outcome {
        guard let name, !name.isEmpty else { return .notAsked }
        guard name.hasPrefix("/") || name.hasPrefix("@") else { return .failed(EINVAL) }
        guard let socket = UnixDatagram.connect(to: name) else { return .failed(errno) }
        defer { close(socket) }
        let bytes = Array(state.utf8)
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe Glibc.send(socket, buffer.baseAddress, buffer.count, Int32(MSG_NOSIGNAL))
        }
        return count == bytes.count ? .sent : .failed(errno)
    }
}
