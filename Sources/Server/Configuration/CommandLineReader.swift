import Wire

/// Settings with the names of those that somebody gave.
struct CollectedSettings: Sendable, Equatable {
    var settings = Settings()
    /// Plain names (an experimental name counts as its plain one).
    var given: Set<String> = []
    /// The words from the command line, by plain name, last one.
    var words: [String: String] = [:]
    /// A file leaves some derived defaults alone that the command line does not.
    var isFromFile = false
}

/// Go's `flag` rules: one or two dashes, `=` or the next word, booleans alone, last one wins, and the
/// first word that is no flag ends them. Source: documentation of Go's package flag.
struct CommandLineReader {
    enum Request { case flags, help }

    var collected = CollectedSettings()
    /// The first word that is not a flag.
    private(set) var positional: String?

    var settings: Settings { collected.settings }

    mutating func read(_ arguments: [String]) throws(ConfigurationFailure) -> Request {
        var rest = arguments[...]
        while let word = rest.first {
            guard word.utf8.count >= 2, word.hasPrefix("-") else { break }
            rest.removeFirst()
            if word == "--" { break }
            let body = word.dropFirst(word.hasPrefix("--") ? 2 : 1)
            if body.first == "-" || body.first == "=" {
                throw CommandLineReader.refuse("bad flag syntax: \(word)")
            }
            let equals = body.firstIndex(of: "=")
            let name = String(body[..<(equals ?? body.endIndex)])
            let attached = equals.map { String(body[body.index(after: $0)...]) }
            guard let flag = FlagTable.byName[name] else {
                if name == "help" || name == "h" { return .help }
                throw CommandLineReader.refuse("flag provided but not defined: -\(name)")
            }
            try take(flag, named: name, attached, &rest)
        }
        positional = rest.first
        return .flags
    }

    private mutating func take(
        _ flag: Flag, named name: String, _ attached: String?, _ rest: inout ArraySlice<String>
    ) throws(ConfigurationFailure) {
        let value: String
        if let attached {
            value = attached
        } else if flag.isBoolean {
            value = "true"
        } else if let next = rest.popFirst() {
            value = next
        } else {
            throw CommandLineReader.refuse("flag needs an argument: -\(name)")
        }
        do throws(ValueError) {
            try flag.set(value, in: &collected.settings)
        } catch {
            let quoted = goQuoted(value)
            throw CommandLineReader.refuse(
                flag.isBoolean
                    ? "invalid boolean value \(quoted) for -\(name): \(error.text)"
                    : "invalid value \(quoted) for flag -\(name): \(error.text)")
        }
        collected.given.insert(flag.name)
        collected.words[flag.name] = value
    }

    private static func refuse(_ message: String) -> ConfigurationFailure {
        ConfigurationFailure(message: message + "\n" + HelpText.usage, exitCode: 2)
    }
}
