/// The command line, as reports show it.
enum CommandText {
    /// The arguments in one line; a user's password is nobody else's.
    static func shown(_ arguments: [String]) -> String {
        var followsUser = false
        return arguments.map { argument in
            defer { followsUser = isFlag("user", argument) && !argument.contains("=") }
            guard followsUser || isFlag("user", argument), let colon = argument.firstIndex(of: ":") else {
                return argument
            }
            return argument[...colon] + "***"
        }.joined(separator: " ")
    }

    private static func isFlag(_ name: String, _ argument: String) -> Bool {
        argument.hasPrefix("-") && argument.drop { $0 == "-" }.prefix { $0 != "=" } == name
    }
}
