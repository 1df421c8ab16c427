import Raft
import Testing

@testable import Replication

/// Three replicas with disks, state machines and a network that take their time, from a seed.
private struct Trio {
    struct Member {
        var replica: Replica
        var unanswered: WriteSequence?
        var applying: [Entry] = []
        var applied: [Entry] = []
    }

    var members: [Member] = []
    var network: [Message] = []
    var chance: SeededGenerator
    /// Reads asked for: what was committed anywhere then.
    var asked: [UInt64: LogIndex] = [:]
    var answered: [UInt64: Int] = [:]
    var droppedReads = 0
    var refused: [UInt64: Int] = [:]
    var committed = LogIndex(0)
    var token: UInt64 = 0

    init(seed: UInt64) throws {
        chance = SeededGenerator(seed: seed)
        let voters = (1...3).map { MemberID($0) }
        for id in voters {
            let snapshot = SnapshotMetadata(id: .zero, configuration: ConfigurationState(voters: voters))
            let restart = Node.Restart(hardState: HardState(), entries: [], snapshot: snapshot)
            var limits = Replica.Limits()
            limits.catchUpEntries = 20
            limits.compactionStride = 5
            let settings = Replica.Settings(
                node: Node.Settings(id: id, seed: seed &+ id.rawValue), snapshotCount: 1000,
                lastSnapshot: LogIndex(0), limits: limits)
            members.append(Member(replica: try Replica(settings, start: .restart(restart))))
        }
    }

    /// Several events into one value of effects, as a driver does.
    mutating func handle(_ place: Int, _ events: [Replica.Event]) {
        var effects = Replica.Effects()
        for event in events { members[place].replica.handle(event, into: &effects) }
        members[place].replica.checkInvariants()
        if !effects.node.write.isEmpty { members[place].unanswered = effects.node.write.sequence }
        if let restore = effects.node.restore { members[place].applied = prefix(through: restore.id.index) }
        members[place].applying += effects.node.committed
        committed = max(committed, effects.node.committed.last?.index ?? LogIndex(0))
        network += effects.node.messages
        for refusal in effects.refused { refused[refusal.tag, default: 0] += 1 }
        for read in effects.readable {
            answered[read.token, default: 0] += 1
            #expect(read.index >= asked[read.token] ?? LogIndex(.max), "stale read \(read.token)")
        }
        for token in effects.droppedReads { answered[token, default: 0] += 1 }
        droppedReads += effects.droppedReads.count
    }

    /// What a snapshot through `index` holds: any member that has applied so much has it.
    private func prefix(through index: LogIndex) -> [Entry] {
        let longest = members.map(\.applied).max { $0.count < $1.count } ?? []
        return longest.filter { $0.index <= index }
    }

    mutating func step() {
        for place in members.indices {
            var events: [Replica.Event] = []
            if chance.below(4) == 0 { events.append(.tick) }
            if chance.below(3) == 0, let sequence = members[place].unanswered {
                members[place].unanswered = nil
                events.append(.persisted(sequence))
            }
            if chance.below(3) == 0, let last = members[place].applying.last {
                members[place].applied += members[place].applying
                members[place].applying = []
                events.append(.applied(last.index))
            }
            if chance.below(6) == 0 {
                token += 1
                events.append(.propose([ProposedEntry(tag: token, data: [UInt8(truncatingIfNeeded: token)])]))
            }
            if chance.below(6) == 0 {
                token += 1
                asked[token] = committed
                events.append(.readIndex(token: token))
            }
            if chance.below(200) == 0 {
                events.append(.transferLeadership(to: MemberID(1 + chance.below(3))))
            }
            handle(place, events)
        }
        for _ in 0..<(1 + network.count / 2) where !network.isEmpty {
            let message = network.remove(at: Int(chance.below(UInt64(min(network.count, 4)))))
            let isLost = chance.below(40) == 0
            if !isLost { handle(Int(message.to.rawValue - 1), [.message(message)]) }
            if case .snapshot = message.payload {
                handle(Int(message.from.rawValue - 1), [.snapshotSent(to: message.to, hasArrived: !isLost)])
            }
        }
    }

    /// Everything quick and nothing new, for so many ticks.
    mutating func settle(ticks: Int) {
        for _ in 0..<ticks {
            for place in members.indices { handle(place, [.tick]) }
            var isBusy = true
            while isBusy {
                isBusy = false
                for place in members.indices {
                    if let sequence = members[place].unanswered {
                        members[place].unanswered = nil
                        handle(place, [.persisted(sequence)])
                        isBusy = true
                    }
                    if let last = members[place].applying.last {
                        members[place].applied += members[place].applying
                        members[place].applying = []
                        handle(place, [.applied(last.index)])
                        isBusy = true
                    }
                }
                if !network.isEmpty {
                    let message = network.removeFirst()
                    handle(Int(message.to.rawValue - 1), [.message(message)])
                    if case .snapshot = message.payload {
                        handle(
                            Int(message.from.rawValue - 1),
                            [.snapshotSent(to: message.to, hasArrived: true)])
                    }
                    isBusy = true
                }
            }
        }
    }
}

@Suite struct TrioTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `three replicas apply the same and answer every reader once`(seed: UInt64) throws {
        var trio = try Trio(seed: seed)
        for _ in 0..<1500 { trio.step() }
        trio.settle(ticks: 100)
        #expect(trio.members[0].applied.count > 50, "seed \(seed)")
        for member in trio.members { #expect(member.applied == trio.members[0].applied, "seed \(seed)") }
        #expect(trio.answered.count == trio.asked.count, "seed \(seed)")
        #expect(trio.answered.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(trio.droppedReads * 10 < trio.asked.count, "seed \(seed): \(trio.droppedReads) dropped")
        #expect(trio.refused.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    }
}
