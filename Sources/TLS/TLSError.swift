/// Why there is no secure connection, in Go's words, as users of etcd know them.
package enum TLSError: Error, Equatable, CustomStringConvertible {
    /// A certificate or key that was given cannot be used.
    case material(String)
    /// The other side's certificate was refused by us.
    case untrusted(String)
    /// The other side ended the connection with an alert (RFC 8446 section 6).
    case alert(UInt8)
    /// What came first is no TLS: the other side speaks plainly.
    case notTLS
    /// The connection ended before it was secure.
    case ended
    /// What OpenSSL says.
    case library(String)

    package var description: String {
        switch self {
        case .material(let text): text
        case .untrusted(let text): "tls: failed to verify certificate: x509: \(text)"
        case .alert(let number): "remote error: tls: \(Self.alertText(number))"
        case .notTLS: "tls: first record does not look like a TLS handshake"
        case .ended: "EOF"
        case .library(let text): "tls: \(text)"
        }
    }

    private static func alertText(_ number: UInt8) -> String {
        switch number {
        case 10: "unexpected message"
        case 20: "bad record MAC"
        case 40: "handshake failure"
        case 42: "bad certificate"
        case 43: "unsupported certificate"
        case 44: "revoked certificate"
        case 45: "expired certificate"
        case 46: "unknown certificate"
        case 47: "illegal parameter"
        case 48: "unknown certificate authority"
        case 49: "access denied"
        case 50: "error decoding message"
        case 51: "error decrypting message"
        case 70: "protocol version not supported"
        case 71: "insufficient security level"
        case 80: "internal error"
        case 112: "unrecognized name"
        case 116: "certificate required"
        case 120: "no application protocol"
        default: "alert(\(number))"
        }
    }
}
