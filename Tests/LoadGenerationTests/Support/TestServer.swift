import EtcdAPI
import EtcdClient
import HTTP
import Net
import SwiftProtobuf

@testable import LoadGeneration

/// A server on the session's own loop: answers every call with one message, or fails every n-th. A request
/// that is not empty gets two messages, and its stream stays open.
final class TestServer: GRPCApplication, GRPCHandler {
    private let socket: ListeningSocket
    private var server: HTTPServer?
    private(set) var asked = 0
    /// Every n-th call fails with code 8; 0: none.
    var failsEvery = 0
    var answer: [UInt8] = []
    /// Calls are not answered before `release`.
    var isHeld = false
    private var held: [GRPCCall] = []
    /// The only token that is taken; empty: any, or none. It is given to whoever authenticates.
    var token = ""
    var refusesEveryToken = false
    private(set) var authenticated = 0
    var port: UInt16 { socket.port }

    init(_ session: LoadSession) throws {
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let server = HTTPServer(
            loop: session.loop,
            configuration: HTTPConfiguration(
                routes: GRPCRoutes(EtcdClient.Method.allCases.map(\.path)), metadataKeys: ["token"]),
            grpc: self, web: nil, budget: ConnectionBudget(limit: 1000))
        try server.serve(socket)
        self.server = server
    }

    func channels(_ session: LoadSession, _ count: Int) throws -> [Channel] {
        session.channels(
            [try Endpoint("127.0.0.1:\(socket.port)")], count: count, dialTimeout: .seconds(5))
    }

    func opened(_ call: GRPCCall) { call.handler = self }

    func release() {
        isHeld = false
        for call in held { answer(call) }
        held = []
    }

    private func answer(_ call: GRPCCall) {
        call.send(answer)
        call.finish()
    }

    private func authenticate(_ call: GRPCCall) {
        authenticated += 1
        call.send((try? AuthenticateResponse.with { $0.token = token }.serializedBytes()) ?? [])
        call.finish()
    }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        if call.path == EtcdClient.Method.authenticate.path { return authenticate(call) }
        asked += 1
        if isHeld { return held.append(call) }
        if !token.isEmpty, refusesEveryToken || call.metadata("token") != Array(token.utf8) {
            return call.finish(GRPCStatus(.unauthenticated, "etcdserver: invalid auth token"))
        }
        if failsEvery > 0, asked % failsEvery == 0 {
            return call.finish(GRPCStatus(.resourceExhausted, "etcdserver: too many requests"))
        }
        call.send(answer)
        if bytes.byteCount > 0 { call.send(answer) } else { call.finish() }
    }

    func cancelled(_ call: GRPCCall) {}
}

/// Puts of nothing in particular.
final class TestWorkload: Workload {
    let kinds = ["test"]
    private(set) var begun = 0
    /// Requests of one operation.
    var requests = 1
    private var done: [Int: Int] = [:]

    func begin(_ client: Int, _ request: inout [UInt8]) -> EtcdClient.Method {
        begun += 1
        done[client] = 1
        return .put
    }

    func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        if done[client, default: 0] >= requests { return .done(kind: 0) }
        done[client, default: 0] += 1
        return .ask(.range)
    }
}

/// Asks once, then follows a stream until its second answer.
final class FollowingWorkload: Workload {
    let kinds = ["test"]
    var follows = true
    private(set) var answers = 0
    private(set) var cleaned = 0
    private var heard: [Int: Int] = [:]

    func begin(_ client: Int, _ request: inout [UInt8]) -> EtcdClient.Method {
        heard[client] = 0
        return .put
    }

    func answer(_ client: Int, _ bytes: borrowing RawSpan) {
        answers += 1
        heard[client, default: 0] += 1
    }

    func proceed(_ client: Int, _ request: inout [UInt8]) -> Step {
        if !follows || heard[client, default: 0] > 1 { return .done(kind: 0) }
        request = [1]
        return .follow(.watch)
    }

    func isSatisfied(_ client: Int) -> Bool { heard[client, default: 0] >= 3 }

    func failed(_ client: Int, _ request: inout [UInt8]) -> EtcdClient.Method? {
        cleaned += 1
        return .range
    }
}
