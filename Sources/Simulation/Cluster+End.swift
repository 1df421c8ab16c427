import Raft
import Replication
import Store

/// What must hold when all is mended and everybody had time.
extension Cluster {
    /// Every living member of the cluster is at the same place with the state of the model; clients got
    /// answers; watchers saw everything; leases that nobody renews are gone.
    func checkEnd() {
        let current = members.filter { referee.model.members[$0.id] != nil }
        let last = referee.log.last?.index
        for member in current {
            guard let running = member.running else {
                referee.fail("member \(member.place) is down after the calm")
                return
            }
            let applied = running.machine.consistentIndex
            referee.expect(
                applied == last,
                "member \(member.place) is at \(applied.rawValue) of \(last?.rawValue ?? 0) after the calm")
            member.compare(running)
            running.replica.checkInvariants()
        }
        let leaders = current.filter { $0.running?.leads == true }
        referee.expect(leaders.count == 1, "\(leaders.count) members lead after the calm")
        if let verdict = steadiness.verdict(self) { referee.fail(verdict) }
        for client in clients {
            referee.expect(
                client.answeredInCalm > 0, "client \(client.number) gets no answer in the calm")
        }
        for place in watchers.indices {
            referee.expect(
                watchers[place].isComplete(in: referee.model),
                "watcher \(place) has not seen everything; it waits for \(watchers[place].checker.next)")
        }
        referee.expect(
            referee.model.leases.isEmpty, "leases \(referee.model.leases) live on, though nobody renews")
    }
}
