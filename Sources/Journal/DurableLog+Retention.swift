import Raft

extension DurableLog {
    /// Unlocks the segments that recovery from a snapshot at `index` does not need: those before the one that
    /// holds `index`. Only a position that `saveSnapshot` (or recovery) has made durable may be given.
    package mutating func release(upTo index: LogIndex) {
        precondition(index <= snapshotted)
        let next = segments.firstIndex { $0.name.firstIndex >= index } ?? segments.count
        let released = max(next - 1, 0)
        for segment in segments[..<released] { disk.close(segment.file) }
        segments.removeFirst(released)
    }

    /// Removes the oldest segments beyond `maxWALs` (0: none), and stops at the first one that is locked, by
    /// this log or by anybody. Returns the paths removed.
    package func purge(maxWALs: Int) throws(JournalError) -> [String] {
        guard maxWALs > 0 else { return [] }
        var removed: [String] = []
        let names = try Self.segmentNames(in: directory, disk: disk)
        for name in names.dropLast(maxWALs) {
            guard name < segments[0].name else { break }
            let path = joined(directory, name.text)
            do throws(DiskError) {
                let file = try disk.open(path, .readWrite)
                defer { disk.close(file) }
                guard try disk.lock(file) else { return removed }
                try disk.remove(path)
            } catch {
                throw .disk(error)
            }
            removed.append(path)
        }
        return removed
    }
}
