import Testing

@testable import Net

@Suite struct `Mailbox and doorbell` {
    @Test func `everything pushed by many threads arrives, each sender's in order`() throws {
        let doorbell = try Doorbell()
        let mailbox = Mailbox<(sender: Int, number: Int)>(doorbell: doorbell, capacity: 1_000_000)
        let (senders, count) = (4, 20_000)
        for sender in 0..<senders {
            let thread = try Thread(name: "sender") {
                for number in 0..<count { mailbox.push((sender, number)) }
            }
            _ = consume thread  // its end is told by its last element
        }
        var next = [Int](repeating: 0, count: senders)
        var batch: [(sender: Int, number: Int)] = []
        while next.contains(where: { $0 < count }) {
            mailbox.drain(into: &batch)
            if batch.isEmpty { doorbell.wait() }
            for (sender, number) in batch {
                #expect(next[sender] == number)
                next[sender] = number + 1
            }
            batch.removeAll(keepingCapacity: true)
        }
    }

    @Test func `a full mailbox refuses, a batch that does not fit is refused whole`() throws {
        let mailbox = Mailbox<Int>(doorbell: try Doorbell(), capacity: 3)
        #expect(mailbox.push(contentsOf: [1, 2]))
        #expect(!mailbox.push(contentsOf: [3, 4]))
        #expect(mailbox.push(3))
        #expect(!mailbox.push(4))
        var batch: [Int] = []
        mailbox.drain(into: &batch)
        #expect(batch == [1, 2, 3])
        #expect(mailbox.push(5))
    }

    @Test func `a ring before the wait is not lost, and one ring wakes once`() throws {
        let doorbell = try Doorbell()
        doorbell.ring()
        doorbell.ring()
        #expect(doorbell.wait())
        #expect(!doorbell.wait(timeout: .milliseconds(1)))
    }

    @Test func `a wait without a ring ends at its timeout`() throws {
        let doorbell = try Doorbell()
        let start = MonotonicTime.now()
        #expect(!doorbell.wait(timeout: .milliseconds(20)))
        #expect(MonotonicTime.now() - start >= .milliseconds(20))
    }
}
