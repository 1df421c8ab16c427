import Testing

@testable import Raft

/// Watches what members let out, sharing no code with them; a violation fails the test at once.
struct Checker {
    /// Who led each term.
    private var leaders: [UInt64: MemberID] = [:]
    /// Every committed entry anybody handed out, by index.
    private(set) var committed: [UInt64: Entry] = [:]
    private(set) var committedLast: UInt64 = 0
    /// The next entry each member must hand out.
    private var nextCommitted: [MemberID: UInt64] = [:]
    /// What was committed anywhere when a read began.
    private var reads: [UInt64: UInt64] = [:]
    private(set) var readsAnswered = 0

    mutating func booted(_ site: Site) { nextCommitted[site.id] = site.disk.snapshot.id.index.rawValue + 1 }

    mutating func readBegan(_ token: UInt64) { reads[token] = committedLast }

    mutating func check(_ effects: Node.Effects, of site: Site) {
        guard let node = site.node else { return }
        checkLeader(node)
        for message in effects.messages { checkMessage(message, of: site) }
        if let restore = effects.restore {
            expect(site.disk.snapshot.id.index >= restore.id.index, "a restore before its write is durable")
            nextCommitted[site.id] = restore.id.index.rawValue + 1
        }
        for entry in effects.committed { checkCommitted(entry, of: site) }
        for read in effects.readable {
            guard let least = reads.removeValue(forKey: read.token) else { continue }
            expect(
                read.index.rawValue >= least, "read \(read.token) at \(read.index.rawValue) misses \(least)")
            readsAnswered += 1
        }
    }

    /// Election safety, and that a leader has every committed entry (Raft figure 3).
    private mutating func checkLeader(_ node: Node) {
        guard node.role == .leader else { return }
        let id = node.settings.id
        if let other = leaders[node.term.rawValue] {
            expect(other == id, "two leaders in term \(node.term.rawValue)")
            return
        }
        leaders[node.term.rawValue] = id
        for index in node.log.first.rawValue..<max(node.log.first.rawValue, committedLast + 1) {
            guard let entry = committed[index] else { continue }
            expect(node.log.contains(entry.id), "leader \(id.rawValue) lacks committed \(index)")
        }
    }

    /// Nothing leaves before what it reveals is on disk.
    private func checkMessage(_ message: Message, of site: Site) {
        let disk = site.disk
        guard message.from == site.id else { return }
        switch message.payload {
        case .preVote, .preVoteResponse(isGranted: true):
            break
        default:
            expect(
                message.term <= disk.hardState.term,
                "term \(message.term.rawValue) leaves before it is durable")
        }
        switch message.payload {
        case .appendAccepted(let index):
            expect(
                index <= disk.last.index, "append up to \(index.rawValue) acknowledged before it is durable")
        case .voteResponse(isGranted: true):
            expect(
                disk.hardState.term > message.term || disk.hardState.vote == message.to,
                "a vote leaves before it is durable")
        case .vote(let last, _):
            expect(disk.contains(last), "a vote is asked for a log that is not durable")
        default:
            break
        }
    }

    private mutating func checkCommitted(_ entry: Entry, of site: Site) {
        let index = entry.index.rawValue
        expect(nextCommitted[site.id] == index, "member \(site.id.rawValue) hands out \(index) out of order")
        nextCommitted[site.id] = index + 1
        expect(site.disk.contains(entry.id), "entry \(index) handed out before it is durable")
        if let known = committed[index] {
            expect(known == entry, "two entries committed at \(index)")
        } else {
            committed[index] = entry
            committedLast = max(committedLast, index)
        }
    }

    /// Log matching between all members, and agreement with what was committed.
    func checkLogs(_ sites: [Site]) {
        let nodes = sites.compactMap(\.node)
        for (place, a) in nodes.enumerated() {
            for b in nodes[..<place] {
                let last = min(a.log.last, b.log.last).rawValue
                let first = max(a.log.first, b.log.first).rawValue
                var isEqualAbove = false
                for index in stride(from: last, through: first, by: -1) {
                    let left = a.log.entry(at: LogIndex(index))
                    let right = b.log.entry(at: LogIndex(index))
                    if left.term == right.term { isEqualAbove = true }
                    if isEqualAbove { expect(left == right, "logs match above \(index) and differ there") }
                }
            }
        }
    }

    private func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
        if !holds {
            let text = text()
            Issue.record("\(text)")
        }
    }
}
