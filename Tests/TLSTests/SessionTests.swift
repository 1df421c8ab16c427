import COpenSSL
import Net
import Testing

@testable import TLS

@Suite struct `Secure connections` {
    private let certificates = Certificates()

    /// A server whose certificate is for `names`, and its client.
    private func rig(
        names: String? = "DNS:localhost,IP:127.0.0.1", days: Int = 1, host: String = "localhost",
        clients: TLSSettings.Peer = .anyone, client: Certificates.Pair? = nil, trust: TLSSettings.Peer? = nil,
        newest: Int32 = TLS1_3_VERSION, piece: Int? = nil
    ) throws -> Rig {
        let own = certificates.pair("server", names: names, days: days)
        return try Rig(
            server: TLSSettings(
                certificateFile: own.certificate, keyFile: own.key, peer: clients,
                protocols: ["h2", "http/1.1"]),
            client: TLSSettings(
                certificateFile: client?.certificate, keyFile: client?.key,
                peer: trust ?? .signed(by: certificates.authority.certificate)),
            host: host, newest: newest, piece: piece)
    }

    @Test(arguments: ["localhost", "127.0.0.1"], [TLS1_2_VERSION, TLS1_3_VERSION])
    func `bytes of any number go both ways to a server of the right name`(
        host: String, version: Int32
    ) throws {
        let rig = try rig(host: host, newest: version)
        #expect(try rig.greet() == nil)
        let client = try #require(rig.client)
        #expect(client.session.agreedProtocol == "h2")
        #expect(rig.server?.session?.agreedProtocol == "h2")
        var said: [UInt8] = []
        for count in [1, 16_384, 16_385, 65_536, 1_000_000] {
            let piece = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) }
            client.ear.say(piece)
            said += piece
            rig.step { client.ear.heard.count == said.count }
            #expect(client.ear.heard == said)
        }
    }

    @Test func `a certificate of an unknown authority is refused, and the server hears why`() throws {
        let others = Certificates()
        let rig = try rig(trust: .signed(by: others.authority.certificate))
        #expect(try rig.greet() == .untrusted("certificate signed by unknown authority"))
        rig.step { rig.serverGreeting != nil }
        #expect(rig.serverGreeting == .some(.alert(48)))
        rig.step { rig.client?.connection.isOpen == false }
        #expect(rig.client?.connection.failure?.contains("unknown authority") == true)
    }

    @Test func `who does not check takes any certificate`() throws {
        let rig = try rig(names: "DNS:elsewhere", trust: .anyone)
        #expect(try rig.greet() == nil)
    }

    @Test(
        arguments: [
            (
                "DNS:a.example,DNS:b.example", "localhost",
                "certificate is valid for a.example, b.example, not localhost"
            ),
            ("IP:10.0.0.1,IP:::1", "127.0.0.1", "certificate is valid for 10.0.0.1, ::1, not 127.0.0.1"),
            (
                "DNS:localhost", "127.0.0.1",
                "cannot validate certificate for 127.0.0.1 because it doesn't contain any IP SANs"
            ),
            (nil, "server", "certificate is not valid for any names, but wanted to match server"),
            (
                "DNS:local*.example", "localhost.example",
                "certificate is valid for local*.example, not localhost.example"
            ),
        ] as [(String?, String, String)])
    func `a certificate for another name is refused with Go's words`(
        names: String?, host: String, text: String
    ) throws {
        let rig = try rig(names: names, host: host)
        #expect(try rig.greet() == .untrusted(text))
    }

    @Test func `a certificate that is over is refused`() throws {
        let rig = try rig(days: -1)
        #expect(try rig.greet() == .untrusted("certificate has expired or is not yet valid"))
    }

    @Test func `a client with the certificate the server wants is let in`() throws {
        let authority = TLSSettings.Peer.signed(by: certificates.authority.certificate)
        let rig = try rig(clients: authority, client: certificates.pair("client", names: nil))
        #expect(try rig.greet() == nil)
        rig.client?.ear.say([7])
        rig.step { rig.client?.ear.heard == [7] }
        #expect(rig.client?.ear.heard == [7])
    }

    @Test(arguments: [1, 2, 5, 1000])
    func `records that come in pieces are put together`(piece: Int) throws {
        let rig = try rig(piece: piece)
        #expect(try rig.greet() == nil)
        let client = try #require(rig.client)
        let said = (0..<piece * 40 + 100).map { UInt8(truncatingIfNeeded: $0) }
        client.ear.say(said)
        rig.step { client.ear.heard.count == said.count }
        #expect(client.ear.heard == said)
    }

    @Test func `in TLS 1_2 a client without a certificate fails in its greeting`() throws {
        let authority = TLSSettings.Peer.signed(by: certificates.authority.certificate)
        let rig = try rig(clients: authority, newest: TLS1_2_VERSION)
        #expect(try rig.greet() == .alert(40))
        rig.step { rig.serverGreeting != nil }
        #expect(rig.serverGreeting == .some(.library("client didn't provide a certificate")))
    }

    @Test func `a client without a certificate is told that one is required`() throws {
        let rig = try rig(clients: .signed(by: certificates.authority.certificate))
        // In TLS 1.3 the client has finished its greeting before the server looks.
        #expect(try rig.greet() == nil)
        rig.step { rig.client?.connection.isOpen == false }
        #expect(rig.client?.connection.failure == "remote error: tls: certificate required")
        #expect(rig.serverGreeting == .some(.library("client didn't provide a certificate")))
        #expect(rig.client?.ear.isClosed == true)
    }

    @Test func `a server that speaks plainly is told apart`() throws {
        let rig = try Rig(server: nil, client: TLSSettings(peer: .anyone))
        rig.step { rig.server != nil }
        rig.server?.ear.say(Array("HTTP/1.1 400 Bad Request\r\n".utf8))
        #expect(try rig.greet() == .notTLS)
        rig.step { rig.client?.connection.isOpen == false }
        #expect(rig.client?.connection.isOpen == false)
    }

    @Test func `a connection lost in the greeting is an end`() throws {
        let rig = try rig()
        rig.step { rig.server != nil }
        rig.server?.connection.close()
        #expect(try rig.greet() == .ended)
    }

    @Test func `an orderly end is told as such, last bytes first`() throws {
        let rig = try rig()
        #expect(try rig.greet() == nil)
        rig.step { rig.serverGreeting != nil }
        rig.server?.ear.say([1, 2, 3])
        rig.server?.connection.closeWhenFlushed()
        rig.step { rig.client?.ear.isClosed == true }
        #expect(rig.client?.ear.heard == [1, 2, 3])
        #expect(rig.client?.ear.hasInputEnded == true)
        #expect(rig.client?.connection.failure == nil)
    }

    @Test func `files that are no good are named`() throws {
        let pair = certificates.pair("own", names: nil)
        let other = certificates.pair("other", names: nil)
        func problem(_ certificate: String?, _ key: String?, _ peer: TLSSettings.Peer = .anyone) -> String {
            do throws(TLSError) {
                _ = try TLSContext(
                    .client, TLSSettings(certificateFile: certificate, keyFile: key, peer: peer))
                return ""
            } catch { return error.description }
        }
        #expect(problem(pair.certificate, pair.key) == "")
        #expect(problem("/nowhere", pair.key) == "open /nowhere: no such file or directory")
        #expect(problem(nil, nil, .signed(by: "/nowhere")) == "open /nowhere: no such file or directory")
        #expect(
            problem(pair.certificate, nil).hasPrefix(
                "KeyFile and CertFile must both be present[key: , cert: "))
        #expect(problem(pair.certificate, other.key) == "tls: private key does not match public key")
        #expect(problem(pair.key, pair.key).contains("failed to find any PEM data in certificate input"))
        let locked = certificates.locked(pair, password: "secret")
        #expect(problem(pair.certificate, locked).contains("failed to find any PEM data in key input"))
        #expect(problem(nil, nil, .signed(by: pair.key)).contains("certificate authority input"))
    }
}
