import ArgumentParser
import LoadGeneration
import Terminal

extension Bench {
    /// Prints a part of the report under its heading, unless standard output is a program's to read.
    func show(_ heading: String, _ result: LoadResult) {
        if isStandardOutputTaken { return }
        let output = Output.standard()
        output.line(heading)
        output.write(text(result))
        output.flush()
    }

    /// Writes the whole to the files the flags name; then a complaint ends the program with status 1.
    func conclude(_ whole: LoadResult, complaint: String?) throws {
        try write(whole)
        if let complaint { throw Failure(complaint) }
    }
}

extension LoadOptions {
    /// Refuses more than one report on standard output: nobody could read them apart.
    func validateOutputs() throws {
        let taking = [("--json", json), ("--csv", csv), ("--html", html)].filter { $0.1 == "-" }.map(\.0)
        if taking.count > 1 {
            throw ValidationError(
                "\(taking.joined(separator: " and ")) go to standard output (-) together: "
                    + "give all but one a file.")
        }
    }
}
