import Raft
import Store

/// What the cluster's state must be after each entry of the log, computed in the plainest way.
///
/// It shares no code with MVCC and Store. Its input are the operations of the run in the order in which the
/// log was committed; so the order of the log is the order in which writes must seem to have happened.
struct Model {
    /// A key at some revision; version 0: it does not live.
    struct State: Equatable {
        var create: Int64 = 0
        var mod: Int64 = 1
        var version: Int64 = 0
        var value: [UInt8] = []
        var lease: Int64 = 0
    }

    /// A change that watchers see.
    struct Change {
        var revision: Int64
        var key: Int
        /// Version 0: a deletion.
        var state: State
    }

    /// By key, ascending by `mod`; deletions included.
    private var histories: [[State]]
    private(set) var changes: [Change] = []
    private(set) var revision: Int64 = 1
    private(set) var compacted: Int64 = -1
    private var ttls: [Int64: Int64] = [:]
    /// Whether a member is a learner.
    private(set) var members: [MemberID: Bool] = [:]
    private var removed: Set<MemberID> = []
    private let minimumTTL: Int64
    /// Sum of the digests of all that lives; see `StateDigest`.
    private var sum = StateDigest()

    init(keys: Int, minimumTTL: Int64) {
        histories = Array(repeating: [], count: keys)
        self.minimumTTL = minimumTTL
    }

    var digest: UInt64 { sum.value(revision: revision, compacted: compacted) }
    var keyCount: Int { histories.count }
    var leases: [Int64] { ttls.keys.sorted() }

    func ttl(of lease: Int64) -> Int64? { ttls[lease] }

    // Reading.

    /// The key as of a revision at which it is still known.
    func state(of key: Int, at revision: Int64) -> State {
        var place = histories[key].count
        while place > 0, histories[key][place - 1].mod > revision { place -= 1 }
        return place == 0 ? State() : histories[key][place - 1]
    }

    func find(_ query: Operation.Query, at revision: Int64) -> Answer.Found {
        var found = Answer.Found(pairs: [], count: 0, more: false)
        for key in query.span.keys(of: histories.count) {
            let state = state(of: key, at: revision)
            if state.version == 0 { continue }
            found.count += 1
            if query.limit == 0 || found.pairs.count < query.limit {
                found.pairs.append(Pair(key, state))
            } else {
                found.more = true
            }
        }
        return found
    }

    // Writing.

    /// Does one operation; what its client is to be answered.
    mutating func execute(_ operation: Operation) -> Answer {
        switch operation {
        case .put(let put):
            if put.lease != 0, ttls[put.lease] == nil { return .refused(.leaseNotFound) }
            let previous = previous(of: put.key, at: revision)
            revision += 1
            write(put)
            return .put(revision: revision, previous: put.wantsPrevious ? previous : nil)
        case .delete(let span, let wantsPrevious):
            let deleted = delete(span, to: revision + 1)
            if !deleted.isEmpty { revision += 1 }
            return .deleted(
                revision: revision, count: deleted.count, previous: wantsPrevious ? deleted : [])
        case .transaction(let transaction): return execute(transaction)
        case .compact(let target): return compact(target)
        case .grant(let lease, let ttl): return grant(lease, ttl)
        case .revoke(let lease): return revoke(lease)
        case .change(let change): return execute(change)
        case .checkpoint, .attributes: return .done
        case .range, .keepAlive: preconditionFailure("does not go through the log")
        }
    }

    private func previous(of key: Int, at revision: Int64) -> Pair? {
        let state = state(of: key, at: revision)
        return state.version == 0 ? nil : Pair(key, state)
    }

    /// Stores a value at the present revision.
    private mutating func write(_ put: Operation.Put) {
        let old = state(of: put.key, at: revision)
        let new = State(
            create: old.version == 0 ? revision : old.create, mod: revision, version: old.version + 1,
            value: put.value, lease: put.lease)
        replace(put.key, old, by: new)
    }

    private mutating func replace(_ key: Int, _ old: State, by new: State) {
        if old.version > 0 { sum.remove(Pair(key, old)) }
        if new.version > 0 { sum.add(Pair(key, new)) }
        histories[key].append(new)
        changes.append(Change(revision: new.mod, key: key, state: new))
    }

    private mutating func delete(_ span: Operation.KeySpan, to revision: Int64) -> [Pair] {
        var deleted: [Pair] = []
        for key in span.keys(of: histories.count) {
            let old = state(of: key, at: revision)
            if old.version == 0 { continue }
            deleted.append(Pair(key, old))
            replace(key, old, by: State(create: 0, mod: revision))
        }
        return deleted
    }

    private mutating func execute(_ transaction: Operation.Txn) -> Answer {
        let holds = transaction.compares.allSatisfy(holds)
        let steps = holds ? transaction.success : transaction.failure
        for case .put(let put) in steps where put.lease != 0 && ttls[put.lease] == nil {
            return .refused(.leaseNotFound)
        }
        let before = (revision, changes.count)
        revision += 1
        var inner: [Answer.Inner] = []
        for step in steps {
            switch step {
            case .range(let query): inner.append(.range(find(query, at: revision)))
            case .put(let put):
                let previous = previous(of: put.key, at: revision)
                write(put)
                inner.append(.put(previous: put.wantsPrevious ? previous : nil))
            case .delete(let span, let wantsPrevious):
                let deleted = delete(span, to: revision)
                inner.append(.deleted(count: deleted.count, previous: wantsPrevious ? deleted : []))
            }
        }
        if changes.count == before.1 { revision = before.0 }
        return .transaction(revision: revision, succeeded: holds, inner)
    }

    private func holds(_ compare: Operation.Txn.Compare) -> Bool {
        let state = state(of: compare.key, at: revision)
        let isLess: Bool
        let isEqual: Bool
        if compare.target == .value {
            // A missing key has no value to compare with.
            if state.version == 0 { return false }
            isLess = state.value.lexicographicallyPrecedes(compare.value)
            isEqual = state.value == compare.value
        } else {
            let mod = state.version == 0 ? 0 : state.mod
            let number = [state.version, state.create, mod][compare.target.rawValue]
            isLess = number < compare.number
            isEqual = number == compare.number
        }
        switch compare.relation {
        case .equal: return isEqual
        case .greater: return !isLess && !isEqual
        case .less: return isLess
        case .notEqual: return !isEqual
        }
    }

    private mutating func compact(_ target: Int64) -> Answer {
        if target <= compacted { return .refused(.compacted) }
        if target > revision { return .refused(.futureRevision) }
        compacted = target
        return .compacted(revision: revision)
    }

    private mutating func grant(_ lease: Int64, _ ttl: Int64) -> Answer {
        if ttls[lease] != nil { return .refused(.leaseExists) }
        let granted = max(ttl, minimumTTL)
        ttls[lease] = granted
        sum.add(lease: lease, ttl: granted)
        return .granted(revision: revision, ttl: granted)
    }

    private mutating func revoke(_ lease: Int64) -> Answer {
        guard let ttl = ttls.removeValue(forKey: lease) else { return .refused(.leaseNotFound) }
        sum.remove(lease: lease, ttl: ttl)
        let count = changes.count
        for key in histories.indices {
            let old = state(of: key, at: revision)
            guard old.version > 0, old.lease == lease else { continue }
            replace(key, old, by: State(create: 0, mod: revision + 1))
        }
        if changes.count > count { revision += 1 }
        return .revoked(revision: revision)
    }

    private mutating func execute(_ change: MembershipChange) -> Answer {
        let id = change.member
        let present = members[id]
        if removed.contains(id) { return .refused(.memberNotFound) }
        switch change {
        case .add(let member):
            if present != nil { return .refused(.memberIDExists) }
            if member.isLearner, members.values.contains(true) { return .refused(.tooManyLearners) }
            set(id, to: member.isLearner)
        case .promote:
            guard let present else { return .refused(.memberNotFound) }
            if !present { return .refused(.memberNotLearner) }
            set(id, to: false)
        case .remove:
            if present == nil { return .refused(.memberNotFound) }
            set(id, to: nil)
            removed.insert(id)
        case .update:
            if present == nil { return .refused(.memberNotFound) }
        }
        return .changed(
            voters: members.filter { !$0.value }.keys.sorted(),
            learners: members.filter(\.value).keys.sorted())
    }

    private mutating func set(_ id: MemberID, to isLearner: Bool?) {
        if let old = members[id] { sum.remove(member: id, isLearner: old) }
        if let isLearner { sum.add(member: id, isLearner: isLearner) }
        members[id] = isLearner
    }
}

extension Pair {
    init(_ key: Int, _ state: Model.State) {
        self.init(
            key: key, create: state.create, mod: state.mod, version: state.version, value: state.value,
            lease: state.lease)
    }
}
