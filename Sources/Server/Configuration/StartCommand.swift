import Telemetry

/// What the daemon was asked to do. A value: nothing here prints, exits or opens a log.
package enum StartCommand: Sendable, Equatable {
    /// Serve with this configuration. The notices are for the log, once it is open.
    case run(ServerConfiguration, notices: [ConfigurationNotice])
    /// Print this on standard output and exit with 0.
    case print(String)
    /// Do not start.
    case fail(ConfigurationFailure)
}

/// Why the daemon does not start, with the exit code etcd gives in that case.
package struct ConfigurationFailure: Error, Sendable, Equatable {
    /// With a `logTitle`: the value of the log line's `error`. Without: the text for standard error.
    package var message: String
    /// 2: the command line cannot be read; 1: everything else.
    package var exitCode: Int32
    /// The message of the log line that carries the failure (`failed to verify flags`), or nil where
    /// etcd writes plain text.
    package var logTitle: String?
    /// What was found out before: for the log, in front of the failure.
    package var notices: [ConfigurationNotice] = []

    package init(message: String, exitCode: Int32, logTitle: String? = nil) {
        self.message = message
        self.exitCode = exitCode
        self.logTitle = logTitle
    }

    static func invalid(_ message: String) -> ConfigurationFailure {
        ConfigurationFailure(message: message, exitCode: 1, logTitle: "failed to verify flags")
    }
}

/// One line for the log about the configuration itself.
package struct ConfigurationNotice: Sendable, Equatable {
    package enum Level: Sendable { case info, warning }

    package var level: Level
    package var message: String
    /// In the order in which the log shows them.
    package var fields: [Field]

    package struct Field: Sendable, Equatable {
        package var name: String
        package var value: String
    }

    static func info(_ message: String, _ fields: (String, String)...) -> ConfigurationNotice {
        ConfigurationNotice(level: .info, message, fields)
    }

    static func warning(_ message: String, _ fields: (String, String)...) -> ConfigurationNotice {
        ConfigurationNotice(level: .warning, message, fields)
    }

    private init(level: Level, _ message: String, _ fields: [(String, String)]) {
        self.level = level
        self.message = message
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }
}

extension StartCommand {
    /// Reads the parameters by etcd's rules (spec/config.md sections 1 to 4).
    ///
    /// 1. Help, version and what cannot be parsed come first.
    /// 2. A configuration file shuts out all other flags and variables.
    /// 3. Otherwise a flag wins over its variable, and a variable over the default. etcd refuses to
    ///    start when both are given; here the flag wins and one warning names the variables that
    ///    differ, because the unit file of the classic installation guide gives every value twice.
    package static func parse(_ inputs: StartInputs) -> StartCommand {
        do throws(ConfigurationFailure) {
            return try parsed(inputs)
        } catch {
            return .fail(error)
        }
    }

    private static func parsed(_ inputs: StartInputs) throws(ConfigurationFailure) -> StartCommand {
        var notices: [ConfigurationNotice] = []
        try checkArchitecture(inputs, &notices)
        if let first = inputs.arguments.dropFirst().first, ["gateway", "grpc-proxy"].contains(first) {
            throw ConfigurationFailure(message: "etcd \(first) is not part of this build", exitCode: 1)
        }
        var line = CommandLineReader()
        switch try line.read(Array(inputs.arguments.dropFirst())) {
        case .help: return .print(HelpText.full)
        case .flags: break
        }
        if let word = line.positional {
            throw .invalid("'\(word)' is not a valid flag")
        }
        if line.settings.printVersion { return .print(Version.text) }

        var file = line.settings.configFile
        if file.isEmpty { file = inputs.environment["ETCD_CONFIG_FILE"] ?? "" }
        do throws(ConfigurationFailure) {
            var collected: CollectedSettings
            if file.isEmpty {
                collected = line.collected
                try EnvironmentReader.read(inputs.environment, into: &collected, &notices)
            } else {
                collected = try ConfigurationFile.read(file, inputs, &notices)
            }
            let configuration = try collected.resolved(inputs, &notices)
            return .run(configuration, notices: notices)
        } catch {
            var failure = error
            failure.notices = notices
            throw failure
        }
    }

    /// Source: spec/config.md section 2, point 5.
    private static func checkArchitecture(
        _ inputs: StartInputs, _ notices: inout [ConfigurationNotice]
    ) throws(ConfigurationFailure) {
        if ["amd64", "arm64", "ppc64le", "s390x"].contains(inputs.architecture) { return }
        guard inputs.environment["ETCD_UNSUPPORTED_ARCH"] == inputs.architecture else {
            throw ConfigurationFailure(
                message: "etcd on unsupported platform without ETCD_UNSUPPORTED_ARCH="
                    + inputs.architecture + " set", exitCode: 1)
        }
        notices.append(
            .warning("running on an unsupported architecture", ("arch", inputs.architecture)))
    }
}
