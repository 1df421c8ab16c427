import Backend
import MVCC
import Wire

/// Leases (api.md 14). Their records go into bucket `lease` with the entry that changed them.
extension StateMachine {
    func applyLeaseGrant(in bytes: borrowing RawSpan, _ at: Range<Int>, at now: Duration) -> Outcome? {
        guard let numbers = numbers(in: bytes, at) else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        if alarms.isActive(.noSpace) { return .failure(.noSpace) }
        do {
            let record = try lessor.grant(
                id: Int64(bitPattern: numbers[2] ?? 0), ttl: Int64(bitPattern: numbers[1] ?? 0), at: now)
            store(record)
            counts.grantedTTLs.append(record.ttl)
            return .leaseGrant(revision: keyspace.currentRevision, id: record.id, ttl: record.ttl)
        } catch {
            return .failure(error)
        }
    }

    /// All keys of the lease go in one revision, in the order of the keys.
    func applyLeaseRevoke(in bytes: borrowing RawSpan, _ at: Range<Int>) -> Outcome? {
        guard let numbers = numbers(in: bytes, at) else { return nil }
        if alarms.isActive(.corrupt) { return .failure(.corruptCluster) }
        let id = Int64(bitPattern: numbers[1] ?? 0)
        let keys: [[UInt8]]
        do { keys = try lessor.revoke(id: id) } catch { return .failure(error) }
        var write = keyspace.beginWrite()
        for key in keys { write.delete(key: key) }
        counts.deletes += keys.count
        counts.leasesRevoked += 1
        write.commit()
        changes.append(BucketChange(.lease, key: LeaseRecord.bucketKey(id), value: nil))
        return .leaseRevoke(revision: keyspace.currentRevision)
    }

    /// Checkpoints are stored from cluster version 3.6 on; before, members only remember them.
    func applyLeaseCheckpoint(in bytes: borrowing RawSpan, _ at: Range<Int>, at now: Duration) -> Outcome? {
        let isStored = membership.clusterVersion.map { $0 >= ClusterVersion(major: 3, minor: 6) } ?? false
        var cursor = WireCursor(range: at)
        do {
            while let field = try cursor.next(in: bytes) {
                guard field.number == 1, case .bytes(let checkpoint) = field.value,
                    let numbers = numbers(in: bytes, checkpoint)
                else { continue }
                let record = lessor.checkpoint(
                    id: Int64(bitPattern: numbers[1] ?? 0), remainingTTL: Int64(bitPattern: numbers[2] ?? 0),
                    at: now)
                if isStored, let record { store(record) }
            }
        } catch { return nil }
        return .leaseCheckpoint(revision: keyspace.currentRevision)
    }

    private func store(_ record: LeaseRecord) {
        changes.append(BucketChange(.lease, key: record.bucketKey, value: record.encoded))
    }
}
