/// The status codes of gRPC, by their numbers on the wire.
package enum GRPCCode: UInt8, Sendable, Hashable, CaseIterable {
    case ok = 0
    case cancelled = 1
    case unknown = 2
    case invalidArgument = 3
    case deadlineExceeded = 4
    case notFound = 5
    case alreadyExists = 6
    case permissionDenied = 7
    case resourceExhausted = 8
    case failedPrecondition = 9
    case aborted = 10
    case outOfRange = 11
    case unimplemented = 12
    case `internal` = 13
    case unavailable = 14
    case dataLoss = 15
    case unauthenticated = 16
}

/// How a call ended: `grpc-status` and `grpc-message`.
package struct GRPCStatus: Error, Sendable, Hashable {
    package var code: GRPCCode
    package var message: String

    package init(_ code: GRPCCode, _ message: String = "") {
        self.code = code
        self.message = message
    }

    package static let ok = GRPCStatus(.ok)

    /// What a client reads when its grpc-timeout has passed.
    package static let deadlineExceeded = GRPCStatus(.deadlineExceeded, "context deadline exceeded")

    /// The message as a header value: bytes outside 0x20...0x7e, and `%`, as `%XX` (gRPC over HTTP/2,
    /// "Status-Message").
    var encodedMessage: [UInt8] {
        let utf8 = Array(message.utf8)
        if utf8.allSatisfy(Self.isPlain) { return utf8 }
        var encoded: [UInt8] = []
        for byte in utf8 {
            if Self.isPlain(byte) {
                encoded.append(byte)
            } else {
                encoded += [0x25, Self.hex(byte >> 4), Self.hex(byte & 15)]
            }
        }
        return encoded
    }

    /// The text of a `grpc-message` value; what is no escape stays as it is.
    static func decoded(_ value: [UInt8]) -> String {
        var plain: [UInt8] = []
        var index = 0
        while index < value.count {
            if value[index] == 0x25, index + 2 < value.count, let high = nibble(value[index + 1]),
                let low = nibble(value[index + 2])
            {
                plain.append(high << 4 | low)
                index += 3
            } else {
                plain.append(value[index])
                index += 1
            }
        }
        return String(decoding: plain, as: UTF8.self)
    }

    private static func nibble(_ hex: UInt8) -> UInt8? {
        switch hex {
        case 0x30...0x39: hex - 0x30
        case 0x41...0x46: hex - 0x37
        case 0x61...0x66: hex - 0x57
        default: nil
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { byte >= 0x20 && byte <= 0x7e && byte != 0x25 }

    private static func hex(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x37 + nibble }
}
