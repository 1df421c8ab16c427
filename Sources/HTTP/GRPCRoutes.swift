import Wire

/// The method paths an application serves, each known on the call by its place in the list.
///
/// A path is found without hashing all of it: its length and last eight bytes, which tell methods
/// apart, choose the bucket; then the bytes are compared.
package final class GRPCRoutes: Sendable {
    /// The paths as registered (`/etcdserverpb.KV/Put`); `GRPCCall.route` indexes this list, base 0.
    package let paths: [String]
    private let bytes: [[UInt8]]
    private let services: Set<String>
    /// Route + 1 by bucket, 0 where empty; open addressing, at most a quarter full.
    private let buckets: [UInt16]

    package init(_ paths: [String]) {
        precondition(paths.count < 1 << 14, "a route fits its bucket")
        self.paths = paths
        bytes = paths.map { Array($0.utf8) }
        services = Set(paths.compactMap { Self.split($0)?.service })
        var capacity = 16
        while capacity < paths.count * 4 { capacity *= 2 }
        var buckets = [UInt16](repeating: 0, count: capacity)
        for (route, path) in bytes.enumerated() {
            var bucket = unsafe path.withUnsafeBytes { unsafe Self.hash($0) } & (capacity - 1)
            while buckets[bucket] != 0 { bucket = (bucket + 1) & (capacity - 1) }
            buckets[bucket] = UInt16(route + 1)
        }
        self.buckets = buckets
    }

    /// The place of a path in the list.
    func find(_ path: UnsafeRawBufferPointer) -> Int? {
        var bucket = unsafe Self.hash(path) & (buckets.count - 1)
        while buckets[bucket] != 0 {
            let route = Int(buckets[bucket]) - 1
            if unsafe bytes[route].withUnsafeBytes({ unsafe isEqual($0, path) }) { return route }
            bucket = (bucket + 1) & (buckets.count - 1)
        }
        return nil
    }

    /// What grpc-go answers to a path that is not in the list. Source: grpc-go server.go handleStream.
    package func status(unknown path: String) -> GRPCStatus {
        guard let (service, method) = Self.split(path) else {
            return GRPCStatus(.unimplemented, "malformed method name: \(goQuoted(path))")
        }
        if services.contains(service) {
            return GRPCStatus(.unimplemented, "unknown method \(method) for service \(service)")
        }
        return GRPCStatus(.unimplemented, "unknown service \(service)")
    }

    private static func split(_ path: String) -> (service: String, method: String)? {
        let name = path.hasPrefix("/") ? path.dropFirst() : path[...]
        guard let slash = name.lastIndex(of: "/") else { return nil }
        return (String(name[..<slash]), String(name[name.index(after: slash)...]))
    }

    private static func hash(_ path: UnsafeRawBufferPointer) -> Int {
        var tail = UInt64(path.count)
        if path.count >= 8 {
            unsafe tail ^= path.loadUnaligned(fromByteOffset: path.count - 8, as: UInt64.self)
        } else {
            for index in 0..<path.count { unsafe tail = tail << 8 | UInt64(path[index]) }
        }
        return Int(truncatingIfNeeded: (tail &* 0x9e37_79b9_7f4a_7c15) >> 40)  // Fibonacci hashing
    }
}
