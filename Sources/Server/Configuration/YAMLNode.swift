/// A value of a YAML document, with the line (from 1) at which it starts.
indirect enum YAMLNode: Equatable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode], line: Int)
    /// In the order of the file. No key stands twice.
    case mapping([Entry], line: Int)

    struct Entry: Equatable {
        var key: String
        var value: YAMLNode
    }

    /// The text of a scalar.
    var text: String? {
        guard case .scalar(let scalar) = self else { return nil }
        return scalar.text
    }

    /// JSON's name for the kind of the value.
    var kind: String {
        switch self {
        case .mapping: "object"
        case .sequence: "array"
        case .scalar(let scalar): scalar.kind
        }
    }
}

/// A word, or a text in quotes or in a block.
struct YAMLScalar: Equatable {
    var text: String
    /// Neither quoted nor a block: the words of YAML mean something.
    var isPlain: Bool
    /// As resolved by libyaml: `tag:yaml.org,2002:int` for `!!int`.
    var tag: String?
    var line: Int

    /// JSON's name for the kind, by the words of YAML 1.1 as Go's reader takes them: without numbers to
    /// the base 60 and without dates.
    var kind: String {
        guard isPlain else { return "string" }
        switch tag {
        case nil: break
        case "tag:yaml.org,2002:bool": return "bool"
        case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float": return "number"
        case "tag:yaml.org,2002:null": return "null"
        default: return "string"
        }
        switch text {
        case "", "~", "null", "Null", "NULL": return "null"
        case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON",
            "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
            return "bool"
        case ".nan", ".NaN", ".NAN": return "number"
        default: return Self.isNumber(text) ? "number" : "string"
        }
    }

    /// Underscores may stand between digits; `0b`, `0o` and `0x` name a base.
    private static func isNumber(_ text: String) -> Bool {
        var rest = Substring(text)
        if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
        if [".inf", ".Inf", ".INF"].contains(rest) { return true }
        for (prefix, base) in [("0b", 2), ("0o", 8), ("0x", 16)] where rest.hasPrefix(prefix) {
            return takeDigits(&rest, from: 2, base: base) && rest.isEmpty
        }
        let whole = takeDigits(&rest, from: 0, base: 10)
        if rest.first == "." {
            guard takeDigits(&rest, from: 1, base: 10) || whole else { return false }
        } else if !whole {
            return false
        }
        if rest.first == "e" || rest.first == "E" {
            rest.removeFirst()
            if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
            return !rest.isEmpty && rest.utf8.allSatisfy { 0x30...0x39 ~= $0 }
        }
        return rest.isEmpty
    }

    /// Drops `count` characters and the digits after them; false: there was no digit.
    private static func takeDigits(_ rest: inout Substring, from count: Int, base: Int) -> Bool {
        rest = rest.dropFirst(count)
        let digits = rest.prefix { character in
            character == "_" || character.isASCII && (character.hexDigitValue ?? base) < base
        }
        rest = rest[digits.endIndex...]
        return digits.contains { $0 != "_" }
    }
}

/// Why a text is not a YAML document we take.
struct YAMLFailure: Error, Equatable {
    /// From 1; nil: libyaml names none.
    var line: Int?
    var reason: String

    /// As Go's reader words it: `line 2: did not find expected key`.
    var text: String { line.map { "line \($0): \(reason)" } ?? reason }
}
