import ArgumentParser
import Glibc

/// Why a tool ends with status 1, as it is printed.
package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// Parses the arguments as `type`, runs the command and ends the program: 0 fine, 1 damaged or failed
/// (`Error: …` on standard error), 2 usage. A command that printed its own complaint throws `ExitCode`.
package func launch<Command: ParsableCommand>(_ type: Command.Type) -> Never {
    do {
        var command = try Command.parseAsRoot(goStyle(Array(CommandLine.arguments.dropFirst())))
        try command.run()
        exit(0)
    } catch let failure as Failure {
        report("Error: \(failure)")
        exit(1)
    } catch {
        let code = Command.exitCode(for: error)
        let text = Command.fullMessage(for: error)
        guard code != .success else {
            let output = Output.standard()
            if !text.isEmpty { output.line(text) }
            output.flush()
            exit(0)
        }
        let isOurs = error is ExitCode || code != .validationFailure
        if !(error is ExitCode) { report(isOurs ? "Error: \(error)" : text) }
        exit(isOurs ? (error as? ExitCode)?.rawValue ?? 1 : 2)
    }
}

/// Rewrites arguments from Go's flag syntax: one dash before a long name counts as two, and `=true` is left
/// out.
package func goStyle(_ arguments: [String]) -> [String] {
    var isFlags = true
    return arguments.map { argument in
        if argument == "--" { isFlags = false }
        guard isFlags, argument.hasPrefix("-"), argument.utf8.count > 2 else { return argument }
        let name = argument.drop { $0 == "-" }
        guard let first = name.first, first.isLetter, name.utf8.count > 1 else { return argument }
        // A short flag with its value attached ("-wjson") is not Go's; ArgumentParser reads "-w json".
        return "--" + (name.hasSuffix("=true") ? name.dropLast(5) : name)
    }
}
