import EtcdAPI
import MVCC
import Raft
import Store

extension Workload {
    /// A query answered with the bytes of its RangeResponse, from the database: copied, as Services does with
    /// small answers, or pulled in pieces, as it does with large ones.
    static var ranges: [Workload] {
        [
            Workload("range.1") { try RangeOperation(keys: 1) },
            Workload("range.1000", operations: 100) { try RangeOperation(keys: 1000) },
        ]
    }
}

private final class RangeOperation: Operation {
    private static let stored = 10_000
    private let store: LocalStore
    private let reader: KeyspaceReader
    private let keys: Int
    private let identity = [UInt8].responseIdentity(
        clusterID: LocalStore.clusterID, memberID: LocalStore.member.rawValue)
    private var query: RangeQuery
    private var number = 0
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)

    init(keys: Int) throws {
        store = try LocalStore(keys: Self.stored)
        reader = store.keyspace.makeReader()
        self.keys = keys
        query = RangeQuery(key: Sample.key(0), rangeEnd: keys > 1 ? Sample.key(keys) : [])
    }

    func run(_ count: Int) throws {
        for _ in 0..<count {
            number = (number + 7001) % (Self.stored - keys)
            query.key.write(number, at: Sample.prefix.count)
            if keys > 1 { query.rangeEnd.write(number + keys, at: Sample.prefix.count) }
            let answer = try RangeAnswer.select(query, from: reader)
            precondition(answer.length == keys, "all of them are there")
            if keys > 1 { try pull(answer) } else { try copy(answer) }
        }
    }

    private func begin(_ answer: RangeAnswer, reserving size: Int) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(48 + size)
        message.appendResponseHeader(identity: identity, revision: answer.revision, raftTerm: 2)
        return message
    }

    private func copy(_ answer: RangeAnswer) throws {
        let size = try answer.bodySize()
        var message = begin(answer, reserving: size)
        try answer.append(to: &message)
        answer.release()
        precondition(message.count > size, "header and body")
    }

    private func pull(_ answer: RangeAnswer) throws {
        let body = try RangeBody(answer, header: begin(answer, reserving: 0))
        var pulled = 0
        while pulled < body.size {
            pulled += try unsafe buffer.withUnsafeMutableBytes { try unsafe body.fill($0) }
        }
        body.release()
    }
}
