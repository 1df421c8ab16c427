import EtcdAPI
import EtcdClient
import HTTP
import LoadGeneration
import SwiftProtobuf
import Terminal

/// Finds the leader as etcd's benchmark does (mustFindLeaderEndpoints): any member names all of them, and
/// they are asked who leads.
struct LeaderSearch {
    private let session: LoadSession
    private let options: LoadOptions
    private let user: UserOption?

    init(_ session: LoadSession, _ options: LoadOptions, _ user: UserOption?) {
        self.session = session
        self.options = options
        self.user = user
    }

    /// The client URLs of the leader, found through the first of these that answers.
    func leader(knownTo endpoints: [Endpoint]) throws -> [Endpoint] {
        var problem = ""
        for endpoint in endpoints {
            do {
                let list: MemberListResponse = try ask([endpoint], .memberList, MemberListRequest())
                return try leader(of: list.members)
            } catch let status as GRPCStatus {
                problem += "\n  \(endpoint): \(status.goText)"
            }
        }
        throw Failure("--target-leader: no endpoint names the members of its cluster:\(problem)")
    }

    private func leader(of members: [Member]) throws -> [Endpoint] {
        for member in members {
            // A member may announce a Unix socket, which is no endpoint here.
            let urls = member.clientUrls.compactMap { try? Endpoint($0) }
            guard !urls.isEmpty, let status: StatusResponse = try? ask(urls, .status, StatusRequest()) else {
                continue
            }
            guard let leader = members.first(where: { $0.id == status.leader }) else { continue }
            let found = leader.clientUrls.compactMap { try? Endpoint($0) }
            if !found.isEmpty { return found }
        }
        throw Failure("--target-leader: none of the \(members.count) members knows a leader")
    }

    private func ask<Request: Message, Response: Message>(
        _ endpoints: [Endpoint], _ method: EtcdClient.Method, _ request: Request
    ) throws -> Response {
        let channel = session.channels(
            endpoints, count: 1, security: try options.tls.context(endpoints),
            dialTimeout: options.dialTimeout.value)[0]
        defer { channel.close() }
        if let user { channel.token = try token(channel, user) }
        return try session.ask(channel, method, request)
    }

    private func token(_ channel: Channel, _ user: UserOption) throws -> String {
        let request = AuthenticateRequest(user: user.name, password: user.password)
        let response: AuthenticateResponse = try session.ask(channel, .authenticate, request)
        return response.token
    }
}
