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

    /// Connects nothing yet but what `--target-leader` and `--user` have to ask.
    init(_ options: LoadOptions, endpoints text: String? = nil, session: LoadSession? = nil) throws {
        self.options = options
        let session = try session ?? LoadSession()
        self.session = session
        recorder = try options.record.map { try Recorder($0) }
        var endpoints = try Endpoint.list(text ?? options.endpoints)
        let security = try options.tls.context(endpoints)
        self.security = security
        if options.targetLeader { endpoints = [try Self.leader(of: endpoints, session, options, security)] }
        channels = session.channels(
            endpoints, count: options.conns, security: security, dialTimeout: options.dialTimeout.value)
        if let user = options.user { try authenticate(user) }
    }

    private static func leader(
        of endpoints: [Endpoint], _ session: LoadSession, _ options: LoadOptions, _ security: TLSContext?
    ) throws -> Endpoint {
        for endpoint in endpoints {
            let channel = session.channels(
                [endpoint], count: 1, security: security, dialTimeout: options.dialTimeout.value)[0]
            let status: StatusResponse? = try? session.ask(channel, .status, StatusRequest())
            channel.close()
            if let status, status.leader == status.header.memberID { return endpoint }
        }
        throw Failure("none of the endpoints is the leader")
    }

    private func authenticate(_ user: String) throws {
        var request = AuthenticateRequest()
        let parts = user.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        request.name = String(parts[0])
        request.password = parts.count > 1 ? String(parts[1]) : ""
        let response: AuthenticateResponse = try ask(.authenticate, request)
        for channel in channels { channel.token = response.token }
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
        _ workload: any Workload, _ plan: LoadPlan, title: String = "benchmark", pid: Int32? = nil,
        tick: @escaping (LoadRun) -> Void = { _ in }
    ) -> LoadResult {
        var plan = plan
        if let recorder { plan.record = { recorder.add($0, $1, $2) } }
        let bar = ProgressBar(title, total: UInt64(plan.total ?? 0), unit: .things, isQuiet: options.quiet)
        defer { bar.finish() }
        return session.run(workload, plan, over: channels, pid: pid ?? options.pid) { run in
            bar.update(UInt64(run.ended))
            tick(run)
        }
    }

    /// Prints a result in every way the flags ask for; a load without a single success ends with status 1.
    func report(_ result: LoadResult, notes: [String] = []) throws {
        if !isStandardOutputTaken {
            let output = Output.standard()
            output.write(text(result))
            for note in notes { output.line(note) }
            output.flush()
        }
        try write(result)
        if result.succeeded == 0, result.failed > 0 { throw ExitCode(1) }
    }

    /// etcd's text, as the flags want it.
    func text(_ result: LoadResult) -> String {
        var report = TextReport()
        report.isPrecise = options.precise
        report.hasSamples = options.sample
        return report.text(result)
    }

    /// Writes the result to the files the flags name.
    func write(_ result: LoadResult) throws {
        try recorder?.finish()
        let command = CommandLine.arguments.dropFirst().joined(separator: " ")
        if let path = options.json {
            try Files.write(JSONReport.text(result, command: "benchmark \(command)"), to: path)
        }
        if let path = options.csv { try Files.write(CSVReport.text(result.timeline), to: path) }
        if let path = options.html {
            try Files.write(HTMLReport.text(result, command: "benchmark \(command)"), to: path)
        }
    }

    /// Standard output is for a program to read.
    var isStandardOutputTaken: Bool { [options.json, options.csv, options.html].contains("-") }
}

extension Bench {
    /// Prints the hash of every endpoint's keys, and how long it took.
    func hashKeys() throws {
        let output = Output.standard()
        for endpoint in try Endpoint.list(options.endpoints) {
            let channel = session.channels(
                [endpoint], count: 1, security: security, dialTimeout: options.dialTimeout.value)[0]
            channel.token = channels[0].token
            defer { channel.close() }
            let began = MonotonicTime.now()
            do {
                let response: HashKVResponse = try session.ask(channel, .hashKV, HashKVRequest())
                let seconds = (MonotonicTime.now() - began).goText
                output.line(
                    "HashKV of \(endpoint): hash \(response.hash) at revision \(response.header.revision), "
                        + "compacted at \(response.compactRevision), in \(seconds)")
            } catch let status as GRPCStatus {
                throw Failure("HashKV of \(endpoint): \(status.goText)")
            }
        }
    }
}
