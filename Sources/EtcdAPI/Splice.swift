import Wire

/// Hand encoding of what the hot paths need, beside the generated messages.
///
/// A protobuf message may be written in pieces: tag, length, bytes. So a response is its header, then
/// stored KeyValue bytes spliced in, then the scalars, and a log entry is the client's own request
/// bytes with a tag before and a header after them. A RangeResponse of 1000 pairs takes 40 us so,
/// against 706 us through the generated messages (design.md section 1).
///
/// Invariant: what is written here is byte for byte what the generated encoder writes for the same
/// content (fields ascending, zero scalars left out). `EtcdAPITests` holds the two together.
extension [UInt8] {
    /// The fields of a ResponseHeader that stay the same as long as a member runs: each is up to ten bytes
    /// of varint, which are written once and copied into every answer.
    package static func responseIdentity(clusterID: UInt64, memberID: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendField(1, clusterID)
        bytes.appendField(2, memberID)
        return bytes
    }

    /// A ResponseHeader as field `number` of the message being written; `identity`: `responseIdentity`.
    ///
    /// The field is present even when all of it is empty (`0a 00`), as in nested transactions.
    package mutating func appendResponseHeader(
        number: Int = 1, identity: [UInt8], revision: Int64, raftTerm: UInt64
    ) {
        appendBytesTag(number)
        appendVarint(
            UInt64(identity.count + fieldSize(UInt64(bitPattern: revision)) + fieldSize(raftTerm)))
        self += identity
        appendField(3, revision)
        appendField(4, raftTerm)
    }

    /// A whole InternalRaftRequest: `request` (an encoded message of the type `kind` names) as the
    /// field of that kind, and the header, in ascending order of field numbers.
    ///
    /// `username` and `authRevision` stay at their defaults when authentication is off.
    package mutating func appendInternalRaftRequest(
        _ kind: InternalRaftRequest.Kind, _ request: borrowing RawSpan, id: UInt64,
        username: [UInt8] = [], authRevision: UInt64 = 0
    ) {
        if kind.rawValue < InternalRaftRequest.headerNumber { appendField(kind.rawValue, always: request) }
        let nameSize = username.isEmpty ? 0 : 1 + varintSize(UInt64(username.count)) + username.count
        appendBytesTag(InternalRaftRequest.headerNumber)
        appendVarint(UInt64(fieldSize(id) + nameSize + fieldSize(authRevision)))
        appendField(1, id)
        if !username.isEmpty { appendField(2, always: username) }
        appendField(3, authRevision)
        if kind.rawValue > InternalRaftRequest.headerNumber { appendField(kind.rawValue, always: request) }
    }
}

/// Bytes of a varint field numbered 1 to 15: none when zero, else one of tag and those of the value.
private func fieldSize(_ value: UInt64) -> Int { value == 0 ? 0 : 1 + varintSize(value) }

extension InternalRaftRequest {
    /// Field number of `header`; a request's own fields lie below it (key space, leases, alarms) and
    /// above it (auth, cluster).
    package static let headerNumber = 100

    /// The request an entry carries; the raw value is its field number. Source: spec/api.md 10.2.
    package enum Kind: Int, CaseIterable, Sendable {
        case v2 = 2
        case range = 3
        case put = 4
        case deleteRange = 5
        case txn = 6
        case compaction = 7
        case leaseGrant = 8
        case leaseRevoke = 9
        case alarm = 10
        case leaseCheckpoint = 11
        case authEnable = 1000
        case authDisable = 1011
        case authenticate = 1012
        case authStatus = 1013
        case authUserAdd = 1100
        case authUserDelete = 1101
        case authUserGet = 1102
        case authUserChangePassword = 1103
        case authUserGrantRole = 1104
        case authUserRevokeRole = 1105
        case authUserList = 1106
        case authRoleList = 1107
        case authRoleAdd = 1200
        case authRoleDelete = 1201
        case authRoleGet = 1202
        case authRoleGrantPermission = 1203
        case authRoleRevokePermission = 1204
        case clusterVersionSet = 1300
        case clusterMemberAttrSet = 1301
        case downgradeInfoSet = 1302
        case downgradeVersionTest = 9900
    }
}
