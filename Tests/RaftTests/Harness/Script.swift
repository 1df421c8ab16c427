import Foundation
import Testing

@testable import Raft

/// A scenario in text: blocks of commands, `----`, and the output they must give.
///
///     # what this shows
///     cluster 3
///     elect 1
///     ----
///     1->2 t1 prevote? log 0/0
///
/// A block ends at an empty line. Commands are those of `run`; `REWRITE=1` writes the output anew.
struct Script {
    private struct Block {
        var comments: [String] = []
        var commands: [String] = []
        var expected: [String] = []
    }

    private let blocks: [Block]
    private var cluster = Cluster(voters: 1)

    init(text: String) {
        var blocks: [Block] = []
        for part in text.split(separator: "\n\n", omittingEmptySubsequences: true) {
            var block = Block()
            var isOutput = false
            for line in part.split(separator: "\n").map(String.init) {
                if line == "----" {
                    isOutput = true
                } else if isOutput {
                    block.expected.append(line)
                } else if line.hasPrefix("#") {
                    block.comments.append(line)
                } else {
                    block.commands.append(line)
                }
            }
            blocks.append(block)
        }
        self.blocks = blocks
    }

    /// The whole script with the output as it is now.
    mutating func rewritten() -> String {
        var parts: [String] = []
        for block in blocks {
            var lines = block.comments
            if !block.commands.isEmpty { lines += block.commands + ["----"] + output(of: block.commands) }
            parts.append(lines.joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private mutating func output(of commands: [String]) -> [String] {
        var lines: [String] = []
        for command in commands {
            cluster.trace = []
            run(command.split(separator: " ").map(String.init))
            lines += cluster.trace ?? []
        }
        cluster.checker.checkLogs(cluster.sites)
        return lines
    }

    private mutating func run(_ words: [String]) {
        let numbers = words.dropFirst().compactMap { UInt64($0) }
        switch words[0] {
        case "cluster": begin(words, numbers)
        case "logs": beginWithLogs(words)
        case "join": cluster.join(numbers[0])
        case "campaign": cluster.campaign(numbers[0])
        case "elect": cluster.elect(numbers[0])
        case "tick": cluster.tick(numbers[0], Int(numbers.dropFirst().first ?? 1))
        case "pass": cluster.pass(Int(numbers.first ?? 1))
        case "quietly":
            run(Array(words.dropFirst()))
            cluster.trace = []
        case "propose": for text in words[2...] { note(cluster.propose(numbers[0], text)) }
        case "read": cluster.read(numbers[0], token: numbers[1])
        case "transfer": cluster.transfer(numbers[0], to: numbers[1])
        case "change": change(numbers[0], Array(words.dropFirst(2)))
        case "deliver": cluster.deliver()
        case "until":
            let words = words.dropFirst().joined(separator: " ")
            cluster.deliver(until: { $0.words.hasPrefix(words) })
        case "step": if !cluster.network.isEmpty { cluster.arrive(cluster.network.removeFirst()) }
        case "again": if let message = cluster.network.first { cluster.arrive(message) }
        case "swap": cluster.network.swapAt(0, 1)
        case "lose":
            for message in cluster.network { cluster.lose(message) }
            cluster.network = []
        case "stash": cluster.stash.append(cluster.network.removeFirst())
        case "unstash":
            for message in cluster.stash { cluster.arrive(message) }
            cluster.stash = []
        case "hand": hand(words, numbers)
        case "pending": for message in cluster.network { cluster.note(message.words) }
        case "persist": _ = cluster.persist(numbers[0])
        case "disk": cluster.sites[cluster.place(numbers[0])].isDiskHeld = words[2] == "hold"
        case "machine": cluster.sites[cluster.place(numbers[0])].isApplyHeld = words[2] == "hold"
        case "cut": cluster.cut(numbers[0], numbers[1])
        case "oneway": cluster.cuts.insert(numbers)
        case "isolate": for number in numbers { cluster.isolate(number) }
        case "heal": cluster.heal()
        case "crash": cluster.sites[cluster.place(numbers[0])].crash()
        case "start": cluster.start(numbers[0])
        case "compact": cluster.compact(numbers[0], keeping: numbers.dropFirst().first ?? 0)
        case "unreachable":
            let member = MemberID(numbers[1])
            cluster.call(numbers[0]) { $0.unreachable(member, into: &$1) }
        case "status": status()
        case "terms": for site in cluster.sites where site.node != nil { terms(site.id.rawValue) }
        case "progress": progress(numbers[0])
        default: preconditionFailure("unknown command \(words[0])")
        }
        for place in cluster.sites.indices { tellReads(at: place) }
    }

    private mutating func begin(_ words: [String], _ numbers: [UInt64]) {
        cluster = Cluster(voters: Int(numbers[0]), learners: Int(numbers.dropFirst().first ?? 0))
        cluster.isPreVoting = !words.contains("no-prevote")
        if words.contains("small-window") { cluster.limits.inflightMessagesMax = 2 }
        if words.contains("small-messages") { cluster.limits.messageBytesMax = 40 }
        if words.contains("small-uncommitted") { cluster.limits.uncommittedBytesMax = 70 }
        cluster.trace = []
        cluster.start()
    }

    /// `logs 1,1,4 1/3 -`: the terms of each member's entries, and its own term where that is greater.
    private mutating func beginWithLogs(_ words: [String]) {
        let members = words.dropFirst().filter { $0 != "small-messages" }.map { $0.split(separator: "/") }
        let logs = members.map { $0[0].split(separator: ",").compactMap { UInt64($0) } }
        var terms = logs.map { $0.last ?? 0 }
        for (place, member) in members.enumerated() where member.count > 1 {
            terms[place] = UInt64(member[1]) ?? 0
        }
        var limits = Node.Limits()
        if words.contains("small-messages") { limits.messageBytesMax = 40 }
        cluster = Cluster.running(logs: Array(logs), terms: terms, limits: limits)
        cluster.trace = []
    }

    /// `change 1 add 4 remove 2 learner 5 joint explicit`, `change 1 leave`.
    private mutating func change(_ id: UInt64, _ words: [String]) {
        var change = ConfigurationChange(steps: [])
        var kind = ConfigurationChange.Kind.addNode
        for word in words {
            switch word {
            case "add": kind = .addNode
            case "remove": kind = .removeNode
            case "learner": kind = .addLearnerNode
            case "joint": change.transition = .jointImplicit
            case "explicit": change.transition = .jointExplicit
            case "leave": change = .leaveJoint
            default: change.steps += UInt64(word).map { [.init(kind, MemberID($0))] } ?? []
            }
        }
        note(cluster.change(id, change))
    }

    /// `hand 3 1 t2 prevote 4/1`: a message that the script makes up, from 3 to 1 with term 2, arrives.
    private mutating func hand(_ words: [String], _ numbers: [UInt64]) {
        let term = UInt64(words[3].dropFirst()) ?? 0
        let positions = words.dropFirst(5).map { word in
            let parts = word.split(separator: "/").compactMap { UInt64($0) }
            return EntryID(term: Term(parts.count > 1 ? parts[1] : 0), index: LogIndex(parts.first ?? 0))
        }
        let position = positions.first ?? .zero
        let payload: Message.Payload
        switch words[4] {
        case "append": payload = .append(.init(previous: position, entries: [], commit: positions[1].index))
        case "accepted": payload = .appendAccepted(position.index)
        case "rejected": payload = .appendRejected(rejected: position.index, hint: positions[1])
        case "heartbeat": payload = .heartbeat(commit: position.index, context: [])
        case "vote": payload = .vote(last: position, isTransfer: words.contains("transfer"))
        case "prevote": payload = .preVote(last: position)
        case "granted": payload = .voteResponse(isGranted: true)
        case "timeout": payload = .timeoutNow
        case "snapshot":
            let voters = positions.dropFirst().map { MemberID($0.index.rawValue) }
            payload = .snapshot(.init(id: position, configuration: .init(voters: voters)))
        default: preconditionFailure("unknown message \(words[4])")
        }
        let message = Message(
            from: MemberID(numbers[0]), to: MemberID(numbers[1]), term: Term(term), payload: payload)
        cluster.arrive(message)
    }

    private mutating func note(_ outcome: Node.Proposal?) {
        if case .dropped(let drop) = outcome { cluster.note("dropped: \(drop)") }
    }

    private mutating func tellReads(at place: Int) {
        let id = cluster.sites[place].id.rawValue
        for read in cluster.sites[place].readable {
            cluster.note("\(id) reads \(read.token) at \(read.index.rawValue)")
        }
        for token in cluster.sites[place].droppedReads { cluster.note("\(id) drops read \(token)") }
        cluster.sites[place].readable = []
        cluster.sites[place].droppedReads = []
    }

    private mutating func status() {
        for site in cluster.sites {
            guard let node = site.node else {
                cluster.note("\(site.id.rawValue) down")
                continue
            }
            cluster.note(
                "\(site.id.rawValue) \(node.role) t\(node.term.rawValue) leader \(node.leader?.rawValue ?? 0)"
                    + " commit \(node.log.committed.rawValue) last \(node.log.lastID.words)"
                    + " \(node.configuration.words)")
        }
    }

    private mutating func terms(_ id: UInt64) {
        let terms = cluster.terms(id).map { "\($0)" }.joined(separator: " ")
        cluster.note("\(id): \(terms)")
    }

    private mutating func progress(_ id: UInt64) {
        for member in cluster.node(id).roster.progress where member.id.rawValue != id {
            let pause = member.isPaused ? " paused" : ""
            let numbers = "match \(member.match.rawValue) next \(member.next.rawValue)"
            cluster.note("\(member.id.rawValue) \(member.state.words) \(numbers)\(pause)")
        }
    }
}

extension Raft.Progress.State {
    fileprivate var words: String {
        switch self {
        case .probe: "probe"
        case .replicate: "replicate"
        case .snapshot(let index): "snapshot \(index.rawValue)"
        }
    }
}

/// Runs every file of `Scripts`.
@Suite struct ScriptTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Scripts")

    static var names: [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return (names ?? []).filter { $0.hasSuffix(".txt") }.sorted()
    }

    @Test(arguments: names) func `a scenario gives the output it is written with`(name: String) throws {
        let file = Self.folder.appending(path: name)
        let text = try String(contentsOf: file, encoding: .utf8)
        var script = Script(text: text)
        let now = script.rewritten()
        if ProcessInfo.processInfo.environment["REWRITE"] == "1" {
            try now.write(to: file, atomically: true, encoding: .utf8)
        } else {
            let old = text.split(separator: "\n", omittingEmptySubsequences: false)
            let new = now.split(separator: "\n", omittingEmptySubsequences: false)
            let place = zip(old, new).enumerated().first { $1.0 != $1.1 }?.offset ?? min(old.count, new.count)
            let had = place < old.count ? String(old[place]) : "the end"
            let has = place < new.count ? String(new[place]) : "the end"
            #expect(now == text, "\(name):\(place + 1): was: \(had), is: \(has)")
        }
    }

    @Test func `there are scenarios`() { #expect(Self.names.count >= 76) }
}
