import ArgumentParser
import LoadGeneration
import Terminal

enum Consistency: String, ExpressibleByArgument, CaseIterable {
    /// Linearizable: what was acknowledged anywhere before is seen.
    case l
    /// Serializable: the member's own state, perhaps behind.
    case s

    var text: String { self == .l ? "linearizable" : "serializable" }
}

/// What is wanted of the keys of a range, and in what pieces.
struct RangeShapeOptions: ParsableArguments {
    @Option(help: "l (linearizable) or s (serializable).")
    var consistency = Consistency.l
    @Option(parsing: .unconditional, help: "Most keys per answer; 0: all.")
    var limit: Int64 = 0
    @Flag(name: .customLong("count-only"), help: "Answers only say how many keys there are.")
    var countOnly = false
    @Flag(name: .customLong("keys-only"), help: "Answers have no values.")
    var keysOnly = false
    @Flag(help: "Asks by RangeStream, whose answer comes in chunks (etcd 3.7).")
    var stream = false
    @Flag(help: "Asks page by page, 10000 keys each, or --limit.")
    var paginate = false

    func validate() throws {
        if limit < 0 { throw ValidationError("--limit is at least 0, which is all keys.") }
        if stream, paginate { throw ValidationError("--stream and --paginate exclude each other.") }
        if countOnly, stream || paginate {
            throw ValidationError("--count-only has one answer: neither --stream nor --paginate.")
        }
    }

    var form: RangeForm {
        if paginate { return .pages(of: limit > 0 ? limit : 10_000) }
        return stream ? .stream : .whole
    }

    /// The range from `key` to before `end`; without an end the key alone.
    func range(_ key: [UInt8], _ end: [UInt8]) -> RangeOptions {
        var options = RangeOptions()
        options.key = key
        options.end = end
        options.limit = limit
        options.isSerializable = consistency == .s
        options.countOnly = countOnly
        options.keysOnly = keysOnly
        return options
    }
}

struct RangeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "range", abstract: "Reads a key or a range.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @OptionGroup var shape: RangeShapeOptions
    @Flag(help: "Every key that begins with KEY.")
    var prefix = false
    @Argument(help: "The key, or where the range begins.")
    var key: String
    @Argument(help: "Where the range ends; that key is not in it.")
    var end: String?

    func validate() throws {
        if key.isEmpty { throw ValidationError("the key is not empty") }
        if prefix, end != nil { throw ValidationError("--prefix takes no END") }
    }

    func run() throws {
        let bench = try Bench(common)
        let title = "bench with \(shape.consistency.text) range"
        if !bench.isStandardOutputTaken { Output.standard().line(title) }
        let key = Array(key.utf8)
        let end = prefix ? RangeOptions.end(ofPrefix: key) : Array((end ?? "").utf8)
        let workload = RangeWorkload(shape.range(key, end), shape.form, clients: common.clients)
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)))
    }
}
