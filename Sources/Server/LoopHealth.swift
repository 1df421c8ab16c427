import Journal
import Raft
import Services
import Store

/// What the health pages of one event loop ask.
final class LoopHealth: HealthSource {
    private let member: Member
    private let services: LoopServices

    init(member: Member, services: LoopServices) {
        self.member = member
        self.services = services
    }

    var isLeaderKnown: Bool { member.status.engineStatus.leader != nil }
    var isLearner: Bool { member.membership.isLocalLearner }
    var clusterVersion: String? { member.membership.clusterVersion?.text }

    var raisedAlarms: [HealthAlarm] {
        member.alarms.list().map { alarm in
            switch alarm.kind {
            case .noSpace: .noSpace
            case .corrupt: .corrupt
            }
        }
    }

    var raftStatus: String {
        let now = member.status.engineStatus
        let leader = now.leader?.hex ?? "0"
        let role = now.leader == member.metadata.memberID ? "StateLeader" : "StateFollower"
        return "{\"id\":\"\(member.metadata.memberID.hex)\",\"term\":\(now.term.rawValue),"
            + "\"commit\":\(now.committed.rawValue),\"lead\":\"\(leader)\",\"raftState\":\"\(role)\","
            + "\"applied\":\(now.applied.rawValue)}"
    }

    func readSerializable() -> String? { services.probeSerializable() }

    func readLinearizable(_ completion: @escaping (String?) -> Void) {
        services.probeLinearizable(completion)
    }
}
