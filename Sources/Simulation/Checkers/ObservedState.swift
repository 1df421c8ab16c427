import MVCC
import Raft
import Store

/// Everything a member holds, read through its public face.
struct ObservedState {
    var pairs: [Pair] = []
    /// (lease, granted seconds), ascending.
    var leases: [(id: Int64, ttl: Int64)] = []
    /// (member, is a learner), ascending.
    var members: [(id: MemberID, isLearner: Bool)] = []
    var revision: Int64
    var compacted: Int64
    /// HashKV at the present revision.
    var hash: UInt32

    init(keyspace: Keyspace, reader: KeyspaceReader, lessor: Lessor, membership: Membership) throws(MVCCError)
    {
        revision = keyspace.currentRevision
        compacted = keyspace.compactedRevision
        let selection = try reader.select(.all)
        defer { selection.release() }
        for place in selection.matches.indices { pairs.append(Pair(try selection.record(place)[...])) }
        for id in lessor.leases().sorted() {
            let lease = lessor.timeToLive(id: id, wantsKeys: false, at: .zero)
            leases.append((id, lease?.granted ?? 0))
        }
        for member in membership.members { members.append((member.id, member.isLearner)) }
        hash = try keyspace.hashKV(revision: 0).hash
    }

    var digest: UInt64 {
        var sum = StateDigest()
        for pair in pairs { sum.add(pair) }
        for lease in leases { sum.add(lease: lease.id, ttl: lease.ttl) }
        for member in members { sum.add(member: member.id, isLearner: member.isLearner) }
        return sum.value(revision: revision, compacted: compacted)
    }

    /// What is different, for people.
    func difference(from model: Model) -> String {
        var texts: [String] = []
        if revision != model.revision { texts.append("revision \(revision), not \(model.revision)") }
        if compacted != model.compacted { texts.append("compacted \(compacted), not \(model.compacted)") }
        for key in 0..<model.keyCount {
            let state = model.state(of: key, at: model.revision)
            let expected = state.version == 0 ? nil : Pair(key, state)
            let found = pairs.first { $0.key == key }
            if found != expected {
                texts.append("\(found.map { "\($0)" } ?? "no key \(key)"), not \(state)")
            }
        }
        let expected = model.leases
        if leases.map(\.id) != expected { texts.append("leases \(leases.map(\.id)), not \(expected)") }
        let members = members.map(\.id.hex)
        let wanted = model.members.keys.sorted().map(\.hex)
        if members != wanted { texts.append("members \(members), not \(wanted)") }
        return texts.joined(separator: "; ")
    }
}
