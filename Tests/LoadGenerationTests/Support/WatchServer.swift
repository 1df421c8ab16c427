import EtcdAPI
import EtcdClient
import HTTP
import Net
import SwiftProtobuf

@testable import LoadGeneration

/// A server on the session's own loop that answers watch requests, by their number over all streams, base 0.
final class WatchServer: GRPCApplication, GRPCHandler {
    private let socket: ListeningSocket
    private var server: HTTPServer?
    private var asked = 0
    private let respond: (Int) -> [WatchResponse]
    /// The stream ends with this after so many requests.
    var end: (after: Int, status: GRPCStatus)?

    init(_ session: LoadSession, _ respond: @escaping (Int) -> [WatchResponse]) throws {
        self.respond = respond
        socket = try ListeningSocket(.tcp(host: "127.0.0.1", port: 0))
        let server = HTTPServer(
            loop: session.loop,
            configuration: HTTPConfiguration(routes: GRPCRoutes(EtcdClient.Method.allCases.map(\.path))),
            grpc: self, web: nil, budget: ConnectionBudget(limit: 1000))
        try server.serve(socket)
        self.server = server
    }

    func streams(_ session: LoadSession, _ count: Int, perStream: Int) throws -> WatchStreams {
        let channels = session.channels(
            [try Endpoint("127.0.0.1:\(socket.port)")], count: 1, dialTimeout: .seconds(5))
        return WatchStreams(session, over: channels, streams: count, perStream: perStream) { _ in
            WatchStreams.request(key: [1])
        }
    }

    func opened(_ call: GRPCCall) { call.handler = self }

    func message(_ call: GRPCCall, _ bytes: borrowing RawSpan) {
        for response in respond(asked) {
            if let message: [UInt8] = try? response.serializedBytes() { call.send(message) }
        }
        asked += 1
        if let end, asked >= end.after { call.finish(end.status) }
    }

    func cancelled(_ call: GRPCCall) {}
}
