import Backend
import Journal
import MVCC
import Raft
import Store

/// Applies what the log beside a database has committed and the database does not hold yet: a member that was
/// killed leaves its database up to 100 ms behind its log.
enum LogCatchUp {
    private static let batchMax = 1000

    /// Brings the database of `environment`, a copy of the one in `wal`'s data directory, up to what the log
    /// has committed. Answers how many entries it applied. The log is only read; a torn tail ends it.
    ///
    /// The commit index on disk lags behind what was answered. A member that is the only voter has committed
    /// everything in its log; of others no more is known than the commit index says.
    static func run(_ environment: Environment, wal: String) throws(TransferError) -> Int {
        let (audit, state) = (try sum(of: wal), try storedState(environment))
        let applied = state.consistentIndex
        guard audit.last.index > applied, let first = audit.firstIndex else { return 0 }
        guard first <= applied + 1 else {
            throw .logDoesNotReach(directory: wal, index: applied.rawValue)
        }
        // etcd before 3.5 stores members only; an empty database learns them from the log.
        var voters = Set(
            state.configuration?.voters ?? state.members.filter { !$0.isLearner }.map(\.id))
        var isAlone = voters.count == 1
        var machine = try CatchUpMachine(environment, state)
        var reader = try journal { () throws(JournalError) in try LogReader(in: wal) }
        var (batch, count) = ([Entry](), 0)
        while applied + UInt64(count) < audit.last.index, let entry = try next(&reader, audit, first: first) {
            if entry.index <= applied { continue }
            if entry.kind != .normal {
                apply(entry, to: &voters)
                isAlone = voters.count == 1 && entry.index <= audit.state.commit
            }
            guard isAlone || entry.index <= audit.state.commit else { break }
            batch.append(entry)
            count += 1
            if batch.count == batchMax {
                try machine.apply(batch)
                batch.removeAll(keepingCapacity: true)
            }
        }
        if !batch.isEmpty { try machine.apply(batch) }
        try machine.finish()
        return count
    }

    /// What a change of the configuration makes of the voters.
    private static func apply(_ entry: Entry, to voters: inout Set<MemberID>) {
        // The span ends with the call.
        guard let change = unsafe try? ConfigurationEntry(decoding: entry.data.span.bytes, kind: entry.kind)
        else { return }
        for step in change.change.steps {
            switch step.kind {
            case .addNode: voters.insert(step.member)
            case .removeNode, .addLearnerNode: voters.remove(step.member)
            case .updateNode: break
            }
        }
    }

    /// The next entry that stands.
    private static func next(
        _ reader: inout LogReader, _ audit: LogAudit, first: LogIndex
    ) throws(TransferError) -> Entry? {
        do throws(JournalError) {
            while let record = try reader.next() {
                guard record.kind == .entry else { continue }
                let path = reader.path
                let entry = try reader.withData { bytes throws(JournalError) in
                    do throws(MessageError) { return try Entry(decoding: bytes) } catch {
                        throw JournalError.malformed(path: path, offset: record.offset, .encoding)
                    }
                }
                guard entry.index >= first, entry.index <= audit.last.index else { continue }
                let place = audit.places[Int(entry.index - first)]
                if place.segment == UInt32(record.segment), place.offset == record.offset { return entry }
            }
            return nil
        } catch {
            throw .journal(error)
        }
    }

    private static func sum(of wal: String) throws(TransferError) -> LogAudit {
        var audit = LogAudit(keepingPlaces: true)
        do throws(JournalError) {
            var reader = try LogReader(in: wal)
            while let record = try reader.next() {
                let path = reader.path
                let content = try reader.withData { bytes throws(JournalError) in
                    do throws(MessageError) { return try LogContent(record.kind, decoding: bytes) } catch {
                        throw JournalError.malformed(path: path, offset: record.offset, .encoding)
                    }
                }
                try audit.take(content, at: record, path: path)
            }
        } catch .torn {
            // What a crash tore was never acknowledged.
        } catch {
            throw .journal(error)
        }
        return audit
    }
}

func storedState(_ environment: Environment) throws(TransferError) -> StoredState {
    do throws(StoredState.LoadError) {
        return try StoredState.load(from: environment)
    } catch {
        throw .state(error)
    }
}

/// The state machine of a member without its threads: applies, and flushes on the same thread.
private struct CatchUpMachine: ~Copyable {
    private let machine: StateMachine
    private var flusher: Flusher
    private var results = ApplyResults()

    init(_ environment: Environment, _ state: StoredState) throws(TransferError) {
        let keyspace = try onKeyspace { () throws(MVCCError) in try Keyspace(environment: environment) }
        // Nobody waits for an answer, and no lease runs: member, times and limits do not matter.
        let lessor = Lessor(minimumTTL: Lessor.minimumTTL(electionTicks: 10, heartbeatMilliseconds: 100))
        let membership = Membership(localID: MemberID(0), clusterID: 0)
        let alarms = Alarms()
        let auth = AuthStore(provider: .none)
        do throws(StoredState.LoadError) {
            try state.restore(
                lessor: lessor, membership: membership, alarms: alarms, auth: auth, keyspace: keyspace)
        } catch {
            throw .state(error)
        }
        machine = StateMachine(
            keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
            boot: RequestIDs.Boot(member: MemberID(0), microseconds: 0), state: state)
        flusher = Flusher(keyspace)
    }

    mutating func apply(_ entries: [Entry]) throws(TransferError) {
        do throws(MVCCError) {
            results.removeAll()
            try machine.apply(entries, at: .zero, into: &results)
            _ = try flusher.flush()
        } catch {
            throw .keyspace(error)
        }
    }

    /// Ends compactions that the entries began.
    mutating func finish() throws(TransferError) {
        do throws(MVCCError) { while try flusher.flush().hasMore {} } catch { throw .keyspace(error) }
    }
}
