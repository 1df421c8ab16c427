import ArgumentParser
import LoadGeneration
import Terminal

/// Where results go: what the flags say about it, looked at before anything runs.
struct Reporting {
    let options: LoadOptions

    /// Throws where a result could not be written, or no process be looked at.
    init(_ options: LoadOptions) throws {
        self.options = options
        for path in [options.json, options.csv, options.html] {
            if let path { try Files.check(path) }
        }
        for pid in options.pids { try Self.check(pid: pid, "--pid") }
    }

    static func check(pid: Int32, _ flag: String) throws {
        if ProcessFigures(pid: pid) == nil {
            throw Failure("\(flag) \(pid): there is no such process, or it may not be looked at")
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
        if result.succeeded == 0 { throw ExitCode(1) }
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
        let command = "benchmark \(CommandText.shown(Array(CommandLine.arguments.dropFirst())))"
        if let path = options.json { try Files.write(JSONReport.text(result, command: command), to: path) }
        if let path = options.csv { try Files.write(CSVReport.text(result.timeline), to: path) }
        if let path = options.html { try Files.write(HTMLReport.text(result, command: command), to: path) }
    }

    /// Standard output is for a program to read.
    var isStandardOutputTaken: Bool { [options.json, options.csv, options.html].contains("-") }
}
