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

struct RangeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "range", abstract: "Reads a key or a range.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions
    @Option(help: "l (linearizable) or s (serializable).")
    var consistency = Consistency.l
    @Option(help: "Most keys per answer; 0: all.")
    var limit: Int64 = 0
    @Flag(name: .customLong("count-only"), help: "Answers only say how many keys there are.")
    var countOnly = false
    @Flag(name: .customLong("keys-only"), help: "Answers have no values.")
    var keysOnly = false
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
        Output.standard().line("bench with \(consistency.text) range")
        try bench.report(bench.run(RangeWorkload(options), pace.plan(clients: common.clients)))
    }

    private var options: RangeOptions {
        var options = RangeOptions()
        options.key = Array(key.utf8)
        options.end = prefix ? RangeOptions.end(ofPrefix: options.key) : Array((end ?? "").utf8)
        options.limit = limit
        options.isSerializable = consistency == .s
        options.countOnly = countOnly
        options.keysOnly = keysOnly
        return options
    }
}
