import Backend
import MVCC
import Store
import Terminal
import Wire

/// Records of each bucket as `etcd-dump-db iterate-bucket --decode` prints them (spec/tools.md 2).
enum BucketDecoder {
    /// The line of a record as it is: key and value in Go's quotes.
    static func plain(_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> String {
        "key=\(goQuoted(key.copied())), value=\(goQuoted(value.copied()))"
    }

    /// The line of a decoded record; one that does not decode is printed as it is, and says so.
    static func decoded(_ bucket: Bucket, _ key: borrowing RawSpan, _ value: borrowing RawSpan) -> String {
        let line: String? =
            switch bucket {
            case .key: keyValue(key, value)
            case .lease: lease(value)
            case .auth: auth(key.copied(), value.copied())
            case .authRoles: role(value)
            case .authUsers: user(value)
            case .meta: meta(key.copied(), value.copied())
            case .alarm: alarm(key)
            case .members:
                "member=\(goQuoted(key.copied())), \(String(decoding: value.copied(), as: UTF8.self))"
            case .cluster, .membersRemoved: plain(key, value)
            }
        return line ?? plain(key, value) + " (does not decode)"
    }

    private static func keyValue(_ key: borrowing RawSpan, _ value: borrowing RawSpan) -> String? {
        guard let revision = EtcdRevisionKey(etcd: key), let record = StoredKeyValue(value) else {
            return nil
        }
        return text(of: record, at: revision)
    }

    /// `rev={Revision:{Main:2 Sub:0} tombstone:false}, value=[…]`.
    static func text(of record: StoredKeyValue, at revision: EtcdRevisionKey) -> String {
        "rev={Revision:{Main:\(revision.main) Sub:\(revision.sub)} tombstone:\(revision.isTombstone)}, "
            + "value=[\(text(of: record))]"
    }

    /// `key "foo" | val "bar" | created 2 | mod 2 | ver 1`.
    static func text(of record: StoredKeyValue) -> String {
        "key \(goQuoted(record.key)) | val \(goQuoted(record.value)) | created \(record.createRevision) | "
            + "mod \(record.modRevision) | ver \(record.version)"
    }

    private static func lease(_ value: borrowing RawSpan) -> String? {
        guard let lease = try? LeaseRecord(decoding: value) else { return nil }
        let id = String(UInt64(bitPattern: lease.id), radix: 16)
        let padded = String(repeating: "0", count: 16 - id.utf8.count) + id
        return "lease ID=\(padded), TTL=\(lease.ttl)s, remaining TTL=\(lease.remainingTTL)s"
    }

    private static func auth(_ key: [UInt8], _ value: [UInt8]) -> String? {
        if key == Array("authRevision".utf8) {
            guard let number = number(value) else { return nil }
            return "key=\(goQuoted(key)), value=\(number)"
        }
        return "key=\(goQuoted(key)), value=[\(value.map(String.init).joined(separator: " "))]"
    }

    private static func role(_ value: borrowing RawSpan) -> String? {
        guard let role = ProtoMessage("Role", decoding: value), let name = role.bytes("name") else {
            return nil
        }
        let permissions = role.fields.compactMap { field -> String? in
            if field.name == "keyPermission", case .message(let message) = field.value {
                message.text
            } else {
                nil
            }
        }
        return "role=\(goQuoted(name)), keyPermission=[\(permissions.joined(separator: " "))]"
    }

    private static func user(_ value: borrowing RawSpan) -> String? {
        guard let user = ProtoMessage("User", decoding: value), let name = user.bytes("name") else {
            return nil
        }
        let roles = user.fields.compactMap { field -> String? in
            if field.name == "roles", case .text(let bytes) = field.value { goQuoted(bytes) } else { nil }
        }
        var options = "<nil>"
        if case .message(let message)? = user["options"] { options = message.text }
        return "user=\(goQuoted(name)), roles=[\(roles.joined(separator: " "))], option=\(options)"
    }

    private static func meta(_ key: [UInt8], _ value: [UInt8]) -> String? {
        switch String(decoding: key, as: UTF8.self) {
        case "consistent_index", "term":
            guard let number = number(value) else { return nil }
            return "key=\(goQuoted(key)), value=\(number)"
        case "scheduledCompactRev", "finishedCompactRev":
            // The span ends with the call.
            guard let revision = unsafe EtcdRevisionKey(etcd: value.span.bytes) else { return nil }
            return "key=\(goQuoted(key)), value={\(revision.main) \(revision.sub)}"
        default:
            return "key=\(goQuoted(key)), value=\(goQuoted(value))"
        }
    }

    private static func alarm(_ key: borrowing RawSpan) -> String? {
        guard let alarm = AlarmRecord(decoding: key) else { return nil }
        return "member ID=\(alarm.member.hex), alarm=\(alarm.kind == .noSpace ? "NOSPACE" : "CORRUPT")"
    }

    private static func number(_ bytes: [UInt8]) -> UInt64? {
        bytes.count == 8 ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : nil
    }
}

extension ProtoMessage {
    /// The bytes of a field that is a text or bytes.
    func bytes(_ name: String) -> [UInt8]? {
        switch self[name] {
        case .text(let bytes), .bytes(let bytes): bytes
        default: nil
        }
    }
}
