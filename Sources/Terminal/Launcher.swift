import ArgumentParser
import Glibc

/// Why a tool ends with status 1, as it is printed.
package struct Failure: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// Parses the arguments as `type`, runs the command and ends the program: 0 fine, 1 damaged or failed
/// (`Error: …` on standard error), 2 usage. A command that printed its own complaint throws `ExitCode`.
/// `arranged` may put the arguments, in Go's style no more, into another order.
package func launch<Command: ParsableCommand>(
    _ type: Command.Type, arranged: ([String]) -> [String] = { $0 }
) -> Never {
    let ending = outcome(type, of: arranged(goStyle(Array(CommandLine.arguments.dropFirst()))))
    if !ending.message.isEmpty {
        if ending.status == 0 {
            let output = Output.standard()
            output.line(ending.message)
            output.flush()
        } else {
            report(ending.message)
        }
    }
    exit(ending.status)
}

/// Runs the command; answers the status to end with, and what is to be said besides.
package func outcome<Command: ParsableCommand>(
    _ type: Command.Type, of arguments: [String]
) -> (status: Int32, message: String) {
    do {
        var command = try Command.parseAsRoot(arguments)
        try command.run()
        return (0, "")
    } catch let failure as Failure {
        return (1, "Error: \(failure)")
    } catch let code as ExitCode {
        return (code.rawValue, "")
    } catch {
        let text = Command.fullMessage(for: error)
        switch Command.exitCode(for: error) {
        case .success: return (0, text)
        case .validationFailure: return (2, text + suggestion(type, arguments))
        default: return (1, "Error: \(error)")
        }
    }
}

/// The command that a mistyped one was probably meant to be, in a line behind the complaint.
private func suggestion<Command: ParsableCommand>(_ type: Command.Type, _ arguments: [String]) -> String {
    guard let typed = arguments.first, !typed.hasPrefix("-") else { return "" }
    let names = type.configuration.subcommands.map { $0._commandName }
    guard !names.contains(typed), let near = nearName(to: typed, among: names) else { return "" }
    return "\nDid you mean '\(near)'?"
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

/// Moves global flags with their values from before the command's name to the end, where ArgumentParser knows
/// them.
package func commandFirst(_ arguments: [String], global: Set<String>) -> [String] {
    var (rest, moved) = (arguments[...], [String]())
    while let flag = rest.first, flag.hasPrefix("-"), flag != "--" {
        let name = flag.prefix { $0 != "=" }.drop { $0 == "-" }
        guard global.contains(String(name)) else { break }
        let count = flag.contains("=") ? 1 : min(2, rest.count)
        moved += rest.prefix(count)
        rest = rest.dropFirst(count)
    }
    guard let end = rest.firstIndex(of: "--") else { return rest + moved }
    return rest[..<end] + moved + rest[end...]
}
