import EtcdAPI
import Journal
import Raft

extension Workload {
    /// A batch of entries appended to the write-ahead log: alone and by the hundred, and with a real disk's
    /// write and fdatasync. The log is cut like any other, at 64 MB.
    static var journal: [Workload] {
        [
            Workload("wal.append.1") { try SaveOperation(entries: 1, disk: DiscardingDisk()) },
            Workload("wal.append.100") { try SaveOperation(entries: 100, disk: DiscardingDisk()) },
            Workload("wal.append.1.synced", operations: 100) { try SaveOperation(entries: 1) },
            Workload("wal.append.100.synced", operations: 100) { try SaveOperation(entries: 100) },
        ]
    }
}

/// `DurableLog.save` of one batch, which takes the place of the batch before: the entries stay what they are,
/// and the log's file grows all the same.
private final class SaveOperation: Operation {
    private let directory: TemporaryDirectory
    private let entries: [Entry]
    private var log: DurableLog

    init(entries count: Int, disk: any Disk = SystemDisk()) throws {
        directory = try TemporaryDirectory(on: .disk)
        var data: [UInt8] = []
        unsafe data.appendInternalRaftRequest(.put, Sample.put.span.bytes, id: 1 << 50)
        entries = (1...count).map {
            Entry(id: EntryID(term: Term(2), index: LogIndex(UInt64($0))), data: data)
        }
        log = try DurableLog.create(
            in: directory.path + "/wal", metadata: LogMetadata(memberID: MemberID(1), clusterID: 1),
            options: LogOptions(preparation: disk is DiscardingDisk ? .onTheSpot : .background), disk: disk)
        try log.save([], hardState: HardState(term: Term(2), vote: MemberID(1)), mustSync: true)
    }

    func run(_ count: Int) throws {
        for _ in 0..<count { try log.save(entries, hardState: nil, mustSync: true) }
    }
}
