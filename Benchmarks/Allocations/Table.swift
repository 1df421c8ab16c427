import Glibc

/// The table of `Benchmarks/allocations.txt`: a line per workload, `name operations allocations`; lines that
/// begin with `#` are remarks.
struct Table {
    struct Row: Equatable {
        var name: String
        var operations: Int
        /// Of all those operations together.
        var allocations: UInt64

        /// The line of the table.
        var text: String {
            name.padded(to: 24) + "\(operations)".padded(to: -6) + "\(allocations)".padded(to: -10)
        }
    }

    /// Why there is no table.
    enum Failure: Error, CustomStringConvertible {
        case cannotOpen(path: String, errno: Int32)
        case malformed(path: String, line: String)

        var description: String {
            switch self {
            case .cannotOpen(let path, let errno): unsafe "\(path): \(String(cString: strerror(errno)))"
            case .malformed(let path, let line): "\(path): not `name operations allocations`: \(line)"
            }
        }
    }

    private static let remarks = """
        # How often each workload of Benchmarks/Workloads asks for memory: name, operations, and allocations
        # of all of these together. Written by `allocations --record`, compared by `tools/test allocations`.

        """

    var rows: [Row] = []

    init() {}

    init(reading path: String) throws(Failure) {
        guard let file = unsafe fopen(path, "r") else { throw .cannotOpen(path: path, errno: errno) }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while unsafe fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text.hasPrefix("#") { continue }
            let words = text.split { $0 == " " || $0 == "\n" }
            guard words.count == 3, let operations = Int(words[1]), let allocations = UInt64(words[2]) else {
                throw .malformed(path: path, line: text)
            }
            rows.append(Row(name: String(words[0]), operations: operations, allocations: allocations))
        }
    }

    func write(to path: String) throws(Failure) {
        guard let file = unsafe fopen(path, "w") else { throw .cannotOpen(path: path, errno: errno) }
        unsafe fputs(Table.remarks + rows.map { $0.text + "\n" }.joined(), file)
        unsafe fclose(file)
    }

    /// What is wrong with a count, if anything, with both numbers.
    func difference(_ counted: Row) -> String? {
        guard let row = rows.first(where: { $0.name == counted.name }) else {
            return "\(counted.name): \(counted.allocations) allocations, not in the table"
        }
        if row == counted { return nil }
        return "\(row.name): \(counted.allocations) allocations in \(counted.operations) operations, "
            + "the table says \(row.allocations) in \(row.operations)"
    }

    /// The rows whose workloads are gone.
    func missing(in counted: Table) -> [String] {
        let names = Set(counted.rows.map(\.name))
        return rows.filter { !names.contains($0.name) }.map { "\($0.name): in the table, but no workload" }
    }
}

extension String {
    /// Filled with blanks to a width, on the left where it is negative.
    fileprivate func padded(to width: Int) -> String {
        let blanks = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? blanks + self : self + blanks
    }
}
