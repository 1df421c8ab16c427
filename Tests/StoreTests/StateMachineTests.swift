import EtcdAPI
import FoundationEssentials
import MVCC
import Raft
@testable import Store
import SwiftProtobuf
import Testing
import Wire

@Suite struct StateMachineTests {
    private func change(_ change: MembershipChange, id: UInt64) -> [UInt8] {
        var data: [UInt8] = []
        data.appendField(1, always: id)
        data.appendField(2, always: change.type)
        data.appendField(3, always: change.member.rawValue)
        if !change.context.isEmpty { data.appendField(4, always: change.context) }
        return data
    }

    @Test func `a put answers the new revision and, when asked, the pair before`() throws {
        let machine = try Machine()
        #expect(try machine.put("k", "1") == .put(revision: 2, previous: nil))
        let again = PutRequest.with {
            $0.key = .init(bytes("k")); $0.value = .init(bytes("2")); $0.prevKv = true
        }
        guard case .put(3, let previous?) = try machine.perform(.put, again) else {
            Issue.record("no previous pair")
            return
        }
        let pair = try KeyValue(serializedBytes: previous)
        #expect(text(pair.value) == "1" && pair.modRevision == 2 && pair.version == 1)
    }

    @Test func `ignore_value and ignore_lease keep what is there`() throws {
        let machine = try Machine()
        let keepValue = PutRequest.with {
            $0.key = .init(bytes("k")); $0.ignoreValue = true; $0.lease = 0
        }
        let keepLease = PutRequest.with {
            $0.key = .init(bytes("k")); $0.value = .init(bytes("2")); $0.ignoreLease = true
        }
        #expect(try machine.perform(.put, keepValue) == .failure(.keyNotFound))
        #expect(try machine.perform(.put, keepLease) == .failure(.keyNotFound))
        try machine.grant(9, ttl: 50)
        try machine.put("k", "1", lease: 9)
        #expect(try machine.perform(.put, keepLease) == .put(revision: 3, previous: nil))
        #expect(machine.lessor.keys(of: 9) == [bytes("k")])
        #expect(try machine.value("k") == "2")
        #expect(try machine.perform(.put, keepValue) == .put(revision: 4, previous: nil))
        #expect(try machine.value("k") == "2")
        #expect(machine.lessor.keys(of: 9) == [])
    }

    @Test func `a delete counts, and gives pairs back in key order`() throws {
        let machine = try Machine()
        for key in ["c", "a", "b", "d"] { try machine.put(key, "v" + key) }
        guard case .deleteRange(6, 3, let previous) = try machine.delete("a", "d") else {
            Issue.record("wrong answer")
            return
        }
        #expect(try previous.map { try text(KeyValue(serializedBytes: $0).key) } == ["a", "b", "c"])
        #expect(try machine.delete("a", "d") == .deleteRange(revision: 6, deleted: 0, previous: []))
    }

    @Test func `revoking a lease deletes its keys in one revision`() throws {
        let machine = try Machine()
        #expect(try machine.grant(7, ttl: 60) == .leaseGrant(revision: 1, id: 7, ttl: 60))
        #expect(try machine.grant(7, ttl: 60) == .failure(.leaseExists))
        #expect(try machine.put("x", "1", lease: 8) == .failure(.leaseNotFound))
        for key in ["b", "a", "c"] { try machine.put(key, "1", lease: 7) }
        try machine.put("c", "2")
        #expect(
            try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 7 })
                == .leaseRevoke(revision: 6))
        #expect(
            try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 7 })
                == .failure(.leaseNotFound))
        #expect(try machine.value("a") == nil && machine.value("b") == nil)
        #expect(try machine.value("c") == "2")
        try machine.grant(5, ttl: 60)
        #expect(
            try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 5 })
                == .leaseRevoke(revision: 6))
    }

    @Test func `compactions are refused below and above`() throws {
        let machine = try Machine()
        for value in 1...5 { try machine.put("k", "\(value)") }
        #expect(try machine.compact(5) == .compaction(revision: 6, compacted: 5))
        #expect(try machine.compact(5) == .failure(.compacted))
        #expect(try machine.compact(0) == .failure(.compacted))
        #expect(try machine.compact(100) == .failure(.futureRevision))
    }

    @Test func `alarms stop what they should and nothing else`() throws {
        let machine = try Machine()
        try machine.put("k", "1")
        try machine.grant(1, ttl: 10)
        func alarm(_ action: AlarmRequest.AlarmAction, _ kind: AlarmType) throws -> Outcome {
            try machine.perform(
                .alarm,
                AlarmRequest.with {
                    $0.action = action; $0.memberID = 5; $0.alarm = kind
                })
        }
        let noSpace = AlarmRecord(member: MemberID(5), kind: .noSpace)
        let corrupt = AlarmRecord(member: MemberID(5), kind: .corrupt)
        #expect(try alarm(.activate, .none) == .alarm(revision: 2, alarms: []))
        #expect(try alarm(.activate, .nospace) == .alarm(revision: 2, alarms: [noSpace]))
        #expect(try alarm(.activate, .nospace) == .alarm(revision: 2, alarms: [noSpace]))
        #expect(try machine.put("k", "2") == .failure(.noSpace))
        #expect(try machine.grant(2, ttl: 10) == .failure(.noSpace))
        #expect(throws: StoreError.noSpace) { try machine.txn(txn(then: [put("z")])) }
        #expect(try machine.txn(txn(then: [del("z")])).revision == 2)
        #expect(try machine.delete("k") != .failure(.noSpace))
        #expect(try alarm(.activate, .corrupt) == .alarm(revision: 3, alarms: [corrupt]))
        #expect(try alarm(.get, .none) == .alarm(revision: 3, alarms: [noSpace, corrupt]))
        #expect(try alarm(.get, .corrupt) == .alarm(revision: 3, alarms: [corrupt]))
        #expect(try machine.put("k", "2") == .failure(.corruptCluster))
        #expect(try machine.delete("k") == .failure(.corruptCluster))
        #expect(try machine.compact(2) == .failure(.corruptCluster))
        #expect(throws: StoreError.corruptCluster) { try machine.txn(txn(then: [del("z")])) }
        #expect(
            try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 1 })
                == .failure(.corruptCluster))
        #expect(try alarm(.deactivate, .corrupt) == .alarm(revision: 3, alarms: [corrupt]))
        #expect(try alarm(.deactivate, .corrupt) == .alarm(revision: 3, alarms: []))
        #expect(try alarm(.deactivate, .nospace) == .alarm(revision: 3, alarms: [noSpace]))
        #expect(try machine.put("k", "2") == .put(revision: 4, previous: nil))
    }

    @Test func `configuration entries change the members, refused ones change nothing for raft either`()
        throws
    {
        let machine = try Machine()
        let first = ClusterMember(id: Machine.member, peerURLs: ["http://a"], name: "n")
        let joins = machine.entry(change(.add(first), id: 0), kind: .configurationChange)
        let id = machine.ids.draw()
        let again = machine.entry(change(.add(first), id: id), kind: .configurationChange)
        let results = try machine.apply([joins, again])
        #expect(results.configurations.map(\.change) == [ConfigurationChange(.addNode, Machine.member), nil])
        #expect(results.replies == [Reply(id: id, outcome: .failure(.memberIDExists))])
        let next = machine.ids.draw()
        let learner = ClusterMember(id: MemberID(5), peerURLs: ["http://b"], isLearner: true)
        let added = try machine.apply([
            machine.entry(change(.add(learner), id: next), kind: .configurationChange)
        ])
        #expect(
            added.replies == [Reply(id: next, outcome: .members(member: learner, all: [learner, first]))])
        #expect(added.configurations.map(\.change) == [ConfigurationChange(.addLearnerNode, MemberID(5))])
        #expect(
            machine.membership.configuration
                == ConfigurationState(voters: [Machine.member], learners: [MemberID(5)]))
    }

    @Test func `attributes and the cluster version are taken in both forms`() throws {
        let machine = try Machine()
        let member = ClusterMember(id: Machine.member, peerURLs: ["http://a"])
        try machine.apply([machine.entry(change(.add(member), id: 0), kind: .configurationChange)])
        func v2(_ path: String, _ value: String) throws -> [UInt8] {
            let request = V2Request.with {
                $0.id = 5; $0.method = "PUT"; $0.path = path; $0.val = value; $0.dir = false
            }
            return try request.serializedBytes()
        }
        let attributes = try v2(
            "/0/members/2ca469edf1cfc7a5/attributes", #"{"name":"infra0","clientURLs":["http://c"]}"#)
        try machine.apply([machine.entry(attributes), machine.entry(v2("/0/version", "3.5.0"))])
        #expect(machine.membership.member(Machine.member)?.name == "infra0")
        #expect(machine.membership.member(Machine.member)?.clientURLs == ["http://c"])
        #expect(machine.membership.clusterVersion == ClusterVersion(major: 3, minor: 5))
        let newer = MembershipClusterMemberAttrSetRequest.with {
            $0.memberID = Machine.member.rawValue
            $0.memberAttributes = .with {
                $0.name = "other"; $0.clientUrls = ["http://d"]
            }
        }
        #expect(try machine.perform(.clusterMemberAttrSet, newer) == .memberAttributes)
        #expect(machine.membership.member(Machine.member)?.name == "other")
        #expect(
            try machine.perform(
                .clusterVersionSet, MembershipClusterVersionSetRequest.with { $0.ver = "3.6.0" })
                == .clusterVersion)
        #expect(machine.membership.clusterVersion == ClusterVersion(major: 3, minor: 6))
        let downgrade = MembershipDowngradeInfoSetRequest.with {
            $0.enabled = true; $0.ver = "3.5.0"
        }
        #expect(try machine.perform(.downgradeInfoSet, downgrade) == .downgradeInfo)
        #expect(machine.membership.downgrade == DowngradeTarget(enabled: true, version: "3.5.0"))
    }

    @Test func `empty entries are reported, junk has no effect`() throws {
        let machine = try Machine()
        let empty = machine.entry([])
        let results = try machine.apply([
            empty, machine.entry([0xff, 0xff]), machine.entry([0x22, 0x01, 0xff]),
        ])
        #expect(results.leaderEntries == [empty.id] && results.replies.isEmpty)
        #expect(machine.revision == 1 && machine.machine.consistentIndex == LogIndex(3))
    }

    @Test func `a reopened database goes on exactly behind what was flushed`() throws {
        let scratch = Scratch()
        var log: [Entry] = []
        var expected: UInt32?
        do {
            let machine = try Machine(in: scratch)
            try fill(machine)
            try machine.flush()
            log = machine.log
            expected = try machine.keyspace.hashKV(revision: 0).hash
        }
        let machine = try Machine(in: scratch, startedAt: 9_000_000)
        #expect(machine.machine.consistentIndex == log.last?.index)
        #expect(machine.membership.members.map(\.name) == ["n"])
        #expect(machine.alarms.list() == [AlarmRecord(member: MemberID(5), kind: .corrupt)])
        #expect(machine.lessor.keys(of: 7) == [bytes("leased")])
        #expect(machine.membership.clusterVersion == ClusterVersion(major: 3, minor: 5))
        #expect(try machine.keyspace.hashKV(revision: 0).hash == expected)
        let replayed = try machine.apply(log)
        #expect(replayed.replies.isEmpty && replayed.leaderEntries.isEmpty)
        #expect(replayed.configurations.allSatisfy { $0.change == nil })
        #expect(try machine.keyspace.hashKV(revision: 0).hash == expected)
        let state = try StoredState.load(from: machine.environment)
        #expect(state.configuration == ConfigurationState(voters: [Machine.member]))
    }

    @Test func `applying the same log from the start, or from any flush on, gives the same state`() throws {
        let whole = try Machine()
        try fill(whole)
        let hash = try whole.keyspace.hashKV(revision: 0).hash
        for cut in stride(from: 1, to: whole.log.count, by: 3) {
            let scratch = Scratch()
            do {
                let machine = try Machine(in: scratch)
                try machine.apply(Array(whole.log[..<cut]))
                try machine.flush()
                // Applied and lost in the crash.
                try machine.apply(Array(whole.log[cut..<min(cut + 4, whole.log.count)]))
            }
            let machine = try Machine(in: scratch)
            try machine.apply(whole.log)
            #expect(try machine.keyspace.hashKV(revision: 0).hash == hash, "cut at \(cut)")
            #expect(machine.lessor.keys(of: 7) == whole.lessor.keys(of: 7), "cut at \(cut)")
            #expect(machine.membership.members == whole.membership.members)
            #expect(machine.alarms.list() == whole.alarms.list())
        }
    }

    /// A little of everything; ends with 1 member, an alarm, a lease of 1 key.
    private func fill(_ machine: Machine) throws {
        let member = ClusterMember(id: Machine.member, peerURLs: ["http://a"], name: "n")
        try machine.apply([machine.entry(change(.add(member), id: 0), kind: .configurationChange)])
        try machine.apply([machine.entry([])])
        try machine.perform(.clusterVersionSet, MembershipClusterVersionSetRequest.with { $0.ver = "3.5.0" })
        try machine.grant(7, ttl: 60)
        try machine.grant(8, ttl: 60)
        for key in ["a", "b", "c", "a", "leased"] { try machine.put(key, "v", lease: 7) }
        try machine.put("gone", "v", lease: 8)
        for key in ["a", "b"] { try machine.put(key, "w") }
        try machine.delete("b")
        _ = try machine.txn(txn(then: [put("t1"), put("t2"), get("a", revision: 3)]))
        try machine.compact(6)
        #expect(throws: StoreError.compacted) {
            try machine.txn(txn(then: [put("t3"), get("a", revision: 5)]))
        }
        try machine.perform(.leaseRevoke, LeaseRevokeRequest.with { $0.id = 8 })
        try machine.delete("c")
        try machine.perform(
            .alarm,
            AlarmRequest.with {
                $0.action = .activate; $0.memberID = 5; $0.alarm = .corrupt
            })
    }

    @Test func `request ids tell the loop, the member and the start they come from`() {
        let boot = RequestIDs.Boot(
            member: MemberID(0xc67d_8e91_b51e_3d51), microseconds: 1_763_800_000_000_000)
        var ids = boot.ids(loop: 5)
        var other = boot.ids(loop: 6)
        var seen: Set<UInt64> = []
        for _ in 0..<1000 {
            for id in [ids.draw(), other.draw()] {
                #expect(seen.insert(id).inserted && boot.issued(id) && id >> 48 == 0x3d51)
            }
        }
        #expect(seen.allSatisfy { [5, 6].contains(RequestIDs.loop(of: $0)) })
        let later = RequestIDs.Boot(member: MemberID(0x3d51), microseconds: 1_763_800_001_000_000)
        #expect(seen.allSatisfy { !later.issued($0) })
        let elsewhere = RequestIDs.Boot(member: MemberID(0x3d52), microseconds: 1_763_800_000_000_000)
        #expect(seen.allSatisfy { !elsewhere.issued($0) })
    }
}
