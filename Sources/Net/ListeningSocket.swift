import CPlatform
import Synchronization

/// Where to listen.
package enum ListenAddress: Hashable, Sendable {
    /// A host name, an address, or "" for every address; port 0 lets the kernel choose.
    case tcp(host: String, port: UInt16)
    /// A path in the file system, made by `listen`.
    case unix(path: String)
}

/// A bound, listening socket; several event loops may accept from it.
package final class ListeningSocket: Sendable {
    let descriptor: Descriptor
    /// The port that was bound (the kernel's choice where 0 was asked); 0 for a unix socket.
    package let port: UInt16

    /// Resolves, binds and listens. A wildcard address listens on IPv4 and IPv6 as Go does; of several
    /// addresses of a name the first IPv4 one is taken. SO_REUSEADDR is always set, as by Go.
    package init(_ address: ListenAddress, reusePort: Bool = false, backlog: Int32 = 4096) throws(NetError) {
        var failure = unsafe platform_listen_failure()
        let result: Int32
        switch address {
        case .tcp(let host, let port):
            result = unsafe platform_listen_tcp(
                host.isEmpty ? nil : host, port, reusePort ? 1 : 0, backlog, &failure)
        case .unix(let path):
            result = unsafe platform_listen_unix(path, backlog, &failure)
        }
        guard result >= 0 else { throw unsafe Self.error(result, failure, address) }
        descriptor = Descriptor(owning: result)
        port = UInt16(clamping: platform_local_port(result))
    }

    private static func error(
        _ result: Int32, _ failure: platform_listen_failure, _ address: ListenAddress
    ) -> NetError {
        if case .tcp(let host, _) = address, unsafe failure.resolution != 0 {
            return .resolution(host: host, code: unsafe failure.resolution)
        }
        return .system(call: unsafe String(cString: failure.call), errno: -result)
    }
}

/// Counts the open connections of all loops against a bound.
package final class ConnectionBudget: Sendable {
    /// Connections open now, on every loop together.
    private let open = Atomic<Int>(0)
    private let limit: Int

    /// At most `limit` connections at a time; beyond it new ones wait in the kernel's backlog.
    package init(limit: Int) {
        precondition(limit > 0, "a server takes at least one connection")
        self.limit = limit
    }

    /// What the process may open, less what it keeps for itself; nil when that leaves nothing.
    package static func ofDescriptorLimit() -> ConnectionBudget? {
        let limit = platform_descriptor_limit() - Int64(NetLimits.reservedDescriptors)
        return limit > 0 ? ConnectionBudget(limit: Int(clamping: limit)) : nil
    }

    /// Connections open now.
    package var count: Int { open.load(ordering: .relaxed) }

    func take() -> Bool {
        if open.add(1, ordering: .relaxed).newValue <= limit { return true }
        giveBack()
        return false
    }

    func giveBack() {
        let left = open.subtract(1, ordering: .relaxed).newValue
        precondition(left >= 0, "what is given back was taken")
    }
}
