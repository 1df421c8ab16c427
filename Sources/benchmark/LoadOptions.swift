import ArgumentParser
import EtcdClient
import LoadGeneration
import Net
import Telemetry
import Terminal

/// A duration as Go writes it: `10s`, `1m30s`, `500ms`.
struct DurationArgument: ExpressibleByArgument {
    let value: Duration

    init(_ value: Duration) { self.value = value }

    init?(argument: String) {
        guard let nanoseconds = GoDuration.nanoseconds(argument), nanoseconds >= 0 else { return nil }
        value = .nanoseconds(nanoseconds)
    }

    var defaultValueDescription: String { value.goText }

    /// Reads one, or says how one is written.
    @Sendable static func read(_ text: String) throws -> DurationArgument {
        guard let duration = DurationArgument(argument: text) else {
            throw ValidationError("a duration has a unit, such as 5s, 500ms or 1m30s, and is not negative")
        }
        return duration
    }
}

extension SizeDistribution: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }

    /// As it is given.
    public var defaultValueDescription: String {
        if case .fixed(let size) = self { "\(size)" } else { String(describing: self) }
    }

    /// Reads one, or says how one is written and how large it may be.
    @Sendable static func read(_ text: String) throws -> SizeDistribution {
        guard let sizes = SizeDistribution(text) else {
            throw ValidationError(
                "sizes are N, uniform:A-B, exponential:MEAN or list:AxW,…, none above \(sizeMax) bytes")
        }
        return sizes
    }
}

/// Flags of every command.
struct LoadOptions: ParsableArguments {
    @Option(
        name: .customLong("endpoints"),
        help: "Where the servers listen, comma separated or one by one (default: 127.0.0.1:2379).")
    var endpointLists: [String] = []
    @Option(parsing: .unconditional, help: "Connections in all.")
    var conns = 1
    @Option(parsing: .unconditional, help: "Clients in all; client i uses connection i modulo conns.")
    var clients = 1
    @Flag(help: "Prints numbers in full precision.")
    var precise = false
    @Flag(help: "Appends a line per second.")
    var sample = false
    @Option(help: "Name[:password] of the user; a password that is not given is asked for.")
    var user: String?
    @Option(
        name: .customLong("dial-timeout"), parsing: .unconditional,
        help: "How long a connection is waited for; 0: as by default (default: 5s).",
        transform: Self.dialTimeout)
    var dialTimeout = Self.standardDialTimeout
    @Flag(name: .customLong("target-leader"), help: "Asks only the leader.")
    var targetLeader = false
    @Option(name: .customLong("auto-sync-interval"), help: .hidden)
    var autoSyncInterval: DurationArgument?
    @Option(
        name: .customLong("pid"), parsing: .unconditionalSingleValue,
        help: "Process of the server, whose CPU and memory are reported; once for each member of a cluster.")
    var pids: [Int32] = []
    @Option(help: "Writes the result as JSON to a file; - for standard output, in place of the text.")
    var json: String?
    @Option(help: "Writes a line per second as CSV to a file; - for standard output.")
    var csv: String?
    @Option(help: "Writes a page with charts to a file.")
    var html: String?
    @Option(help: "Writes down every request of the load, for replay.")
    var record: String?
    @Option(help: "Where chance begins; keys and values are the same for the same seed.")
    var seed: UInt64 = 1
    @Flag(help: "No progress on standard error.")
    var quiet = false
    @OptionGroup var tls: TLSOptions

    func validate() throws {
        if let autoSyncInterval, autoSyncInterval.value > .zero {
            throw ValidationError("--auto-sync-interval is not known here: name every member in --endpoints.")
        }
        try validateOutputs()
        if conns < 1 { throw ValidationError("--conns is at least 1.") }
        if clients < 1 { throw ValidationError("--clients is at least 1.") }
    }

    private static let standardDialTimeout = DurationArgument(.seconds(5))

    /// etcd's default is 0 and means no limit of its own.
    @Sendable private static func dialTimeout(_ text: String) throws -> DurationArgument {
        let duration = try DurationArgument.read(text)
        return duration.value == .zero ? standardDialTimeout : duration
    }

    var endpoints: String { endpointLists.isEmpty ? "127.0.0.1:2379" : endpointLists.joined(separator: ",") }
}

/// How much is asked and how fast.
struct PaceOptions: ParsableArguments {
    @Option(parsing: .unconditional, help: "Requests in all (10000, or without end while --duration lasts).")
    var total: Int?
    @Option(
        parsing: .unconditional,
        help: "Requests per second, latencies counted from the intended start; 0: as fast as possible.")
    var rate = 0.0
    @Option(
        parsing: .unconditional,
        help: "How long to ask, in place of --total; with --rate, what was due by then is asked.",
        transform: DurationArgument.read)
    var duration: DurationArgument?
    @Option(
        name: .customLong("warm-up"), parsing: .unconditional,
        help: "How long to ask before anything counts.", transform: DurationArgument.read)
    var warmUp: DurationArgument?

    func validate() throws {
        if let total, total < 1 { throw ValidationError("--total is at least 1.") }
        try Self.validate(rate, "--rate")
        if let duration, duration.value == .zero { throw ValidationError("--duration is longer than 0.") }
    }

    /// Of operations per second, given by a flag.
    static func validate(_ rate: Double, _ flag: String) throws {
        if rate >= 0, rate <= 1e9 { return }  // false for what is no number, too
        throw ValidationError("\(flag) is at least 0, which is as fast as possible, and at most 1e9.")
    }

    func plan(clients: Int, total standard: Int = 10_000) -> LoadPlan {
        var plan = LoadPlan()
        plan.clients = clients
        plan.total = total ?? (duration == nil ? standard : nil)
        plan.duration = duration?.value
        plan.warmUp = warmUp?.value ?? .zero
        plan.rate = rate > 0 ? rate : nil
        return plan
    }
}
