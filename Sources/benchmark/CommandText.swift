/// The command line, as reports show it.
enum CommandText {
    /// The arguments in one line, without the password of `--user`.
    static func shown(_ arguments: [String]) -> String {
        var followsUser = false
        return arguments.map { argument in
            defer { followsUser = isFlag("user", argument) && !argument.contains("=") }
            guard followsUser || isFlag("user", argument) else { return argument }
            return String(argument.prefix { $0 != ":" })
        }.joined(separator: " ")
    }

    /// Whether a flag is among the arguments, with whatever value.
    static func names(_ flag: String, in arguments: [String]) -> Bool {
        arguments.contains { isFlag(flag, $0) }
    }

    private static func isFlag(_ name: String, _ argument: String) -> Bool {
        argument.hasPrefix("-") && argument.drop { $0 == "-" }.prefix { $0 != "=" } == name
    }
}
