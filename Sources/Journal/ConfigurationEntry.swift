import Raft
import Wire

/// What the data of a configuration entry says.
///
///     ConfChange    1 id, 2 type, 3 member, 4 context
///     ConfChangeV2  1 transition, 2 steps* {1 type, 2 member}, 3 context
///
/// Scalars are written even when zero, the context only when there is one (spec/vectors.md 2).
package struct ConfigurationEntry: Equatable, Sendable {
    /// The proposal's id; ConfChangeV2 has none, and 0 stands there.
    package var id: UInt64
    package var change: ConfigurationChange
    /// etcd: the member as JSON.
    package var context: [UInt8]

    package init(id: UInt64, change: ConfigurationChange, context: [UInt8] = []) {
        self.id = id
        self.change = change
        self.context = context
    }

    /// Reads the data of an entry of either kind; `kind` is not `.normal`.
    package init(decoding bytes: borrowing RawSpan, kind: Entry.Kind) throws(MessageError) {
        precondition(kind != .normal)
        self.init(id: 0, change: .leaveJoint)
        if kind == .configurationChange { try readV1(bytes) } else { try readV2(bytes) }
    }

    /// The data of an entry of `kind`: V1 takes exactly one step and no transition.
    package func data(kind: Entry.Kind) -> [UInt8] {
        precondition(
            kind == .configurationChangeV2 || (change.steps.count == 1 && change.transition == .auto))
        precondition(kind != .normal)
        var bytes: [UInt8] = []
        if kind == .configurationChange {
            bytes.appendField(1, always: id)
            bytes.append(change.steps[0], typeField: 2)
            unsafe bytes.appendField(4, context.span.bytes)
        } else {
            bytes.appendField(1, always: change.transition.rawValue)
            for step in change.steps {
                var inner: [UInt8] = []
                inner.append(step, typeField: 1)
                unsafe bytes.appendField(2, always: inner.span.bytes)
            }
            unsafe bytes.appendField(3, context.span.bytes)
        }
        return bytes
    }

    private mutating func readV1(_ bytes: borrowing RawSpan) throws(MessageError) {
        var kind: UInt64 = 0, member: UInt64 = 0, contextRange = 0..<0
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: id = try field.varint
            case 2: kind = try field.varint
            case 3: member = try field.varint
            case 4: contextRange = try field.payload
            default: throw .field(field.number)
            }
        }
        change.steps = [try ConfigurationChange.Step(kind: kind, member: member, field: 2)]
        context = bytes.extracting(contextRange).copied()
    }

    private mutating func readV2(_ bytes: borrowing RawSpan) throws(MessageError) {
        var contextRange = 0..<0
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1:
                guard let transition = try ConfigurationChange.Transition(rawValue: field.varint) else {
                    throw .field(1)
                }
                change.transition = transition
            case 2:
                change.steps.append(try ConfigurationChange.Step(decoding: bytes.extracting(field.payload)))
            case 3: contextRange = try field.payload
            default: throw .field(field.number)
            }
        }
        context = bytes.extracting(contextRange).copied()
    }
}

extension ConfigurationChange.Step {
    fileprivate init(decoding bytes: borrowing RawSpan) throws(MessageError) {
        var kind: UInt64 = 0, member: UInt64 = 0
        try forEachField(bytes) { field throws(MessageError) in
            switch field.number {
            case 1: kind = try field.varint
            case 2: member = try field.varint
            default: throw .field(field.number)
            }
        }
        try self.init(kind: kind, member: member, field: 1)
    }

    fileprivate init(kind: UInt64, member: UInt64, field: Int) throws(MessageError) {
        guard let kind = ConfigurationChange.Kind(rawValue: kind) else { throw .field(field) }
        self.init(kind, MemberID(member))
    }
}

extension [UInt8] {
    /// Type and member, in neighbouring fields.
    fileprivate mutating func append(_ step: ConfigurationChange.Step, typeField: Int) {
        appendField(typeField, always: step.kind.rawValue)
        appendField(typeField + 1, always: step.member.rawValue)
    }
}
