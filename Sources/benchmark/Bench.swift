import ArgumentParser
import EtcdAPI
import EtcdClient
import FoundationEssentials
import HTTP
import LoadGeneration
import Net
import SwiftProtobuf
import TLS
import Telemetry
import Terminal

/// A command at work: the loop, its connections, and where results go.
struct Bench {
    let options: LoadOptions
    let session: LoadSession
    let channels: [Channel]
    /// For endpoints that speak TLS.
    private let security: TLSContext?
    /// Writes the loads down (`--record`).
    private let recorder: Recorder?
    private let reporting: Reporting
    /// Of the user's token (`--user`).
    private var renewal: TokenRenewal?

    /// Connects every channel; throws where one leads nowhere.
    init(_ options: LoadOptions, endpoints text: String? = nil, session: LoadSession? = nil) throws {
        self.options = options
        let session = try session ?? LoadSession()
        self.session = session
        reporting = try Reporting(options)
        if let path = options.record { try Files.check(path) }
        let user = try options.user.map { try UserOption($0) }
        let given = try Endpoint.list(text ?? options.endpoints)
        let endpoints =
            options.targetLeader ? try LeaderSearch(session, options, user).leader(knownTo: given) : given
        security = try options.tls.context(given + endpoints)
        channels = session.channels(
            endpoints, count: options.conns, security: security, dialTimeout: options.dialTimeout.value)
        do throws(LoadSession.Unreachable) {
            try session.reach(channels, within: options.dialTimeout.value)
        } catch {
            throw Failure(error.description)
        }
        recorder = try options.record.map { try Recorder($0) }
        if let user { renewal = try authenticate(user) }
    }

    private func authenticate(_ user: UserOption) throws -> TokenRenewal {
        let request = AuthenticateRequest(user: user.name, password: user.password)
        let response: AuthenticateResponse = try ask(.authenticate, request)
        for channel in channels { channel.token = response.token }
        return try TokenRenewal(user: user.name, password: user.password, channels: channels)
    }

    /// One request outside the load.
    func ask<Request: Message, Response: Message>(
        _ method: EtcdClient.Method, _ request: Request
    ) throws -> Response {
        do {
            return try session.ask(channels[0], method, request)
        } catch let status as GRPCStatus {
            throw Failure(status.goText)
        }
    }

    /// Writes one key; answers the revision.
    @discardableResult
    func put(_ key: [UInt8], _ value: [UInt8]) throws -> Int64 {
        var request = PutRequest()
        request.key = Data(key)
        request.value = Data(value)
        let response: PutResponse = try ask(.put, request)
        return response.header.revision
    }

    /// Runs a load behind a progress bar; `tick` is called ten times a second.
    func run(
        _ workload: any Workload, _ plan: LoadPlan, title: String = "benchmark", pids: [Int32]? = nil,
        tick: @escaping (LoadRun) -> Void = { _ in }
    ) -> LoadResult {
        var plan = plan
        plan.renewal = renewal
        if let recorder { plan.record = { recorder.add($0, $1, $2) } }
        let progress = LoadProgress(title, plan, isQuiet: options.quiet)
        defer { progress.finish() }
        return session.run(workload, plan, over: channels, pids: pids ?? options.pids) { run in
            progress.update(run)
            tick(run)
        }
    }

    /// Prints a result in every way the flags ask for; a load without a single success ends with status 1.
    func report(_ result: LoadResult, notes: [String] = []) throws {
        try recorder?.finish()
        try reporting.report(result, notes: notes)
    }

    /// etcd's text, as the flags want it.
    func text(_ result: LoadResult) -> String { reporting.text(result) }

    /// Writes the result to the files the flags name.
    func write(_ result: LoadResult) throws {
        try recorder?.finish()
        try reporting.write(result)
    }

    /// Standard output is for a program to read.
    var isStandardOutputTaken: Bool { reporting.isStandardOutputTaken }
}

extension Bench {
    /// Prints the hash of every endpoint's keys, and how long it took; on standard error where standard
    /// output is a program's to read.
    func hashKeys() throws {
        for endpoint in try Endpoint.list(options.endpoints) {
            let channel = session.channels(
                [endpoint], count: 1, security: security, dialTimeout: options.dialTimeout.value)[0]
            channel.token = channels[0].token
            defer { channel.close() }
            let began = MonotonicTime.now()
            do {
                let response: HashKVResponse = try session.ask(channel, .hashKV, HashKVRequest())
                let seconds = (MonotonicTime.now() - began).goText
                let line =
                    "HashKV of \(endpoint): hash \(response.hash) at revision \(response.header.revision), "
                    + "compacted at \(response.compactRevision), in \(seconds)"
                if isStandardOutputTaken { Terminal.report(line) } else { Output.standard().line(line) }
            } catch let status as GRPCStatus {
                throw Failure("HashKV of \(endpoint): \(status.goText)")
            }
        }
    }
}
