import COpenSSL

/// How a JSON Web Token is signed, by the name its header has (RFC 7518 §3.1, RFC 8037).
package enum SigningMethod: String, CaseIterable, Sendable {
    case rs256 = "RS256", rs384 = "RS384", rs512 = "RS512"
    case ps256 = "PS256", ps384 = "PS384", ps512 = "PS512"
    case es256 = "ES256", es384 = "ES384", es512 = "ES512"
    case hs256 = "HS256", hs384 = "HS384", hs512 = "HS512"
    case edDSA = "EdDSA"

    enum Family { case rsa, rsaPSS, ecdsa, hmac, ed25519 }

    var family: Family {
        switch self {
        case .rs256, .rs384, .rs512: .rsa
        case .ps256, .ps384, .ps512: .rsaPSS
        case .es256, .es384, .es512: .ecdsa
        case .hs256, .hs384, .hs512: .hmac
        case .edDSA: .ed25519
        }
    }

    /// Nil where the signature algorithm brings its own.
    var digest: OpaquePointer? {
        switch self {
        case .rs256, .ps256, .es256, .hs256: unsafe EVP_sha256()
        case .rs384, .ps384, .es384, .hs384: unsafe EVP_sha384()
        case .rs512, .ps512, .es512, .hs512: unsafe EVP_sha512()
        case .edDSA: nil
        }
    }

    /// Bytes of each of the two numbers of an ECDSA signature.
    var numberSize: Int {
        switch self {
        case .es384: 48
        case .es512: 66
        default: 32
        }
    }
}
