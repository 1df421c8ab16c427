import Telemetry
import Wire

/// One parameter: its name on the command line, where its value goes, and what `--help` says of it.
///
/// The same entry serves the flag, the environment variable (`ETCD_` + name, upper case, `-` as `_`)
/// and the key of the configuration file, so that none of the three can be forgotten.
struct Flag: Sendable {
    typealias Path<Value> = WritableKeyPath<Settings, Value> & Sendable

    /// What kind of word the flag takes and where it is stored.
    enum Target: Sendable {
        case string(any Path<String>)
        case choice(any Path<String>, of: [String])
        case boolean(any Path<Bool>)
        case unsigned(any Path<UInt>)
        case unsigned32(any Path<UInt32>)
        case integer(any Path<Int>)
        case milliseconds(any Path<Duration>)
        case seconds(any Path<Duration>)
        case duration(any Path<Duration>)
        case urls(any Path<[ListenURL]>)
        case urlsOrNone(any Path<[ListenURL]>)
        case strings(any Path<[String]>)
        /// `*`, or URLs, kept as written.
        case origins(any Path<[String]>)
        case features(any Path<FeatureGates>)
        /// Taken from scripts of old releases and forgotten with a warning; as a boolean or with a word.
        case ignored(takesValue: Bool)
    }

    let name: String
    let target: Target
    let summary: String
    /// The keys that lead to the value in a configuration file; empty: not settable there.
    let fileKeys: [String]
    /// Whether `experimental-<name>` means the same.
    let hasExperimentalName: Bool
    /// Shown by `--help` instead of the stored default.
    let shownDefault: String?

    init(
        _ name: String, _ target: Target, _ summary: String, file: [String]? = nil,
        experimental: Bool = false, shown: String? = nil
    ) {
        self.name = name
        self.target = target
        self.summary = summary
        self.fileKeys = file ?? [name]
        self.hasExperimentalName = experimental
        self.shownDefault = shown
    }

    /// `listen-client-urls` → `ETCD_LISTEN_CLIENT_URLS`.
    static func variable(_ name: String) -> String {
        "ETCD_" + name.uppercased().map { $0 == "-" || $0 == "." ? "_" : String($0) }.joined()
    }

    /// Every name of this flag, the plain one first.
    var names: [String] {
        hasExperimentalName ? [name, "experimental-" + name] : [name]
    }

    /// Whether the flag stands alone on the command line (`--pre-vote`), as Go's boolean flags do.
    var isBoolean: Bool {
        switch target {
        case .boolean, .ignored(takesValue: false): true
        default: false
        }
    }

    var isIgnored: Bool {
        if case .ignored = target { true } else { false }
    }
}

extension Flag {
    /// Stores a word given on the command line or in the environment.
    func set(_ text: String, in settings: inout Settings) throws(ValueError) {
        switch target {
        case .string(let path): settings[keyPath: path] = text
        case .choice(let path, let words):
            guard words.contains(text) else { throw ValueError("invalid value") }
            settings[keyPath: path] = text
        case .boolean(let path):
            guard let value = GoValue.boolean(text) else { throw .syntax }
            settings[keyPath: path] = value
        case .unsigned(let path): settings[keyPath: path] = try GoValue.unsigned(text, as: UInt.self)
        case .unsigned32(let path): settings[keyPath: path] = try Flag.unsigned32(text)
        case .integer(let path): settings[keyPath: path] = try GoValue.signed(text)
        case .milliseconds(let path):
            settings[keyPath: path] = .milliseconds(try GoValue.unsigned(text, as: UInt.self))
        case .seconds(let path):
            settings[keyPath: path] = .seconds(try GoValue.unsigned(text, as: UInt.self))
        case .duration(let path): settings[keyPath: path] = try GoDuration.parse(text)
        // An empty word leaves the default, as in etcd: unit files pass variables that may not be set.
        case .urls(let path): if !text.isEmpty { settings[keyPath: path] = try ListenURL.list(text) }
        case .urlsOrNone(let path):
            settings[keyPath: path] = text.isEmpty ? [] : try ListenURL.list(text)
        case .strings(let path): settings[keyPath: path] = Flag.words(text)
        case .origins(let path):
            let words = Flag.words(text)
            for word in words where word != "*" { _ = try ListenURL(word) }
            settings[keyPath: path] = words
        case .features(let path): try settings[keyPath: path].add(text)
        case .ignored: break
        }
    }

    /// etcd reads this one flag with strconv directly, and so shows its error.
    private static func unsigned32(_ text: String) throws(ValueError) -> UInt32 {
        do {
            return try GoValue.unsigned(text, as: UInt32.self)
        } catch {
            let reason = error == .range ? "value out of range" : "invalid syntax"
            throw ValueError("strconv.ParseUint: parsing \(goQuoted(text)): \(reason)")
        }
    }

    /// Comma-separated words without the spaces around them; each once, in order.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        for part in text.split(separator: ",") {
            let word = GoValue.trimmed(String(part))
            if !word.isEmpty && !words.contains(word) { words.append(word) }
        }
        return words
    }

    /// The value as `--help` and the tests show it; `set` reads it back.
    func text(in settings: Settings) -> String {
        switch target {
        case .string(let path), .choice(let path, _): settings[keyPath: path]
        case .boolean(let path): String(settings[keyPath: path])
        case .unsigned(let path): String(settings[keyPath: path])
        case .unsigned32(let path): String(settings[keyPath: path])
        case .integer(let path): String(settings[keyPath: path])
        case .milliseconds(let path): String(Int64(settings[keyPath: path] / .milliseconds(1)))
        case .seconds(let path): String(settings[keyPath: path].components.seconds)
        case .duration(let path): GoDuration.text(settings[keyPath: path])
        case .urls(let path), .urlsOrNone(let path):
            settings[keyPath: path].map(\.description).joined(separator: ",")
        case .strings(let path), .origins(let path): settings[keyPath: path].joined(separator: ",")
        case .features, .ignored: ""
        }
    }
}
