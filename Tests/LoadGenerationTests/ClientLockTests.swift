import EtcdAPI
import EtcdClient
import FoundationEssentials
import SwiftProtobuf
import Testing

@testable import LoadGeneration

@Suite struct `Locks around transactions` {
    private func answer(_ lock: inout ClientLock, _ message: some Message) throws {
        let bytes: [UInt8] = try message.serializedBytes()
        lock.answer(bytes.span.bytes)
    }

    /// The answer of the transaction that puts the key: ours is of revision `own`, the oldest of `owner`.
    private func trial(own: Int64, owner: Int64, isNew: Bool) -> TxnResponse {
        TxnResponse.with {
            $0.header.revision = isNew ? own : 99
            $0.succeeded = isNew
            $0.responses = [
                .with {
                    if isNew {
                        $0.responsePut = PutResponse()
                    } else {
                        $0.responseRange.kvs = [.with { $0.createRevision = own }]
                    }
                },
                .with { $0.responseRange.kvs = [.with { $0.createRevision = owner }] },
            ]
        }
    }

    @Test func `the first comer owns the lock, and gives it back by deleting its key`() throws {
        var lock = ClientLock(.lockClient, lease: 0x1f)
        var request: [UInt8] = []
        #expect(lock.begin(&request) == .txn)
        let txn = try TxnRequest(serializedBytes: request)
        let key = Data("stm-lock/1f".utf8)
        #expect(txn.compare.map(\.key) == [key])
        #expect(txn.compare[0].target == .create && txn.compare[0].createRevision == 0)
        #expect(txn.success[0].requestPut.key == key && txn.success[0].requestPut.lease == 0x1f)
        #expect(txn.failure[0].requestRange.key == key)
        for oldest in [txn.success[1].requestRange, txn.failure[1].requestRange] {
            #expect(oldest.limit == 1 && oldest.sortOrder == .ascend && oldest.sortTarget == .create)
        }
        try answer(&lock, trial(own: 7, owner: 7, isNew: true))
        request = []
        #expect(lock.proceed(&request) == nil)
        #expect(lock.release(&request) == .deleteRange)
        #expect(try DeleteRangeRequest(serializedBytes: request).key == key)
        #expect(lock.release(&request) == nil)
    }

    @Test(arguments: [true, false])
    func `a later one waits until the next older key is deleted, then looks again`(isNew: Bool) throws {
        var lock = ClientLock(.lockClient, lease: 5)
        var request: [UInt8] = []
        _ = lock.begin(&request)
        try answer(&lock, trial(own: 12, owner: 3, isNew: isNew))
        request = []
        #expect(lock.proceed(&request) == .ask(.range))
        let search = try RangeRequest(serializedBytes: request)
        #expect(search.maxCreateRevision == 11 && search.sortOrder == .descend && search.limit == 1)
        try answer(
            &lock,
            RangeResponse.with {
                $0.header.revision = 40
                $0.kvs = [.with { $0.key = Data("stm-lock/4".utf8) }]
            })
        request = []
        #expect(lock.proceed(&request) == .follow(.watch))
        let watch = try WatchRequest(serializedBytes: request).createRequest
        #expect(watch.key == Data("stm-lock/4".utf8) && watch.startRevision == 40)
        try answer(&lock, WatchResponse.with { $0.created = true })
        #expect(!lock.isSatisfied)
        try answer(&lock, WatchResponse.with { $0.events = [.with { $0.type = .delete }] })
        #expect(lock.isSatisfied)
        request = []
        #expect(lock.proceed(&request) == .ask(.range))
        try answer(&lock, RangeResponse())
        #expect(lock.proceed(&request) == nil)
    }

    @Test func `the Lock service names the key that is given back`() throws {
        var lock = ClientLock(.lockRPC, lease: 9)
        var request: [UInt8] = []
        #expect(lock.begin(&request) == .lock)
        let ask = try LockRequest(serializedBytes: request)
        #expect(ask.name == Data("stm-lock".utf8) && ask.lease == 9)
        var nothing: [UInt8] = []
        #expect(lock.release(&nothing) == nil)
        request = []
        _ = lock.begin(&request)
        try answer(&lock, LockResponse.with { $0.key = Data("stm-lock/9".utf8) })
        #expect(lock.proceed(&nothing) == nil)
        request = []
        #expect(lock.release(&request) == .unlock)
        #expect(try UnlockRequest(serializedBytes: request).key == Data("stm-lock/9".utf8))
    }
}
