import Journal
import Raft
import Testing

@Suite struct EncodingTests {
    private let member = MemberID(3_216_812_504_534_468_517)

    @Test func `snapshot metadata has etcd's bytes, and its bytes give it back`() throws {
        let metadata = SnapshotMetadata(id: id(2, 11), configuration: ConfigurationState(voters: [member]))
        var bytes: [UInt8] = []
        bytes.append(metadata)
        #expect(bytes == hex("0a0c 08a58fbf8edfbd9ad22c 2800 100b 1802"))
        #expect(try unsafe SnapshotMetadata(decoding: bytes.span.bytes) == metadata)
    }

    @Test func `a whole snapshot message gives metadata and the place of its data`() throws {
        let metadata = SnapshotMetadata(id: id(2, 11), configuration: ConfigurationState(voters: [member]))
        var bytes: [UInt8] = []
        unsafe bytes.appendSnapshot(metadata, data: ([7, 8, 9] as [UInt8]).span.bytes)
        let (found, data) = try unsafe SnapshotMetadata.ofSnapshot(bytes.span.bytes)
        #expect(found == metadata)
        #expect(Array(bytes[data]) == [7, 8, 9])
    }

    @Test func `an empty snapshot in a message of the peer stream has etcd's bytes`() {
        // Vectors 6: 4a0a 12080a02280010001800 is field 9 holding {metadata {conf_state {auto_leave}, 0, 0}}.
        var bytes: [UInt8] = []
        bytes.appendSnapshot(
            SnapshotMetadata(id: .zero, configuration: ConfigurationState()), data: RawSpan())
        #expect(bytes == hex("12080a02280010001800"))
    }

    @Test func `an entry and a hard state have etcd's bytes, and their bytes give them back`() throws {
        let normal = Entry(id: id(2, 12), data: hex("0a0161"))
        var bytes: [UInt8] = []
        bytes.append(normal)
        #expect(bytes == hex("08001002180c22030a0161"))
        #expect(try unsafe Entry(decoding: bytes.span.bytes) == normal)
        bytes = []
        bytes.append(state(term: 2, vote: member.rawValue, commit: 2))
        #expect(bytes == hex("080210a58fbf8edfbd9ad22c1802"))
        #expect(
            try unsafe HardState(decoding: bytes.span.bytes)
                == state(term: 2, vote: member.rawValue, commit: 2))
    }

    @Test func `a configuration is read packed, unpacked and with its scalars left out`() throws {
        let expected = ConfigurationState(
            voters: [MemberID(1), MemberID(300)], learners: [MemberID(4)], votersOutgoing: [MemberID(2)],
            learnersNext: [MemberID(5)])
        var bytes: [UInt8] = []
        bytes.append(expected)
        #expect(bytes == hex("0801 08ac02 1004 1802 2005 2800"))
        #expect(try unsafe ConfigurationState(decoding: bytes.span.bytes) == expected)
        #expect(
            try unsafe ConfigurationState(decoding: hex("0a0301ac02 120104 1a0102 220105").span.bytes)
                == expected)
        for cut in hex("0a0301ac02").indices.dropFirst() where cut != 0 {
            let bytes = Array(hex("0a0301ac02")[..<cut])
            #expect(throws: MessageError.self) { try unsafe ConfigurationState(decoding: bytes.span.bytes) }
        }
        #expect(throws: MessageError.field(1)) {
            try unsafe ConfigurationState(decoding: hex("0a01ac").span.bytes)
        }
    }

    @Test func `scalars that are left out are zero`() throws {
        #expect(try unsafe Entry(decoding: hex("10021803").span.bytes) == entry(3, term: 2))
        #expect(try unsafe HardState(decoding: hex("0802").span.bytes) == state(term: 2, commit: 0))
    }

    @Test func `fields that no such message has are refused`() {
        #expect(throws: MessageError.field(4)) {
            try unsafe HardState(decoding: hex("0801 220161").span.bytes)
        }
        #expect(throws: MessageError.field(5)) {
            try unsafe Entry(decoding: hex("0800 1001 1801 2801").span.bytes)
        }
        #expect(throws: MessageError.field(1)) {
            try unsafe Entry(decoding: hex("0803 1001 1801").span.bytes)
        }
    }

    /// spec/vectors.md 2, after the id.
    @Test(arguments: [
        ("1000 1805 2203616263", ConfigurationChange.Kind.addNode, "abc"),
        ("1003 1805 220161", .addLearnerNode, "a"),
        ("1002 1805 220162", .updateNode, "b"), ("1001 1805", .removeNode, ""),
    ])
    func `a configuration change of one step has etcd's bytes`(
        bytes: String, kind: ConfigurationChange.Kind, context: String
    ) throws {
        let entry = ConfigurationEntry(
            id: 300, change: ConfigurationChange(kind, MemberID(5)), context: Array(context.utf8))
        let data = hex("08ac02" + bytes)
        #expect(entry.data(kind: .configurationChange) == data)
        #expect(try unsafe ConfigurationEntry(decoding: data.span.bytes, kind: .configurationChange) == entry)
    }

    @Test func `a configuration change of several steps comes back as it was written`() throws {
        let change = ConfigurationChange(
            transition: .jointExplicit,
            steps: [.init(.addNode, MemberID(1)), .init(.removeNode, MemberID(2))])
        let entry = ConfigurationEntry(id: 0, change: change, context: [1])
        let data = entry.data(kind: .configurationChangeV2)
        #expect(data == hex("0802 1204 08001001 1204 08011002 1a0101"))
        #expect(
            try unsafe ConfigurationEntry(decoding: data.span.bytes, kind: .configurationChangeV2) == entry)
        let empty = try ConfigurationEntry(decoding: RawSpan(), kind: .configurationChangeV2)
        #expect(empty == ConfigurationEntry(id: 0, change: .leaveJoint))
    }
}
