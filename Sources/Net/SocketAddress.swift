import CPlatform

/// The other end of a connection.
package struct SocketAddress: Sendable {
    let address: platform_address

    init(_ address: platform_address) { self.address = address }
}

extension SocketAddress: CustomStringConvertible {
    /// As Go prints it: `127.0.0.1:40312`, `[::1]:40312`; `@` for a unix socket.
    package var description: String {
        switch address.family {
        case 4:
            let (a, b, c, d) = (address.bytes.0, address.bytes.1, address.bytes.2, address.bytes.3)
            return "\(a).\(b).\(c).\(d):\(address.port)"
        case 6: return "[\(Self.compressed(groups))]:\(address.port)"
        default: return "@"
        }
    }

    private var groups: [UInt16] {
        unsafe withUnsafeBytes(of: address.bytes) { bytes in
            stride(from: 0, to: 16, by: 2).map { unsafe UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        }
    }

    /// RFC 5952: the first longest run of two or more zero groups becomes `::`.
    static func compressed(_ groups: [UInt16]) -> String {
        var best = 0..<0
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > max(best.count, 1) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String {
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}
