import Logging

/// One line in zap's shape, ended by a line feed.
///
///     {"level":"info","ts":"2026-11-22T09:05:54.312Z","caller":"Server/Boot.swift:7","msg":"…","k":1}
///     2026-11-22T09:05:54.312Z<TAB>info<TAB>Server/Boot.swift:7<TAB>…<TAB>{"k": 1}
///
/// Fields follow in the order of their names, since swift-log keeps none; numbers and booleans given
/// as `.stringConvertible` stay such, durations are Go's text, everything else is a string.
package enum LogFormat: String, Sendable {
    case json, console

    func line(_ event: borrowing LogLine) -> String {
        var out = ""
        let fields = event.fields.sorted { $0.key < $1.key }
        switch self {
        case .json:
            out += "{\"level\":\"\(LogLevel.word(event.level))\",\"ts\":\"\(event.time.text)\",\"caller\":"
            JSONText.append(event.caller, to: &out)
            out += ",\"msg\":"
            JSONText.append(event.message, to: &out)
            for (name, value) in fields {
                out += ","
                JSONText.append(name, to: &out)
                out += ":"
                LogFormat.append(value, to: &out)
            }
            out += "}\n"
        case .console:
            out += "\(event.time.text)\t\(LogLevel.word(event.level))\t\(event.caller)\t\(event.message)"
            var mark = "\t{"
            for (name, value) in fields {
                out += mark
                JSONText.append(name, to: &out)
                out += ": "
                LogFormat.append(value, to: &out)
                mark = ", "
            }
            out += fields.isEmpty ? "\n" : "}\n"
        }
        return out
    }

    private static func append(_ value: Logger.MetadataValue, to out: inout String) {
        switch value {
        case .string(let text): JSONText.append(text, to: &out)
        case .stringConvertible(let value): append(convertible: value, to: &out)
        case .array(let values):
            out += "["
            for (index, value) in values.enumerated() {
                if index > 0 { out += "," }
                append(value, to: &out)
            }
            out += "]"
        case .dictionary(let table):
            out += "{"
            for (index, key) in table.keys.sorted().enumerated() {
                if index > 0 { out += "," }
                JSONText.append(key, to: &out)
                out += ":"
                append(table[key] ?? "", to: &out)
            }
            out += "}"
        }
    }

    private static func append(convertible value: any CustomStringConvertible, to out: inout String) {
        switch value {
        case let number as any FixedWidthInteger: out += String(number)
        case let flag as Bool: out += flag ? "true" : "false"
        case let number as Double where number.isFinite: out += MetricsText.number(number)
        case let duration as Duration: JSONText.append(duration.goText, to: &out)
        default: JSONText.append(value.description, to: &out)
        }
    }
}

/// What a line says, before it has a shape.
struct LogLine: Sendable {
    var level: Logger.Level
    var time: LogTime
    /// `Module/File.swift:line`.
    var caller: String
    var message: String
    var fields: Logger.Metadata
}
