import Wire

/// `ETCD_*` variables for what the command line left open. An empty variable counts as not set.
enum EnvironmentReader {
    /// Known to etcd without being a flag's variable.
    private static let special: Set<String> = ["ETCD_VERSION", "ETCD_UNSUPPORTED_ARCH"]

    static func read(
        _ environment: [String: String], into collected: inout CollectedSettings,
        _ notices: inout [ConfigurationNotice]
    ) throws(ConfigurationFailure) {
        if let value = environment["ETCD_VERSION"], !value.isEmpty {
            notices.append(
                .warning(
                    "cannot set special environment variable", ("key", "ETCD_VERSION"), ("value", value)))
        }
        let fromCommandLine = collected.given
        var known = special
        var shadowed: [String] = []
        for name in FlagTable.sortedNames {
            guard let flag = FlagTable.byName[name], name != "version" else { continue }
            let variable = Flag.variable(name)
            known.insert(variable)
            guard let value = environment[variable], !value.isEmpty else { continue }
            if fromCommandLine.contains(flag.name) {
                if differs(value, from: collected.words[flag.name] ?? "", of: flag) {
                    shadowed.append(variable)
                }
                continue
            }
            do throws(ValueError) {
                try flag.set(value, in: &collected.settings)
            } catch {
                throw .invalid("invalid value \(goQuoted(value)) for \(variable): \(error.text)")
            }
            collected.given.insert(flag.name)
            notices.append(
                .info(
                    "recognized and used environment variable", ("variable-name", variable),
                    ("variable-value", variable.hasSuffix("_PASSWORD") ? "<hidden>" : value)))
        }
        if !shadowed.isEmpty {
            notices.append(
                .warning(
                    "environment variables differ from their command-line flags; the flags win",
                    ("environment-variables", shadowed.joined(separator: ","))))
        }
        for variable in environment.keys.sorted()
        where variable.hasPrefix("ETCD_") && !known.contains(variable) {
            notices.append(
                .warning("unrecognized environment variable", ("environment-variable", variable)))
        }
    }

    /// Whether two words give the flag different values (`1s` and `1000ms` do not); a word that cannot
    /// be read differs from every other.
    private static func differs(_ a: String, from b: String, of flag: Flag) -> Bool {
        if a == b { return false }
        var first = Settings()
        var second = Settings()
        do throws(ValueError) {
            try flag.set(a, in: &first)
            try flag.set(b, in: &second)
        } catch {
            return true
        }
        return first != second
    }
}
