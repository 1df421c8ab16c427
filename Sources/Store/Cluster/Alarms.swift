import Raft
import Synchronization
import Wire

/// One alarm of one member. The key of bucket `alarm` is the encoded AlarmMember {1 memberID, 2 alarm};
/// the value is empty.
package struct AlarmRecord: Sendable, Hashable, Comparable {
    package enum Kind: Int, Sendable, CaseIterable {
        case noSpace = 1
        case corrupt = 2
    }

    package var member: MemberID
    package var kind: Kind

    package init(member: MemberID, kind: Kind) {
        self.member = member
        self.kind = kind
    }

    /// Nil for bytes that are no alarm this server knows.
    package init?(decoding bytes: borrowing RawSpan) {
        var member: UInt64 = 0
        var alarm: UInt64 = 0
        var cursor = WireCursor()
        do {
            while let field = try cursor.next(in: bytes) {
                if case .varint(let number) = field.value, field.number == 1 { member = number }
                if case .varint(let number) = field.value, field.number == 2 { alarm = number }
            }
        } catch { return nil }
        guard let kind = Int(exactly: alarm).flatMap(Kind.init(rawValue:)) else { return nil }
        self.init(member: MemberID(member), kind: kind)
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, member.rawValue)
        bytes.appendField(2, UInt64(kind.rawValue))
        return bytes
    }

    package static func < (a: AlarmRecord, b: AlarmRecord) -> Bool {
        (a.kind.rawValue, a.member) < (b.kind.rawValue, b.member)
    }
}

/// The active alarms of the cluster. The apply thread changes them; every thread may read.
package final class Alarms: Sendable {
    private let active: Mutex<Set<AlarmRecord>>
    /// Whether there is any, so that no write takes the lock while all is well.
    private let isQuiet = Atomic(true)

    package init() { active = Mutex([]) }

    /// Active alarms of a kind, or all; ascending by kind, then member.
    package func list(_ kind: AlarmRecord.Kind? = nil) -> [AlarmRecord] {
        active.withLock { $0.filter { kind == nil || $0.kind == kind }.sorted() }
    }

    package func isActive(_ kind: AlarmRecord.Kind) -> Bool {
        if isQuiet.load(ordering: .acquiring) { return false }
        return active.withLock { active in active.contains { $0.kind == kind } }
    }

    /// False when the alarm was active already.
    func activate(_ alarm: AlarmRecord) -> Bool { change { $0.insert(alarm).inserted } }

    /// False when the alarm was not active.
    func deactivate(_ alarm: AlarmRecord) -> Bool { change { $0.remove(alarm) != nil } }

    func restore(_ alarms: [AlarmRecord]) { change { $0 = Set(alarms) } }

    private func change<R>(_ body: (inout Set<AlarmRecord>) -> sending R) -> sending R {
        active.withLock { active in
            let result = body(&active)
            isQuiet.store(active.isEmpty, ordering: .releasing)
            return result
        }
    }
}
