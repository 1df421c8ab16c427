import Raft
import Testing

@testable import Server

@Suite struct PeerSnapshotsTests {
    private let two = MemberID(2)
    private let three = MemberID(3)

    private func file(_ index: UInt64) -> SnapshotMetadata {
        SnapshotMetadata(
            id: EntryID(term: Term(1), index: LogIndex(index)),
            configuration: ConfigurationState(voters: [MemberID(1)]))
    }

    @Test func `the newest file serves whoever it reaches, and is held until it is sent`() {
        var peers = PeerSnapshots(newest: file(10))
        #expect(peers.want(two, atLeast: LogIndex(10)) == file(10))
        #expect(peers.want(three, atLeast: LogIndex(4)) == file(10))
        #expect(!peers.isAwaited)
        peers.sent(to: two)
        #expect(peers.held == [file(10).id])
        peers.sent(to: three)
        #expect(peers.held.isEmpty)
    }

    @Test func `a member that needs a later state waits for the next file that reaches it`() {
        var peers = PeerSnapshots(newest: file(10))
        #expect(peers.want(two, atLeast: LogIndex(11)) == nil)
        #expect(peers.want(three, atLeast: LogIndex(20)) == nil)
        #expect(peers.recorded(file(15)) == [two])
        #expect(peers.held == [file(15).id] && peers.isAwaited)
        #expect(peers.recorded(file(20)) == [three])
        #expect(peers.held == [file(15).id, file(20).id] && !peers.isAwaited)
    }

    @Test func `an older file that is recorded late changes nothing`() {
        var peers = PeerSnapshots(newest: nil)
        #expect(peers.recorded(file(20)) == [])
        #expect(peers.recorded(file(15)) == [])
        #expect(peers.newest == file(20))
    }

    @Test func `who asks again gives up what it had, and is answered once`() {
        var peers = PeerSnapshots(newest: file(10))
        _ = peers.want(two, atLeast: LogIndex(1))
        #expect(peers.want(two, atLeast: LogIndex(11)) == nil)
        #expect(peers.held.isEmpty)
        #expect(peers.want(two, atLeast: LogIndex(12)) == nil)
        #expect(peers.failed() == [two])
        #expect(peers.failed() == [])
    }
}
