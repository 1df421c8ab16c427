import HTTP
import Net
import Raft
import Store
import Testing

@testable import Peers

/// Helper pages on a thread of their own, so that the caller may block.
private final class PageServer: Sendable {
    private enum Command: Sendable { case stop }

    let url: String
    private let commands: Mailbox<Command>

    init(cluster: UInt64, version: String?) throws {
        let socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let bell = try Doorbell()
        let commands = Mailbox<Command>(doorbell: bell, capacity: 2)
        url = "http://127.0.0.1:\(socket.port)"
        self.commands = commands
        let thread = try Thread(name: "pages") {
            do throws(NetError) {
                let loop = try EventLoop(doorbell: bell)
                let server = HTTPServer(
                    loop: loop, configuration: HTTPConfiguration(routes: GRPCRoutes([])), grpc: nil,
                    web: Pages(cluster, version), budget: ConnectionBudget(limit: 10))
                try server.serve(socket)
                loop.onWake {
                    server.close()
                    loop.stop()
                }
                loop.run()
            } catch {
                preconditionFailure("the page server starts")
            }
        }
        _ = consume thread
    }

    func stop() { commands.push(.stop) }

    private final class Pages: WebApplication {
        private let cluster: UInt64
        private let version: String?

        init(_ cluster: UInt64, _ version: String?) {
            self.cluster = cluster
            self.version = version
        }

        func handle(_ request: WebRequest, _ responder: WebResponder) {
            guard let version else { return }  // silent
            let members = [ClusterMember(id: MemberID(7), peerURLs: ["http://a:1"], name: "seven")]
            let body =
                request.path == "/members"
                ? ClusterMember.list(members)
                : "{\"etcdserver\":\"\(version)\",\"etcdcluster\":\"3.5.0\"}"
            responder.respond(
                WebResponse(
                    status: 200, headers: [WebHeader("X-Etcd-Cluster-Id", String(cluster, radix: 16))],
                    body: Array(body.utf8)))
        }
    }
}

@Suite struct `Inquiry of a running cluster` {
    @Test func `the first that answers tells the members, the failed ones are named otherwise`() throws {
        let server = try PageServer(cluster: 0xab, version: "3.5.33")
        defer { server.stop() }
        let dead = try "http://127.0.0.1:\(ListeningSocket(.tcp(host: "127.0.0.1", port: 0)).port)"
        let view = try ClusterInquiry.members(of: [dead, server.url])
        #expect(view.url == server.url && view.clusterID == 0xab)
        #expect(view.members.map(\.name) == ["seven"])
        do throws(ClusterInquiry.Failure) {
            _ = try ClusterInquiry.members(of: [dead, "https://x:1"])
            Issue.record("answered")
        } catch {
            #expect(error.reasons.map(\.url) == [dead, "https://x:1"])
            #expect(
                error.reasons.map(\.reason) == [
                    "dial tcp: connection refused", "unsupported peer URL https://x:1",
                ])
        }
    }

    @Test func `versions are asked of all at once, the silent are left out`() throws {
        let old = try PageServer(cluster: 1, version: "3.4.23")
        let new = try PageServer(cluster: 1, version: "3.5.33")
        let silent = try PageServer(cluster: 1, version: nil)
        defer { for server in [old, new, silent] { server.stop() } }
        let versions = ClusterInquiry.versions(
            of: [old.url, new.url, silent.url], timeout: .milliseconds(500))
        #expect(
            versions == [
                old.url: ClusterInquiry.Versions(server: "3.4.23", cluster: "3.5.0"),
                new.url: ClusterInquiry.Versions(server: "3.5.33", cluster: "3.5.0"),
            ])
    }
}

@Suite struct `Peer client` {
    @Test func `connections are used again, and a kept one that the server closed is replaced`() throws {
        let village = try Village()
        let member = try village.settle(1) { $0.readTimeout = .milliseconds(100) }  // its idle timeout
        let budget = ConnectionBudget(limit: 10)
        let client = PeerClient(loop: village.loop, connector: Connector(loop: village.loop, budget: budget))
        var bodies: [String] = []
        func ask(_ path: String) {
            client.request("GET", url: member.url, path: path, timeout: .seconds(5)) {
                bodies.append((try? $0.get()).map { String(decoding: $0.body, as: UTF8.self) } ?? "failed")
            }
        }
        ask("/a")
        #expect(bodies.isEmpty)
        #expect(village.run { bodies.count == 1 })
        ask("/b")
        #expect(village.run { bodies.count == 2 })
        #expect(budget.count == 1)
        #expect(village.run { budget.count == 0 })  // the server let it go
        for path in ["/c", "/d", "/e"] { ask(path) }
        #expect(village.run { bodies.count == 5 })
        #expect(bodies[..<2] == ["GET /a 0", "GET /b 0"])
        #expect(Set(bodies[2...]) == ["GET /c 0", "GET /d 0", "GET /e 0"])
        client.close()
        #expect(budget.count == 0)
    }

    @Test func `a request without an answer ends at its time, one to nowhere by its reason`() throws {
        let village = try Village()
        let silent = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))  // nobody accepts
        let client = PeerClient(
            loop: village.loop,
            connector: Connector(loop: village.loop, budget: ConnectionBudget(limit: 10)))
        var errors: [PeerRequestError] = []
        func ask(_ url: String) {
            client.request("GET", url: url, path: "/", timeout: .milliseconds(100)) {
                if case .failure(let error) = $0 { errors.append(error) }
            }
        }
        ask("http://127.0.0.1:\(silent.port)")
        #expect(village.run { errors == [.timeout] })
        ask("unix://x")
        #expect(village.run { errors == [.timeout, .badURL("unix://x")] })
        client.close()
    }

    @Test func `peer URLs are scheme, host and port`() {
        let v6 = PeerURL("http://[::1]:2380")
        #expect(v6?.host == "::1" && v6?.port == 2380 && v6?.authority == "[::1]:2380")
        #expect(PeerURL("http://a.b:1/")?.authority == "a.b:1")
        for text in [
            "https://a:1", "http://a", "http://:1", "http://a:0", "http://a:70000", "http://a b:1", "a:1",
        ] {
            #expect(PeerURL(text) == nil)
        }
    }

    @Test func `a URL that failed is left once, and stays in use where it still is one`() {
        var picker = URLPicker(["a", "b", "c"])
        picker.leave("a")
        picker.leave("a")
        #expect(picker.current == "b")
        picker.change(to: ["c", "b"])
        #expect(picker.current == "b")
        picker.change(to: ["x"])
        #expect(picker.current == "x")
        picker.change(to: [])
        picker.leave("x")
        #expect(picker.current == nil)
    }
}
