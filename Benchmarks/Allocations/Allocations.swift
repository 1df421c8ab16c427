import ArgumentParser
import CAllocations
import Glibc
import Workloads

/// The command line: counts, shows, and compares with the table of the repository.
struct Allocations: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations",
        abstract: "Counts how often each workload asks for memory, and compares with a table.",
        discussion: """
            Prints every count; ends with 1 when one differs from the table. The table is exact: fewer is
            a difference too, to be recorded. Its numbers are those of the release build.
            """)

    @Option(help: "The table.")
    var table = "Benchmarks/allocations.txt"

    @Flag(help: "Write the table instead of comparing with it.")
    var record = false

    @Argument(help: "Only the workloads whose names begin so.")
    var names: [String] = []

    func validate() throws {
        if record, !names.isEmpty { throw ValidationError("a table is recorded as a whole") }
        if Allocations.isDebugBuild { throw ValidationError("build it with -c release") }
    }

    private static var isDebugBuild: Bool {
        var isDebug = false
        assert(
            {
                isDebug = true
                return true
            }())
        return isDebug
    }

    func run() throws {
        let expected = record ? Table() : try Table(reading: table)
        let chosen = Workload.all.filter { workload in
            names.isEmpty || names.contains { workload.name.hasPrefix($0) }
        }
        var counted = Table()
        var differences: [String] = []
        for workload in chosen {
            let count = try Allocations.count(workload)
            let row = Table.Row(name: workload.name, operations: workload.operations, allocations: count)
            counted.rows.append(row)
            print(row.text)
            if !record, let difference = expected.difference(row) { differences.append(difference) }
        }
        if record { return try counted.write(to: table) }
        if names.isEmpty { differences += expected.missing(in: counted) }
        for difference in differences { print("differs: \(difference)") }
        if !differences.isEmpty {
            print("If that is meant: .build/release/allocations --record, and commit the table.")
            throw ExitCode(1)
        }
    }

    /// Allocations of one measurement: the second, when everything that grows once has grown.
    private static func count(_ workload: Workload) throws -> UInt64 {
        let operation = try workload.prepare()
        for _ in 0..<2 {
            try operation.run(workload.operations)
            try operation.settle()
        }
        let before = allocations_of_this_thread()
        try operation.run(workload.operations)
        return allocations_of_this_thread() - before
    }
}
