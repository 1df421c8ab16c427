import COpenSSL
import Synchronization
import Testing

@testable import Store

@Suite struct WebTokensTests {
    private static let secret = bytes("a secret of no importance")

    private func tokens(_ method: SigningMethod = .hs256, clock: Atomic<Int64>.Box) throws -> WebTokens {
        try WebTokens(
            method: method, publicKey: nil, privateKey: Self.secret, timeToLive: .seconds(300),
            clock: { clock.value.load(ordering: .relaxed) })
    }

    @Test func `an HS256 token has the form of RFC 7519 and the signature of RFC 7515`() throws {
        let token = try #require(tokens(clock: .init(1_000)).sign(user: bytes("al<ice"), revision: 7))
        let parts = text(token).split(separator: ".").map { Array($0.utf8) }
        #expect(parts.count == 3)
        #expect([UInt8](base64URL: parts[0]).map { text($0) } == #"{"alg":"HS256","typ":"JWT"}"#)
        #expect(
            [UInt8](base64URL: parts[1]).map { text($0) }
                == #"{"exp":1300,"revision":7,"username":"al\u003cice"}"#)
        var digest = [UInt8](repeating: 0, count: 32)
        let signed = parts[0] + bytes(".") + parts[1]
        unsafe HMAC(
            EVP_sha256(), Self.secret, Int32(Self.secret.count), signed, signed.count, &digest, nil)
        #expect([UInt8](base64URL: parts[2]) == digest)
    }

    @Test func `a token says whose it is until it expires`() throws {
        let clock = Atomic<Int64>.Box(1_000)
        let tokens = try tokens(clock: clock)
        let token = try #require(tokens.sign(user: bytes("alice"), revision: 7))
        #expect(tokens.verify(token) == AuthIdentity(user: bytes("alice"), revision: 7))
        clock.value.store(1_299, ordering: .relaxed)
        #expect(tokens.verify(token) == AuthIdentity(user: bytes("alice"), revision: 7))
        clock.value.store(1_300, ordering: .relaxed)
        #expect(tokens.verify(token) == nil)
        #expect(try self.tokens(clock: clock).verify(token) == nil)
    }

    @Test func `a token with any letter changed is nobody's`() throws {
        let clock = Atomic<Int64>.Box(1_000)
        let token = try #require(tokens(clock: clock).sign(user: bytes("alice"), revision: 7))
        // The last letter has bits that mean nothing.
        for place in token.indices.dropLast() {
            var altered = token
            altered[place] = altered[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let found = try tokens(clock: clock).verify(altered)
            if found != nil { Issue.record("letter \(place) does not matter") }
        }
        for wrong in ["", ".", "..", "a.b.c", text(token) + ".x"] {
            #expect(try tokens(clock: clock).verify(bytes(wrong)) == nil)
        }
        #expect(try tokens(.hs512, clock: clock).verify(token) == nil)
    }

    @Test func `keys of the wrong kind are refused`() throws {
        func set(_ method: SigningMethod, _ publicKey: String?, _ privateKey: String?) throws {
            _ = try WebTokens(
                method: method, publicKey: publicKey.map { bytes($0) },
                privateKey: privateKey.map { bytes($0) },
                timeToLive: .seconds(1), clock: { 0 })
        }
        #expect(throws: WebTokens.SetUpError.noKey) { try set(.rs256, nil, nil) }
        #expect(throws: WebTokens.SetUpError.noKey) { try set(.hs256, "x", nil) }
        #expect(throws: WebTokens.SetUpError.badPrivateKey) { try set(.rs256, nil, "no PEM") }
        #expect(throws: WebTokens.SetUpError.badPrivateKey) { try set(.hs256, nil, "") }
        #expect(throws: WebTokens.SetUpError.badPublicKey) { try set(.es256, "no PEM", nil) }
    }
}

extension Atomic where Value == Int64 {
    /// An atomic that can be handed around.
    final class Box: Sendable {
        let value: Atomic<Int64>
        init(_ value: Int64) { self.value = Atomic(value) }
    }
}
