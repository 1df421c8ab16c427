import CPlatform
import Glibc

/// How many threads the machine has for us.
enum Processors {
    /// More event loops than this are of no use: the apply thread is full before.
    private static let loopsMax = 4

    /// One event loop per processor this process may run on, four at most.
    static let loopCount = max(1, min(loopsMax, Int(platform_processor_count())))

    /// A thread that does bcrypt for every second processor, four at most: logins must not starve the rest.
    static let passwordThreads = max(1, min(4, Int(platform_processor_count()) / 2))
}

/// Addresses of host names, for the checks of --initial-cluster.
enum HostNames {
    /// The addresses of a name as the system's resolver gives them; none when it does not know it.
    static func resolve(_ name: String) -> [String] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>? = nil
        guard unsafe getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let result = unsafe getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &host, socklen_t(host.count), nil, 0,
                NI_NUMERICHOST)
            if result == 0 {
                addresses.append(
                    String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            }
            unsafe next = unsafe entry.pointee.ai_next
        }
        return addresses
    }
}
