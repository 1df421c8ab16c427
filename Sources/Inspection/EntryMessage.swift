import Journal
import Raft
import Terminal
import Wire

/// What an entry asks for, decoded for print.
package enum EntryMessage: Equatable, Sendable {
    /// A change of the configuration: method name, and the member in the one-step form.
    case configuration(ConfigurationEntry, Entry.Kind)
    case request(ProtoMessage)
    /// The v2 form that etcd up to 3.5 uses for member attributes and the cluster version.
    case v2(ProtoMessage)
    case undecodable

    package init(_ kind: Entry.Kind, decoding bytes: borrowing RawSpan) {
        guard kind == .normal else {
            do throws(MessageError) {
                self = .configuration(try ConfigurationEntry(decoding: bytes, kind: kind), kind)
            } catch {
                self = .undecodable
            }
            return
        }
        if let request = ProtoMessage("InternalRaftRequest", decoding: bytes) {
            self = .request(request)
        } else if let request = ProtoMessage("Request", decoding: bytes), request["Method"] != nil {
            self = .v2(request)
        } else {
            self = .undecodable
        }
    }

    /// The name of the request in an InternalRaftRequest, as its field; nil for an empty entry.
    package var requestName: String? {
        guard case .request(let message) = self else { return nil }
        return message.fields.first { $0.name != "header" && $0.name != "ID" }?.name
    }

    /// For statistics: what kind of entry it is.
    package var kindName: String {
        switch self {
        case .configuration: "configuration"
        case .request: requestName ?? "empty"
        case .v2: "v2"
        case .undecodable: "undecodable"
        }
    }

    /// The columns type and data of a dump.
    package func columns(kind: Entry.Kind) -> String {
        var line: [UInt8] = []
        append(kind: kind, to: &line)
        return String(decoding: line, as: UTF8.self)
    }

    /// Appends those columns.
    func append(kind: Entry.Kind, to line: inout [UInt8]) {
        line += (kind == .normal ? "norm\t" : "conf\t").utf8
        switch self {
        case .configuration(let entry, let kind): line += Self.text(entry, kind).utf8
        case .request(let message): Self.masked(message).append(to: &line)
        case .v2(let message): line += Self.v2Text(message).utf8
        case .undecodable: line += "???".utf8
        }
    }

    /// The request as a JSON object, or `null`.
    package var json: String {
        var text: [UInt8] = []
        append(jsonTo: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends that object.
    func append(jsonTo text: inout [UInt8]) {
        switch self {
        case .configuration(let entry, let kind): text += Self.json(entry, kind).utf8
        case .request(let message): Self.masked(message).append(jsonTo: &text)
        case .v2(let message):
            text += "{\"v2\":".utf8
            message.append(jsonTo: &text)
            text.append(UInt8(ascii: "}"))
        case .undecodable: text += "null".utf8
        }
    }

    private static func text(_ entry: ConfigurationEntry, _ kind: Entry.Kind) -> String {
        if kind == .configurationChange {
            let step = entry.change.steps[0]
            return "method=\(methodName(step.kind)) id=\(String(step.member.rawValue, radix: 16))"
        }
        let steps = entry.change.steps.map {
            "\(methodName($0.kind)) id=\(String($0.member.rawValue, radix: 16))"
        }
        return
            "method=ConfChangeV2 transition=\(entry.change.transition) "
            + "changes=[\(steps.joined(separator: ", "))]"
    }

    private static func json(_ entry: ConfigurationEntry, _ kind: Entry.Kind) -> String {
        let steps = entry.change.steps.map {
            "{\"method\":\"\(methodName($0.kind))\",\"id\":\"\(String($0.member.rawValue, radix: 16))\"}"
        }
        var text = "{\"id\":\(entry.id),\"changes\":[\(steps.joined(separator: ","))]"
        if kind != .configurationChange { text += ",\"transition\":\"\(entry.change.transition)\"" }
        if !entry.context.isEmpty {
            text += ",\"context\":" + jsonQuoted(String(decoding: entry.context, as: UTF8.self))
        }
        return text + "}"
    }

    private static func methodName(_ kind: ConfigurationChange.Kind) -> String {
        switch kind.rawValue {
        case 0: "ConfChangeAddNode"
        case 1: "ConfChangeRemoveNode"
        case 2: "ConfChangeUpdateNode"
        default: "ConfChangeAddLearnerNode"
        }
    }

    /// Passwords of changes are not shown, as in etcd's tool; the others are those it shows.
    private static func masked(_ message: ProtoMessage) -> ProtoMessage {
        let name = "auth_user_change_password"
        guard case .message(var change)? = message[name] else { return message }
        change.replace("password", with: .text(Array("<value removed>".utf8)))
        var masked = message
        masked.replace(name, with: .message(change))
        return masked
    }

    private static func v2Text(_ message: ProtoMessage) -> String {
        func bytes(_ name: String) -> [UInt8] {
            if case .text(let bytes)? = message[name] { bytes } else { [] }
        }
        let method = String(decoding: bytes("Method"), as: UTF8.self)
        let path = excerpt(bytes("Path"), first: 64, last: 64)
        switch method {
        case "": return "noop"
        case "SYNC":
            guard case .scalar(let nanoseconds)? = message["Time"] else { return "method=SYNC" }
            return "method=SYNC time=\"\(timeText(Int64(nanoseconds) ?? 0))\""
        case "QGET", "DELETE": return "method=\(method) path=\(path)"
        default: return "method=\(method) path=\(path) val=\(excerpt(bytes("Val"), first: 128, last: 0))"
        }
    }

    private static func excerpt(_ bytes: [UInt8], first: Int, last: Int) -> String {
        if bytes.count <= first + last { return goQuoted(bytes) }
        return goQuoted(bytes.prefix(first)) + "..." + goQuoted(bytes.suffix(last))
    }
}

/// Nanoseconds since 1970 as Go prints a time in UTC: `1970-01-01 00:00:00.000000001 +0000 UTC`.
func timeText(_ nanoseconds: Int64) -> String {
    var seconds = nanoseconds / 1_000_000_000
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000_000_000) }
    var days = seconds / 86400
    var second = seconds % 86400
    if second < 0 { (days, second) = (days - 1, second + 86400) }
    // Days since 0000-03-01, in eras of 400 years (H. Hinnant, "chrono-compatible low-level date
    // algorithms").
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let ofEra = shifted - era * 146_097
    let year = (ofEra - ofEra / 1460 + ofEra / 36524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let month = (5 * ofYear + 2) / 153
    let day = ofYear - (153 * month + 2) / 5 + 1
    let monthNumber = month < 10 ? month + 3 : month - 9
    let fullYear = year + era * 400 + (monthNumber <= 2 ? 1 : 0)
    func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
    var fraction = ""
    if rest > 0 {
        fraction = "." + String(String(1_000_000_000 + rest).dropFirst())
        while fraction.hasSuffix("0") { fraction.removeLast() }
    }
    let years = String(repeating: "0", count: max(0, 4 - String(fullYear).utf8.count)) + String(fullYear)
    return
        "\(years)-\(two(monthNumber))-\(two(day)) "
        + "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        + fraction + " +0000 UTC"
}
