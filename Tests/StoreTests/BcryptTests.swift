import Testing

@testable import Store

@Suite struct BcryptTests {
    /// Written by etcd 3.4.23 (Go) for the password beside it.
    private static let fromGo = bytes("$2a$10$HUS.UyWX.uK8VZQMm3LtY.YkfmqgLLe3DNfkojpX1NhIwZNOiQJne")
    private static let password = bytes("s3cret pässword")

    @Test func `a hash that Go wrote is verified`() {
        #expect(Bcrypt.verify(Self.password, hash: Self.fromGo))
        #expect(!Bcrypt.verify(bytes("s3cret password"), hash: Self.fromGo))
        #expect(!Bcrypt.verify(bytes(""), hash: Self.fromGo))
    }

    @Test func `a hash says its cost and salt, and is verified`() throws {
        let salt = (0..<16).map { UInt8($0) }
        let hash = try Bcrypt.hash(bytes("x"), cost: 4, salt: salt)
        #expect(text(hash).hasPrefix("$2a$04$..CA.uOD/eaGAOmJB.yMBu"))
        #expect(hash.count == 60)
        #expect(Bcrypt.verify(bytes("x"), hash: hash))
        #expect(try Bcrypt.hash(bytes("x"), cost: 4, salt: salt) == hash)
        #expect(try Bcrypt.hash(bytes(""), cost: 4, salt: salt) != hash)
        #expect(Bcrypt.verify([], hash: try Bcrypt.hash([], cost: 4, salt: salt)))
    }

    @Test func `what is no hash fits no password`() {
        for hash in ["", "*0", "$2a$10$", "plain", "$1$abc", String(repeating: "$2a$", count: 15)] {
            #expect(!Bcrypt.verify([], hash: bytes(hash)))
            #expect(!Bcrypt.verify(bytes("plain"), hash: bytes(hash)))
        }
    }

    @Test func `passwords that bcrypt would cut are refused`() throws {
        let salt = [UInt8](repeating: 7, count: 16)
        #expect(throws: Bcrypt.Refusal.tooLong) {
            try Bcrypt.hash([UInt8](repeating: 97, count: 73), cost: 4, salt: salt)
        }
        #expect(throws: Bcrypt.Refusal.containsZero) { try Bcrypt.hash(bytes("a\0b"), cost: 4, salt: salt) }
        let hash = try Bcrypt.hash(bytes("a"), cost: 4, salt: salt)
        #expect(!Bcrypt.verify(bytes("a\0b"), hash: hash))
    }

    @Test func `base64 goes there and back for every length`() {
        #expect(text(bytes("etcd!").base64) == "ZXRjZCE=")
        for count in 0..<50 {
            let all = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 83) }
            #expect([UInt8](base64: all.base64) == all)
            #expect(all.base64.count % 4 == 0)
        }
        for wrong in ["a", "ab", "abc", "ab-_", "a b=", "=abc"] {
            #expect([UInt8](base64: bytes(wrong)) == nil)
        }
    }
}
