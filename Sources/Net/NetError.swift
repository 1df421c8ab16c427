import CPlatform

/// A call to the kernel or the resolver that failed.
package enum NetError: Error, Equatable, CustomStringConvertible {
    /// `call` is the name of the system call, `errno` its error.
    case system(call: String, errno: Int32)
    /// A host name that does not resolve; `code` is getaddrinfo's EAI number.
    case resolution(host: String, code: Int32)

    /// Go's words, as operators know them from etcd: `bind: address already in use`.
    package var description: String {
        switch self {
        case .system(let call, let errno):
            unsafe "\(call): \(String(cString: platform_error_text(errno)))"
        case .resolution(let host, let code):
            unsafe "lookup \(host): \(String(cString: platform_resolution_text(code)))"
        }
    }

    /// True when nobody answered in time.
    package var isTimeout: Bool {
        if case .system(_, let errno) = self { errno == PlatformError.timedOut } else { false }
    }

    /// True when another socket holds the address.
    package var isAddressInUse: Bool {
        if case .system(_, let errno) = self { errno == PlatformError.addressInUse } else { false }
    }
}

/// The error numbers (Linux) that this module tells apart.
enum PlatformError {
    static let wouldBlock: Int32 = 11
    static let noMemory: Int32 = 12
    static let tooManyOpenInSystem: Int32 = 23
    static let tooManyOpen: Int32 = 24
    static let addressInUse: Int32 = 98
    static let addressNotAvailable: Int32 = 99
    static let timedOut: Int32 = 110
}

/// The value of a platform call, or its error.
func checked(_ call: String, _ result: Int32) throws(NetError) -> Int32 {
    guard result >= 0 else { throw .system(call: call, errno: -result) }
    return result
}
