import Raft

/// The `.snap` files of a member, `<term>-<index>.snap` in sixteen hexadecimal digits each (`member/snap`).
///
/// Files of other names are left alone (the database lies in the same directory).
package struct SnapshotDirectory: Sendable {
    package let path: String
    let disk: any Disk

    package init(_ path: String, disk: any Disk = SystemDisk()) {
        self.path = withoutTrailingSlashes(path)
        self.disk = disk
    }

    /// The positions there are files of, newest first; none of them is checked.
    package func snapshots() throws(JournalError) -> [EntryID] {
        try list().compactMap { name in
            hexPair(name, suffix: Self.suffix).map { EntryID(term: Term($0), index: LogIndex($1)) }
        }.sorted(by: >)
    }

    package func path(of snapshot: EntryID) -> String { joined(path, Self.name(of: snapshot)) }

    /// Removes what unfinished writers left (`tmp…`, spec/config.md 7). Only at start.
    package func removeTemporaries() throws(JournalError) {
        for name in try list() where name.hasPrefix(Self.temporaryPrefix) {
            try onDisk { () throws(DiskError) in try disk.remove(joined(path, name)) }
        }
    }

    /// How much of a file is read before it counts.
    package enum Scrutiny: Sendable {
        /// Header, footer and length: enough when the database is there.
        case ends
        /// Every block, and the digest: what a database may be rebuilt from.
        case everything
    }

    /// What `newest` found.
    package struct Choice: Equatable, Sendable {
        package var snapshot: SnapshotSummary?
        /// Files passed over, and why. Damaged ones are named `<name>.broken` now; etcd's own are untouched.
        package var rejected: [Rejection] = []
    }

    package struct Rejection: Equatable, Sendable {
        package var path: String
        package var reason: JournalError
    }

    /// The newest file that is sound and one of `candidates` (see `DurableLog.validSnapshots`). Damaged ones
    /// that are newer are set aside as `.broken`. Throws only when the disk fails.
    package func newest(
        among candidates: some Collection<EntryID>, scrutiny: Scrutiny
    ) throws(JournalError) -> Choice {
        var choice = Choice()
        for id in try snapshots() where candidates.contains(id) {
            let path = path(of: id)
            do throws(JournalError) {
                var reader = try SnapshotReader(path: path, disk: disk)
                guard reader.metadata.id == id else { throw .snapshotCorrupt(path: path, offset: 0, .name) }
                if case .everything = scrutiny { try reader.verify() }
                choice.snapshot = reader.summary
                return choice
            } catch .snapshotCorrupt(let path, let offset, let fault) {
                choice.rejected.append(
                    Rejection(path: path, reason: .snapshotCorrupt(path: path, offset: offset, fault)))
                try setAside(id)
            } catch .etcdSnapshot(let path, let metadata) {
                choice.rejected.append(Rejection(path: path, reason: .etcdSnapshot(path: path, metadata)))
            } catch {
                throw error
            }
        }
        return choice
    }

    /// Renames a damaged file to `<name>.broken`, so that it is never tried again and never purged.
    package func setAside(_ snapshot: EntryID) throws(JournalError) {
        let path = path(of: snapshot)
        do throws(DiskError) {
            try disk.rename(path, to: path + ".broken")
            try disk.syncDirectory(self.path)
        } catch {
            throw .disk(error)
        }
    }

    /// Removes the oldest files beyond `maxSnapshots` (0: none); the newest stays in any case, and so do
    /// those that are `held`. Only after the newest is recorded in the log. Returns the paths removed.
    package func purge(
        maxSnapshots: Int, held: some Collection<EntryID> = []
    ) throws(JournalError) -> [String] {
        guard maxSnapshots > 0 else { return [] }
        var removed: [String] = []
        for id in try snapshots().dropFirst(maxSnapshots).reversed() where !held.contains(id) {
            let path = path(of: id)
            try onDisk { () throws(DiskError) in try disk.remove(path) }
            removed.append(path)
        }
        return removed
    }

    func temporaryPath(of snapshot: EntryID) -> String {
        joined(path, Self.temporaryPrefix + "-" + Self.name(of: snapshot))
    }

    /// A temporary name for what another member sends; `number` tells apart what comes at the same time.
    func receivingPath(_ number: UInt64) -> String {
        joined(path, Self.temporaryPrefix + "-received-" + String(number) + Self.suffix)
    }

    private static let suffix = ".snap"
    private static let temporaryPrefix = "tmp"

    private static func name(of id: EntryID) -> String {
        hex16(id.term.rawValue) + "-" + hex16(id.index.rawValue) + suffix
    }

    private func list() throws(JournalError) -> [String] {
        do throws(DiskError) { return try disk.list(path) ?? [] } catch { throw .disk(error) }
    }
}
