import HTTP
import Net
import Store

/// The joiner's view of a running cluster (spec/peer.md 11): asked at boot, before any thread of the member
/// runs. Blocks the calling thread.
package enum ClusterInquiry {
    /// What one member says of its cluster.
    package struct View: Equatable, Sendable {
        /// Who said it.
        package var url: String
        package var clusterID: UInt64
        package var members: [ClusterMember]
    }

    /// The versions one member tells.
    package struct Versions: Equatable, Sendable {
        package var server: String
        /// `not_decided` before the cluster has one.
        package var cluster: String
    }

    /// Nobody told the members; why, by URL, in the order they were asked.
    package struct Failure: Error, Equatable, Sendable {
        package var reasons: [(url: String, reason: String)]

        package static func == (left: Failure, right: Failure) -> Bool {
            left.reasons.elementsEqual(right.reasons, by: ==)
        }
    }

    /// GET /members of one URL after the other until one answers with members.
    package static func members(
        of urls: [String], timeout: Duration = .seconds(10)
    ) throws(Failure) -> View {
        var failure = Failure(reasons: [])
        for url in urls {
            switch get("/members", of: [url], timeout)[url] {
            case .success(let answer):
                if let view = View(url: url, answer) { return view }
                failure.reasons.append((url, "status \(answer.status), or no list of members"))
            case .failure(let error): failure.reasons.append((url, "\(error)"))
            case nil: failure.reasons.append((url, "no answer"))
            }
        }
        throw failure
    }

    /// GET /version of all URLs at once; those that do not answer within `timeout` are left out.
    package static func versions(
        of urls: [String], timeout: Duration = .seconds(10)
    ) -> [String: Versions] {
        get("/version", of: urls, timeout).compactMapValues { result in
            guard case .success(let answer) = result, answer.status == 200 else { return nil }
            return Versions(answer.body)
        }
    }

    /// Asks every URL at once, on a loop of its own. Without a loop (no descriptors) nobody answers.
    private static func get(
        _ path: String, of urls: [String], _ timeout: Duration
    ) -> [String: Result<WebResponse, PeerRequestError>] {
        var answers: [String: Result<WebResponse, PeerRequestError>] = [:]
        do throws(NetError) {
            let loop = try EventLoop(doorbell: try Doorbell())
            let budget = ConnectionBudget(limit: max(1, 2 * urls.count))
            let client = PeerClient(loop: loop, connector: Connector(loop: loop, budget: budget))
            let asked = Set(urls)
            for url in asked {
                client.request("GET", url: url, path: path, timeout: timeout) { answers[url] = $0 }
            }
            while answers.count < asked.count { loop.runPass() }
            client.close()
        } catch {
            for url in urls { answers[url] = .failure(.net(error)) }
        }
        return answers
    }
}

extension ClusterInquiry.View {
    init?(url: String, _ answer: WebResponse) {
        guard answer.status == 200, let id = answer.headers.first(where: { $0.isNamed("X-Etcd-Cluster-Id") }),
            let clusterID = UInt64(id.value, radix: 16),
            let members = ClusterMember.list(parsing: answer.body)
        else { return nil }
        self.init(url: url, clusterID: clusterID, members: members)
    }
}

extension ClusterInquiry.Versions {
    init?(_ body: [UInt8]) {
        guard let server = Self.text("etcdserver", in: body) else { return nil }
        self.init(server: server, cluster: Self.text("etcdcluster", in: body) ?? "")
    }

    /// The value of a text field in flat JSON; versions have nothing to escape.
    private static func text(_ name: String, in body: [UInt8]) -> String? {
        let parts = String(decoding: body, as: UTF8.self).split(separator: "\"").map(String.init)
        guard let place = parts.firstIndex(of: name), place + 2 < parts.count,
            parts[place + 1].allSatisfy({ $0 == ":" || $0 == " " })
        else { return nil }
        return parts[place + 2]
    }
}
