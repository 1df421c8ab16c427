@testable import Raft

/// One member in a test: its node, what is on its disk, and what its state machine has taken.
struct Site {
    let id: MemberID
    /// nil while the member is down.
    var node: Node?
    var disk: Disk
    /// Writes handed out and not finished, oldest first.
    var writing: [Write] = []
    /// Committed entries handed out and not applied.
    var applying: [Entry] = []
    /// The position the state machine is at.
    var applied: LogIndex
    var restoring: SnapshotMetadata?
    var seed: UInt64
    var readable: [ReadState] = []
    var droppedReads: [UInt64] = []
    var isDiskHeld = false
    var isApplyHeld = false
    /// The configuration after the newest decided change, as a driver keeps it for snapshots.
    var configuration: ConfigurationState

    /// What survives a crash.
    struct Disk {
        var hardState = HardState()
        var snapshot: SnapshotMetadata
        /// The entries after `snapshot`.
        var entries: [Entry] = []

        var last: EntryID { entries.last?.id ?? snapshot.id }

        func contains(_ id: EntryID) -> Bool {
            if id.index <= snapshot.id.index { return true }
            let place = Int(id.index - snapshot.id.index) - 1
            return place < entries.count && entries[place].id == id
        }

        mutating func take(_ write: Write) {
            if let snapshot = write.snapshot {
                self.snapshot = snapshot
                entries = []
            }
            takeEntries(write.entries[...])
            if let hardState = write.hardState { self.hardState = hardState }
        }

        mutating func takeEntries(_ added: ArraySlice<Entry>) {
            for entry in added where entry.index > snapshot.id.index {
                while let last = entries.last, last.index >= entry.index { entries.removeLast() }
                precondition(entry.index.rawValue == last.index.rawValue + 1, "the write leaves a gap")
                entries.append(entry)
            }
        }
    }

    init(id: MemberID, disk: Disk, seed: UInt64) {
        self.id = id
        self.disk = disk
        self.seed = seed
        applied = disk.snapshot.id.index
        configuration = disk.snapshot.configuration
    }

    /// Starts the member from its disk.
    mutating func boot(_ settings: Node.Settings) throws {
        precondition(node == nil)
        let restart = Node.Restart(
            hardState: disk.hardState, entries: disk.entries, snapshot: disk.snapshot)
        node = try Node(settings, start: .restart(restart))
        applied = disk.snapshot.id.index
        configuration = disk.snapshot.configuration
    }

    /// Stops it; the first `finished` writes under way survive, and of the next the first `torn` entries.
    mutating func crash(finished: Int = 0, torn: Int = 0) {
        for write in writing.prefix(finished) { disk.take(write) }
        if let write = writing.dropFirst(finished).first, write.snapshot == nil {
            disk.takeEntries(write.entries.prefix(torn))
        }
        node = nil
        writing = []
        applying = []
        restoring = nil
    }
}

/// Configuration changes as entry data of tests: transition, then kind and member of each step.
enum ChangeBytes {
    static func encode(_ change: ConfigurationChange) -> [UInt8] {
        [UInt8(change.transition.rawValue)]
            + change.steps.flatMap { [UInt8($0.kind.rawValue), UInt8($0.member.rawValue)] }
    }

    /// No data at all is what a node appends to leave a joint configuration.
    static func decode(_ data: [UInt8]) -> ConfigurationChange? {
        if data.isEmpty { return .leaveJoint }
        guard let transition = ConfigurationChange.Transition(rawValue: UInt64(data[0])) else { return nil }
        var steps: [ConfigurationChange.Step] = []
        for place in stride(from: 1, to: data.count - 1, by: 2) {
            guard let kind = ConfigurationChange.Kind(rawValue: UInt64(data[place])) else { return nil }
            steps.append(ConfigurationChange.Step(kind, MemberID(UInt64(data[place + 1]))))
        }
        return ConfigurationChange(transition: transition, steps: steps)
    }
}
