@testable import Raft

/// Members on one thread, with disks, state machines and a network that do what the test says, and a
/// checker that watches every effect.
struct Cluster {
    var sites: [Site]
    /// Messages that left and have not arrived, in order of leaving.
    var network: [Message] = []
    /// Messages that a script holds back, to let them arrive late.
    var stash: [Message] = []
    /// Ordered pairs (from, to) between which nothing arrives.
    var cuts: Set<[UInt64]> = []
    /// Messages for which this says false are lost.
    var passes: (Message) -> Bool = { _ in true }
    var checker = Checker()
    var limits = Node.Limits()
    var isPreVoting = true
    /// Called with every message that arrives and every effect worth telling, in words.
    var trace: [String]?

    /// Voters 1...n with empty logs; learners follow them.
    init(voters: Int, learners: Int = 0) {
        let configuration = ConfigurationState(
            voters: (0..<voters).map { MemberID(UInt64($0 + 1)) },
            learners: (0..<learners).map { MemberID(UInt64(voters + $0 + 1)) })
        let origin = SnapshotMetadata(id: .zero, configuration: configuration)
        sites = configuration.members.map {
            Site(id: $0, disk: Site.Disk(snapshot: origin), seed: $0.rawValue)
        }
    }

    /// Adds a member that knows nothing.
    mutating func join(_ id: UInt64) {
        let origin = SnapshotMetadata(id: .zero, configuration: ConfigurationState())
        sites.append(Site(id: MemberID(id), disk: Site.Disk(snapshot: origin), seed: id))
        start(id)
    }

    func settings(_ site: Site) -> Node.Settings {
        Node.Settings(id: site.id, isPreVoting: isPreVoting, seed: site.seed, limits: limits)
    }

    func place(_ id: UInt64) -> Int {
        guard let place = sites.firstIndex(where: { $0.id.rawValue == id }) else {
            preconditionFailure("no member \(id)")
        }
        return place
    }

    /// Starts a member that is down, from its disk.
    mutating func start(_ id: UInt64) {
        let place = place(id)
        do {
            try sites[place].boot(settings(sites[place]))
        } catch {
            preconditionFailure("member \(id) does not start: \(error)")
        }
        checker.booted(sites[place])
    }

    mutating func start() {
        for site in sites where site.node == nil { start(site.id.rawValue) }
    }

    /// Calls a node and takes its effects.
    @discardableResult
    mutating func call<R>(_ id: UInt64, _ body: (inout Node, inout Node.Effects) -> R) -> R? {
        let place = place(id)
        guard var node = sites[place].node else { return nil }
        sites[place].node = nil
        var effects = Node.Effects()
        let result = body(&node, &effects)
        node.checkInvariants()
        sites[place].node = node
        take(effects, at: place)
        return result
    }

    private mutating func take(_ effects: Node.Effects, at place: Int) {
        checker.check(effects, of: sites[place])
        if !effects.write.isEmpty { sites[place].writing.append(effects.write) }
        if let restore = effects.restore {
            sites[place].restoring = restore
            sites[place].applying = []
        }
        sites[place].applying += effects.committed
        sites[place].readable += effects.readable
        sites[place].droppedReads += effects.droppedReads
        for taken in effects.configurations { sites[place].configuration = taken.configuration }
        network += effects.messages
    }

    // Disk and state machine.

    /// Finishes the oldest write of a member; false when there is none.
    mutating func persist(_ id: UInt64) -> Bool {
        let place = place(id)
        if sites[place].writing.isEmpty || sites[place].node == nil { return false }
        let write = sites[place].writing.removeFirst()
        sites[place].disk.take(write)
        call(id) { $0.persisted(write.sequence, into: &$1) }
        return true
    }

    /// Applies what a member has handed out; false when there is nothing.
    mutating func apply(_ id: UInt64) -> Bool {
        let place = place(id)
        if let restore = sites[place].restoring {
            sites[place].restoring = nil
            sites[place].applied = restore.id.index
            call(id) { $0.applied(restore.id.index, into: &$1) }
            return true
        }
        guard let last = sites[place].applying.last else { return false }
        sites[place].applying = []
        sites[place].applied = last.index
        if last.kind == .normal {
            call(id) { $0.applied(last.index, into: &$1) }
        } else {
            let change = ChangeBytes.decode(last.data)
            call(id) { $0.configurationDecided(last.index, change, into: &$1) }
            let taken = sites[place].configuration
            note("\(id) applies \(last.index.rawValue): \(taken.words)")
        }
        return true
    }

    /// Takes a snapshot of a member's state, and forgets its log but for the `kept` newest applied entries.
    mutating func compact(_ id: UInt64, keeping kept: UInt64 = 0) {
        let place = place(id)
        let applied = sites[place].applied
        guard let node = sites[place].node, let term = node.log.term(at: applied) else { return }
        let disk = sites[place].disk
        let metadata = SnapshotMetadata(
            id: EntryID(term: term, index: applied), configuration: sites[place].configuration)
        if applied > disk.snapshot.id.index, disk.contains(metadata.id) {
            sites[place].disk.entries.removeFirst(Int(applied - disk.snapshot.id.index))
            sites[place].disk.snapshot = metadata
        }
        if applied.rawValue > kept {
            call(id) { node, _ in node.compact(through: LogIndex(applied.rawValue - kept)) }
        }
    }

    // Network.

    /// Hands one message to its receiver, or loses it.
    mutating func arrive(_ message: Message) {
        let from = message.from.rawValue
        let to = message.to.rawValue
        guard let place = sites.firstIndex(where: { $0.id == message.to }) else { return }
        let isLost = cuts.contains([from, to]) || sites[place].node == nil || !passes(message)
        note("\(message.words)\(isLost ? " (lost)" : "")")
        if !isLost { call(to) { $0.step(message, into: &$1) } }
        reportSnapshot(message, hasArrived: !isLost)
    }

    /// A message that never arrives.
    mutating func lose(_ message: Message) { reportSnapshot(message, hasArrived: false) }

    /// The end of a snapshot stream is always reported to its sender.
    private mutating func reportSnapshot(_ message: Message, hasArrived: Bool) {
        guard case .snapshot = message.payload else { return }
        call(message.from.rawValue) {
            $0.snapshotSent(to: message.to, hasArrived: hasArrived, into: &$1)
        }
    }

    /// Lets disks and state machines finish, then one message arrive, unless it is one that `stops`.
    /// False when there was nothing to do.
    mutating func deliverOne(unless stops: (Message) -> Bool = { _ in false }) -> Bool {
        var isBusy = false
        for site in sites {
            let id = site.id.rawValue
            if !site.isDiskHeld { while persist(id) { isBusy = true } }
            if !site.isApplyHeld { while apply(id) { isBusy = true } }
        }
        guard let message = network.first else { return isBusy }
        if stops(message) { return false }
        network.removeFirst()
        arrive(message)
        return true
    }

    /// Lets disks, state machines and the network work until nothing is left to do, or a message
    /// that `stops` is the next to arrive.
    mutating func deliver(until stops: (Message) -> Bool = { _ in false }) {
        var rounds = 0
        while deliverOne(unless: stops) {
            rounds += 1
            precondition(rounds < 200_000, "the cluster does not come to rest")
        }
    }

    mutating func cut(_ a: UInt64, _ b: UInt64) {
        cuts.insert([a, b])
        cuts.insert([b, a])
    }

    mutating func isolate(_ id: UInt64) {
        for other in sites where other.id.rawValue != id { cut(id, other.id.rawValue) }
    }

    mutating func heal() { cuts = [] }

    mutating func note(_ line: String) { trace?.append(line) }
}
