import Synchronization

/// The tokens of provider `jwt`: JSON Web Tokens (RFC 7519) that say who, at which auth revision and until
/// when.
///
///     base64url({"alg":"RS256","typ":"JWT"}) . base64url({"exp":…,"revision":…,"username":"…"}) . signature
///
/// Nothing of them is kept, so they outlive a restart; every change of users and roles makes them old.
package final class WebTokens: Sendable {
    /// What is wrong with the keys or options.
    package enum SetUpError: Error { case noKey, badPrivateKey, badPublicKey }

    private static let rememberedMax = 1024

    private let method: SigningMethod
    private let verifying: SigningKey
    /// Nil: this member checks tokens and makes none.
    private let signing: SigningKey?
    private let timeToLive: Duration
    /// Seconds since 1970.
    private let clock: @Sendable () -> Int64
    /// Tokens whose signature was right before: checking one takes longer than the rest of a request.
    private let remembered = Mutex<[[UInt8]: Claims]>([:])

    private struct Claims {
        var identity: AuthIdentity
        var expiry: Int64
    }

    /// `publicKey`, `privateKey`: what their files hold, PEM; for HS… the private one is the secret itself.
    package init(
        method: SigningMethod, publicKey: [UInt8]?, privateKey: [UInt8]?, timeToLive: Duration,
        clock: @escaping @Sendable () -> Int64
    ) throws(SetUpError) {
        self.method = method
        self.timeToLive = timeToLive
        self.clock = clock
        var signing: SigningKey?
        if let privateKey {
            let source: SigningKey.Source = method.family == .hmac ? .secret : .privatePEM
            guard let key = SigningKey(source, privateKey, for: method) else { throw .badPrivateKey }
            signing = key
        }
        self.signing = signing
        if let publicKey, method.family != .hmac {
            guard let key = SigningKey(.publicPEM, publicKey, for: method) else { throw .badPublicKey }
            verifying = key
        } else {
            guard let signing else { throw .noKey }
            verifying = signing
        }
    }

    /// Nil when this member has no key to sign with.
    package func sign(user: [UInt8], revision: UInt64) -> [UInt8]? {
        guard let signing else { return nil }
        let expiry = clock() + Int64(timeToLive.components.seconds)
        let name = JSONText.string(String(decoding: user, as: UTF8.self))
        let head = Array("{\"alg\":\"\(method.rawValue)\",\"typ\":\"JWT\"}".utf8)
        let claims = Array("{\"exp\":\(expiry),\"revision\":\(revision),\"username\":\(name)}".utf8)
        let signed = head.base64URL + [UInt8(ascii: ".")] + claims.base64URL
        return signing.sign(signed).map { signed + [UInt8(ascii: ".")] + $0.base64URL }
    }

    /// Whose token it is; nil for one that is not ours, altered, or expired.
    func verify(_ token: [UInt8]) -> AuthIdentity? {
        if let known = remembered.withLock({ $0[token] }) {
            return known.expiry > clock() ? known.identity : nil
        }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Self.json(parts[0]), let claims = Self.json(parts[1]),
            head["alg"]?.text == method.rawValue, let signature = [UInt8](base64URL: Array(parts[2])),
            let name = claims["username"]?.text, let revision = claims["revision"]?.unsigned,
            let expiry = claims["exp"]?.unsigned.flatMap(Int64.init(exactly:)), expiry > clock(),
            verifying.verify(signature, over: Array(token.dropLast(parts[2].count + 1)))
        else { return nil }
        let identity = AuthIdentity(user: Array(name.utf8), revision: revision)
        remembered.withLock { remembered in
            if remembered.count >= Self.rememberedMax { remembered.removeAll() }
            remembered[token] = Claims(identity: identity, expiry: expiry)
        }
        return identity
    }

    private static func json(_ part: ArraySlice<UInt8>) -> JSONValue? {
        [UInt8](base64URL: Array(part)).flatMap(JSONValue.init(parsing:))
    }
}

extension [UInt8] {
    /// Base64 with the URL alphabet and without padding (RFC 7515 §2).
    var base64URL: [UInt8] {
        base64.compactMap { letter in
            switch letter {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: letter
            }
        }
    }

    /// Nil for anything else.
    init?(base64URL text: [UInt8]) {
        var standard = text.map { letter in
            switch letter {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): UInt8(ascii: "!")
            default: letter
            }
        }
        standard += [UInt8](repeating: UInt8(ascii: "="), count: (4 - standard.count % 4) % 4)
        self.init(base64: standard)
    }
}
