import Backend
import EtcdAPI
import FoundationEssentials
import Glibc
import Testing
import MVCC
import Raft
@testable import Store
import SwiftProtobuf
import Synchronization
import Wire

/// A directory of its own, removed with this object.
final class Scratch {
    let path: String

    init() {
        path = "/tmp/store-test-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let code = unsafe mkdir(path, 0o700)
        precondition(code == 0, "mkdir")
    }

    var database: String { path + "/db" }

    deinit {
        for name in ["db", "db-lock", "db.lock"] { unsafe unlink(path + "/" + name) }
        unsafe rmdir(path)
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ data: some Sequence<UInt8>) -> String { String(decoding: Array(data), as: UTF8.self) }

/// A state machine on a database of its own, fed with entries made from generated messages.
final class Machine {
    static let member = MemberID(0x2ca4_69ed_f1cf_c7a5)

    let scratch: Scratch
    let environment: Environment
    let keyspace: Keyspace
    let lessor = Lessor(minimumTTL: 2)
    let membership = Membership(localID: Machine.member, clusterID: 1)
    let alarms = Alarms()
    let auth = AuthStore(provider: .simple(SimpleTokens(timeToLive: .seconds(300))))
    let machine: StateMachine
    var flusher: Flusher
    let reader: KeyspaceReader
    var ids: RequestIDs
    var index: UInt64
    var now = Duration.zero
    /// Whose the requests are while authentication is on.
    var asker = AuthIdentity()
    var log: [Entry] = []

    /// `scratch`: of an earlier machine, to open its database again.
    init(in scratch: Scratch = Scratch(), startedAt microseconds: UInt64 = 1_000_000) throws {
        self.scratch = scratch
        environment = try Environment(path: scratch.database)
        keyspace = try Keyspace(environment: environment)
        flusher = Flusher(keyspace)
        let state = try StoredState.load(from: environment)
        try state.restore(
            lessor: lessor, membership: membership, alarms: alarms, auth: auth, keyspace: keyspace)
        let boot = RequestIDs.Boot(member: Machine.member, microseconds: microseconds)
        machine = StateMachine(
            keyspace: keyspace, lessor: lessor, membership: membership, alarms: alarms, auth: auth,
            boot: boot,
            state: state)
        ids = boot.ids(loop: 3)
        index = machine.consistentIndex.rawValue
        reader = keyspace.makeReader()
    }

    var revision: Int64 { keyspace.currentRevision }

    /// Makes everything applied durable.
    func flush() throws {
        while try flusher.flush().hasMore {}
    }

    func entry(_ data: [UInt8], kind: Entry.Kind = .normal) -> Entry {
        index += 1
        return Entry(id: EntryID(term: Term(2), index: LogIndex(index)), kind: kind, data: data)
    }

    @discardableResult
    func apply(_ entries: [Entry]) throws -> ApplyResults {
        var results = ApplyResults()
        try machine.apply(entries, at: now, into: &results)
        log += entries
        return results
    }

    func request(_ kind: InternalRaftRequest.Kind, _ message: some SwiftProtobuf.Message) throws -> (
        id: UInt64, data: [UInt8]
    ) {
        let id = ids.draw()
        let body: [UInt8] = try message.serializedBytes()
        var data: [UInt8] = []
        unsafe data.appendInternalRaftRequest(
            kind, body.span.bytes, id: id, username: asker.user, authRevision: asker.revision)
        return (id, data)
    }

    /// Applies one request and gives its answer.
    @discardableResult
    func perform(_ kind: InternalRaftRequest.Kind, _ message: some SwiftProtobuf.Message) throws -> Outcome {
        let (id, data) = try request(kind, message)
        let replies = try apply([entry(data)]).replies
        guard replies.count == 1, replies[0].id == id else { return .failure(.memberNotFound) }
        return replies[0].outcome
    }

    @discardableResult
    func put(_ key: String, _ value: String, lease: Int64 = 0) throws -> Outcome {
        try perform(
            .put,
            PutRequest.with {
                $0.key = .init(bytes(key)); $0.value = .init(bytes(value)); $0.lease = lease
            })
    }

    @discardableResult
    func delete(_ key: String, _ end: String = "") throws -> Outcome {
        try perform(
            .deleteRange,
            DeleteRangeRequest.with {
                $0.key = .init(bytes(key)); $0.rangeEnd = .init(bytes(end)); $0.prevKv = true
            })
    }

    @discardableResult
    func grant(_ id: Int64, ttl: Int64) throws -> Outcome {
        try perform(
            .leaseGrant,
            LeaseGrantRequest.with {
                $0.id = id; $0.ttl = ttl
            })
    }

    @discardableResult
    func compact(_ revision: Int64) throws -> Outcome {
        try perform(.compaction, CompactionRequest.with { $0.revision = revision })
    }

    /// The newest value of a key.
    func value(_ key: String) throws -> String? {
        let query = RangeQuery(key: bytes(key))
        return try range(query).kvs.first.map { text($0.value) }
    }

    func range(_ query: RangeQuery) throws -> RangeResponse {
        let answer = try RangeAnswer.select(query, from: reader)
        defer { answer.release() }
        var body: [UInt8] = []
        try answer.append(to: &body)
        #expect(try answer.bodySize() == body.count)
        return try RangeResponse(serializedBytes: body)
    }

    /// Validates and applies a Txn, or reads it when it only reads; throws what the client would be told.
    func txn(_ request: TxnRequest, maxOperations: Int = 128) throws -> (
        revision: Int64, response: TxnResponse
    ) {
        let encoded: [UInt8] = try request.serializedBytes()
        let transaction = try unsafe Transaction(decoding: encoded.span.bytes)
        try unsafe transaction.validate(maxOperations: maxOperations, in: encoded.span.bytes)
        if transaction.isReadOnly {
            let answer = try transaction.read(from: reader)
            return (answer.revision, try TxnResponse(serializedBytes: answer.response))
        }
        switch try perform(.txn, request) {
        case .txn(let revision, let response): return (revision, try TxnResponse(serializedBytes: response))
        case .failure(let error): throw error
        default: throw StoreError.keyNotFound
        }
    }
}

// Requests, in few letters.

func put(_ key: String, _ value: String = "v", lease: Int64 = 0) -> RequestOp {
    .with {
        $0.requestPut = .with {
            $0.key = .init(bytes(key)); $0.value = .init(bytes(value)); $0.lease = lease
        }
    }
}

func del(_ key: String, _ end: String = "") -> RequestOp {
    .with {
        $0.requestDeleteRange = .with {
            $0.key = .init(bytes(key)); $0.rangeEnd = .init(bytes(end))
        }
    }
}

func get(_ key: String, _ end: String = "", revision: Int64 = 0) -> RequestOp {
    .with {
        $0.requestRange = .with {
            $0.key = .init(bytes(key)); $0.rangeEnd = .init(bytes(end)); $0.revision = revision
        }
    }
}

func nested(_ compares: [Compare] = [], then success: [RequestOp] = [], else failure: [RequestOp] = [])
    -> RequestOp
{
    .with { $0.requestTxn = txn(compares, then: success, else: failure) }
}

func txn(_ compares: [Compare] = [], then success: [RequestOp] = [], else failure: [RequestOp] = [])
    -> TxnRequest
{
    .with {
        $0.compare = compares
        $0.success = success
        $0.failure = failure
    }
}

func compare(
    _ key: String, to end: String = "", _ target: Compare.CompareTarget, _ result: Compare.CompareResult,
    _ operand: Compare.OneOf_TargetUnion?
) -> Compare {
    .with {
        $0.key = .init(bytes(key))
        $0.rangeEnd = .init(bytes(end))
        $0.target = target
        $0.result = result
        $0.targetUnion = operand
    }
}
