import Backend
import Glibc
import Journal
import MVCC
import Raft
import Replication
import Store

/// Starting, as the daemon's Boot does it, and dying.
extension Member {
    /// Why a member did not start.
    enum StartFailure: Error {
        /// Its disk failed, as planned.
        case disk
        /// A bug.
        case broken(String)
    }

    /// Starts the member; false when its disk failed meanwhile, and it is down.
    func start() -> Bool {
        precondition(running == nil && !isRetired)
        boots += 1
        do throws(StartFailure) {
            let running = try bring(up: BootID(member: place, number: boots))
            self.running = running
            disk.arm(.none)
            begin(running)
            return true
        } catch .disk {
            cluster.note("member \(place) fails to start: its disk")
            disk = disk.afterCrash(seed: chance.next())
            return false
        } catch {
            if case .broken(let text) = error {
                cluster.referee.fail("member \(place) cannot start: \(text)")
            }
            return false
        }
    }

    private func bring(up boot: BootID) throws(StartFailure) -> Running {
        let snapshots = SnapshotDirectory(Member.snapshotDirectory, disk: disk)
        try journal { () throws(JournalError) in try snapshots.removeTemporaries() }
        let exists = try journal { () throws(JournalError) in
            try DurableLog.exists(in: Member.logDirectory, disk: disk)
        }
        let metadata = LogMetadata(memberID: id, clusterID: Member.clusterID)
        let ids = RequestIDs.Boot(member: id, microseconds: clock(at: cluster.now))
        if !exists {
            let store = try open(ids)
            let log = try journal { () throws(JournalError) in
                try DurableLog.create(
                    in: Member.logDirectory, metadata: metadata, options: logOptions, disk: disk)
            }
            let start: Node.Start = isFounder ? .bootstrap(cluster.founders) : .join
            let replica = try makeReplica(start, lastSnapshot: LogIndex(0))
            return Running(boot: boot, replica: replica, log: log, store: store, ids: ids.ids(loop: 0))
        }
        return try restart(boot, ids, snapshots)
    }

    private func restart(
        _ boot: BootID, _ ids: RequestIDs.Boot, _ snapshots: SnapshotDirectory
    ) throws(StartFailure) -> Running {
        let recorded = try journal { () throws(JournalError) in
            try DurableLog.validSnapshots(in: Member.logDirectory, disk: disk)
        }
        let store = try open(ids, recorded: recorded)
        let state = store.state
        let base = recorded.filter { $0.index <= state.consistentIndex }.max() ?? .zero
        let recovery = try journal { () throws(JournalError) in
            try DurableLog.recover(in: Member.logDirectory, from: base, options: logOptions, disk: disk)
        }
        let last = recovery.entries.last?.id ?? base
        guard state.consistentIndex <= last.index else {
            throw .broken(
                "the database is at \(state.consistentIndex.rawValue), the log ends at \(last.index.rawValue)"
            )
        }
        var hardState = recovery.hardState
        hardState.commit = max(hardState.commit, state.consistentIndex)
        let applied = SnapshotMetadata(
            id: EntryID(term: state.consistentTerm, index: state.consistentIndex),
            configuration: state.configuration ?? ConfigurationState())
        var start = Node.Start.restart(
            Node.Restart(
                hardState: hardState, compacted: base, entries: recovery.entries, applied: applied))
        // A founder that died before its first write became durable begins again.
        if isFounder, recovery.entries.isEmpty, base == .zero, hardState == HardState() {
            start = .bootstrap(cluster.founders)
        }
        let log = recovery.intoLog()
        let replica = try makeReplica(start, lastSnapshot: base.index)
        return Running(boot: boot, replica: replica, log: log, store: store, ids: ids.ids(loop: 0))
    }

    /// Opens the database; one that ends before a snapshot the member has received is made anew from that.
    private func open(_ ids: RequestIDs.Boot, recorded: [EntryID]) throws(StartFailure) -> OpenStore {
        let end: LogIndex
        do {
            let store = try open(ids)
            guard let newest = recorded.max(), store.state.consistentIndex < newest.index else {
                return store
            }
            end = store.state.consistentIndex
        }
        do {
            let directory = SnapshotDirectory(Member.snapshotDirectory, disk: disk)
            let later = recorded.filter { $0.index > end }
            if let newest = try directory.newest(among: later, scrutiny: .everything).snapshot {
                try load(newest.metadata.id, into: database).finish()
            }
        } catch JournalError.disk {
            throw .disk
        } catch {
            throw .broken("snapshot: \(error)")
        }
        return try open(ids)
    }

    private func makeReplica(_ start: Node.Start, lastSnapshot: LogIndex) throws(StartFailure) -> Replica {
        let scenario = cluster.scenario
        let node = Node.Settings(
            id: id, electionTicks: scenario.electionTicks, isPreVoting: scenario.isPreVoting,
            seed: chance.next(), limits: scenario.node)
        let settings = Replica.Settings(
            node: node, snapshotCount: scenario.snapshotCount, lastSnapshot: lastSnapshot,
            limits: scenario.replica)
        do { return try Replica(settings, start: start) } catch { throw .broken("\(error)") }
    }

    var logOptions: LogOptions {
        LogOptions(segmentSize: cluster.scenario.segmentSize, preparation: .onTheSpot)
    }

    /// Opens the database and makes the state machine of it.
    func open(_ ids: RequestIDs.Boot) throws(StartFailure) -> OpenStore {
        do {
            var options = Environment.Options()
            options.isSynced = false
            options.mapSize = 1 << 30
            let environment = try Environment(path: database, options: options, lock: lock)
            let keyspace = try Keyspace(environment: environment)
            let state = try StoredState.load(from: environment)
            let lessor = Lessor(minimumTTL: cluster.scenario.minimumTTL)
            let membership = Membership(localID: id, clusterID: Member.clusterID)
            let alarms = Alarms()
            let auth = AuthStore(provider: .none)
            try state.restore(
                lessor: lessor, membership: membership, alarms: alarms, auth: auth, keyspace: keyspace)
            let machine = StateMachine(
                keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
                boot: ids, state: state)
            return OpenStore(
                environment: environment, keyspace: keyspace, machine: machine, lessor: lessor,
                membership: membership, state: state)
        } catch {
            throw .broken("database: \(error)")
        }
    }

    private func begin(_ running: Running) {
        let boot = running.boot
        running.screen.show = { [unowned cluster] client, _, events in
            cluster.watchers[client].see(events, in: cluster)
        }
        running.screen.end = { [unowned cluster] client, revision in
            cluster.watchers[client].end(compactRevision: revision, in: cluster)
        }
        compare(running)
        plan(.tick(boot), in: chance.between(0, tickInterval))
        plan(.housekeeping(boot), in: chance.between(0, 500_000))
        act(running)
    }

    private func journal<R: ~Copyable>(
        _ body: () throws(JournalError) -> R
    ) throws(StartFailure) -> R {
        do throws(JournalError) { return try body() } catch {
            switch error {
            case .disk, .stopped: throw .disk
            default: throw .broken("\(error)")
            }
        }
    }

    // Dying.

    /// How a member goes down.
    enum Death {
        /// The process alone.
        case killed
        /// The machine.
        case powerless
    }

    /// Takes the member down. A write under way is done, torn or not begun.
    func die(_ death: Death) {
        guard let running else { return }
        self.running = nil
        cluster.note("member \(place) goes down: \(death)")
        if let write = running.writing, chance.happens(700) {
            // The write stops at one of its steps, or comes through.
            if chance.happens(700) { disk.arm(.crash(step: disk.steps + chance.below(4))) }
            _ = save(write, in: running)
        }
        running.log = nil
        disk = death == .killed ? disk.afterExit() : disk.afterCrash(seed: chance.next())
        for (_, waiter) in running.waiters.sorted(by: { $0.key < $1.key }) {
            cluster.answer(waiter.client, waiter.call, .unknown, after: chance.between(100, 2_000))
        }
        cluster.connectionsBreak(to: self)
    }

    /// Makes a write of the log; false when the disk failed.
    func save(_ write: Write, in running: Running) -> Bool {
        do throws(JournalError) {
            if let snapshot = write.snapshot {
                try running.log?.saveSnapshot(snapshot)
                try release(snapshot, running)
            }
            try running.log?.save(write.entries, hardState: write.hardState, mustSync: write.mustSync)
            return true
        } catch {
            return false
        }
    }
}
