import Glibc
import Wire

/// The YAML (or JSON) file of `--config-file`: keys are flag names, some inside the maps
/// `client-transport-security`, `peer-transport-security`, `socket-options` and `discovery-config`.
///
/// Durations are integers in nanoseconds, as in etcd. A key without a value keeps the default. Unknown
/// keys are ignored, as in etcd, but named in a warning. Source: spec/config.md section 2.1.
enum ConfigurationFile {
    static func read(
        _ path: String, _ inputs: StartInputs, _ notices: inout [ConfigurationNotice]
    ) throws(ConfigurationFailure) -> CollectedSettings {
        let text: String
        do throws(StartInputs.FileError) {
            text = try inputs.readFile(path)
        } catch {
            throw .invalid("open \(path): \(reason(error.number))")
        }
        var collected = CollectedSettings()
        collected.isFromFile = true
        if let root = try compose(text) {
            guard case .mapping = root else { throw mismatch(root.kind, "", "embed.configYAML") }
            var unknown: [String] = []
            try walk(root, [], into: &collected, &unknown)
            if !unknown.isEmpty {
                notices.append(
                    .warning(
                        "configuration file has unknown keys, ignored",
                        ("path", path), ("keys", unknown.joined(separator: ","))))
            }
        }
        notices.append(
            .info(
                "loaded server configuration, other configuration command line flags and environment "
                    + "variables will be ignored if provided", ("path", path)))
        return collected
    }

    private static func compose(_ text: String) throws(ConfigurationFailure) -> YAMLNode? {
        do throws(YAMLFailure) {
            return try YAMLComposer.compose(text)
        } catch {
            throw .invalid("error converting YAML to JSON: yaml: \(error.text)")
        }
    }

    /// Lower case, as Go prints an errno.
    private static func reason(_ number: Int32) -> String {
        let text = unsafe String(cString: strerror(number))
        return text.prefix(1).lowercased() + text.dropFirst()
    }

    /// Every path of keys that leads to a flag, joined by `/`.
    private static let flags: [String: Flag] = {
        var table: [String: Flag] = [:]
        for flag in FlagTable.all where !flag.fileKeys.isEmpty {
            table[flag.fileKeys.joined(separator: "/")] = flag
            for name in flag.names.dropFirst() where flag.fileKeys == [flag.name] { table[name] = flag }
        }
        return table
    }()

    /// The maps: every proper prefix of those paths.
    private static let maps: Set<String> = Set(
        FlagTable.all.flatMap { flag in
            (1..<max(1, flag.fileKeys.count)).map { flag.fileKeys[..<$0].joined(separator: "/") }
        })

    private static func walk(
        _ node: YAMLNode, _ path: [String], into collected: inout CollectedSettings,
        _ unknown: inout [String]
    ) throws(ConfigurationFailure) {
        guard case .mapping(let entries, _) = node else {
            if node.kind == "null" { return }
            throw mismatch(node.kind, path.joined(separator: "."), "embed.configYAML")
        }
        for entry in entries {
            let keys = path + [entry.key]
            let joined = keys.joined(separator: "/")
            if let flag = flags[joined] {
                try store(entry.value, flag, keys.joined(separator: "."), into: &collected)
            } else if maps.contains(joined) {
                try walk(entry.value, keys, into: &collected, &unknown)
            } else {
                unknown.append(keys.joined(separator: "."))
            }
        }
    }

    private static func store(
        _ node: YAMLNode, _ flag: Flag, _ key: String, into collected: inout CollectedSettings
    ) throws(ConfigurationFailure) {
        if node.kind == "null" { return }
        guard let word = try word(node, flag, key) else { return }
        do throws(ValueError) {
            try flag.set(word, in: &collected.settings)
        } catch {
            switch flag.target {
            case .urls, .urlsOrNone:
                throw ConfigurationFailure(
                    message: "unexpected error setting up \(flag.name): \(error.text)\n", exitCode: 1)
            case .choice where flag.name == "initial-cluster-state":
                throw .invalid("unexpected clusterState \(goQuoted(word))")
            default:
                throw .invalid("invalid value \(goQuoted(word)) for \(key): \(error.text)")
            }
        }
        collected.given.insert(flag.name)
    }

    /// The value as the flag's word; nil: keep the default.
    private static func word(_ node: YAMLNode, _ flag: Flag, _ key: String) throws(ConfigurationFailure)
        -> String?
    {
        let kind = node.kind
        let text = node.text ?? ""
        switch flag.target {
        case .string:
            guard node.text != nil else { throw mismatch(kind, key, "string") }
            return text
        case .choice, .urls, .urlsOrNone, .features:
            guard node.text != nil else { throw mismatch(kind, key, "string") }
            return text.isEmpty ? nil : text
        case .boolean:
            guard kind == "bool" else { throw mismatch(kind, key, "bool") }
            return ["true", "yes", "on"].contains(text.lowercased()) ? "true" : "false"
        case .duration:
            return try number(node, key, "time.Duration") { text throws(ValueError) in
                _ = try GoValue.signed(text)
            } + "ns"
        case .unsigned, .milliseconds, .seconds:
            return try number(node, key, "uint") { text throws(ValueError) in
                _ = try GoValue.unsigned(text, as: UInt.self)
            }
        case .unsigned32:
            return try number(node, key, "uint32") { text throws(ValueError) in
                _ = try GoValue.unsigned(text, as: UInt32.self)
            }
        case .integer:
            return try number(node, key, "int64") { text throws(ValueError) in
                _ = try GoValue.signed(text)
            }
        case .strings, .origins:
            guard case .sequence(let elements, _) = node else {
                guard node.text != nil else { throw mismatch(kind, key, "[]string") }
                return text
            }
            return elements.map { $0.text ?? "" }.joined(separator: ",")
        case .ignored:
            return ""
        }
    }

    /// A number that the check takes, as text.
    private static func number(
        _ node: YAMLNode, _ key: String, _ type: String, _ check: (String) throws(ValueError) -> Void
    ) throws(ConfigurationFailure) -> String {
        let kind = node.kind
        let text = node.text ?? ""
        guard kind == "number" else { throw mismatch(kind, key, type) }
        do throws(ValueError) {
            try check(text)
        } catch {
            throw mismatch("number \(text)", key, type)
        }
        return text
    }

    private static func mismatch(_ kind: String, _ key: String, _ type: String) -> ConfigurationFailure {
        let place = key.isEmpty ? "Go value" : "Go struct field configYAML.\(key)"
        return .invalid(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \(kind) into \(place) "
                + "of type \(type)")
    }
}
