import Journal
import Raft
import Services
import Store

/// What --force-new-cluster makes of a log: the committed part, and behind it entries that leave this
/// member alone (spec/raft.md 2, spec/config.md 8).
struct ForcedCluster {
    /// The last entry that is kept.
    let kept: EntryID
    /// Written behind it, replacing what was not committed.
    let added: [Entry]
    let hardState: HardState

    /// - Parameters:
    ///   - entries: of the log, without holes, behind `base`.
    ///   - configuration: at `applied`, an index at or after `base` and at most the commit index.
    init(
        localID: MemberID, base: EntryID, entries: [Entry], hardState: HardState,
        configuration: ConfigurationState, applied: LogIndex
    ) throws(BootError) {
        let committed = entries.prefix { $0.index <= hardState.commit }
        let kept = committed.last?.id ?? base
        self.kept = kept
        var members = configuration
        for entry in committed where entry.kind != .normal && entry.index > applied {
            members = try Self.applying(entry, to: members)
        }
        var changes: [MembershipChange] = []
        if !members.isVoter(localID) {
            changes.append(.add(ClusterMember(id: localID, peerURLs: [ListenURL.defaultPeer.description])))
        }
        for member in members.members where member != localID { changes.append(.remove(member)) }
        added = changes.enumerated().map { offset, change in
            let id = EntryID(term: hardState.term, index: kept.index + UInt64(offset + 1))
            return Entry(
                id: id, kind: .configurationChange, data: MembershipProposal(change).entryData(id: 0))
        }
        var state = hardState
        state.commit = kept.index + UInt64(added.count)
        self.hardState = state
    }

    /// A change that was refused when it was applied is refused here, too, and changes nothing.
    private static func applying(
        _ entry: Entry, to members: ConfigurationState
    ) throws(BootError) -> ConfigurationState {
        do {
            // The span does not outlive the entry's data.
            let decoded = unsafe try ConfigurationEntry(decoding: entry.data.span.bytes, kind: entry.kind)
            return (try? members.applying(decoded.change)) ?? members
        } catch {
            throw BootError("configuration change at index \(entry.index.rawValue): \(error)")
        }
    }
}
