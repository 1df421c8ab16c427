import EtcdAPI
import HTTP
import Journal
import MVCC
import Net
import Peers
import Raft
import Services
import Store
import Telemetry

/// The pages of the peer port that ask this member to do something (spec/peer.md 7); `PeerPages` has those
/// that answer from what is known anyway. On the peers loop.
final class ErrandPages: WebApplication {
    private let member: Member
    private let desk: LeaderDesk
    private let known: PeerPages
    private var hashes: [UInt64: (revision: Int64, answer: (HashAnswer) -> Void)] = [:]

    private static let bodyBytesMax = 64 * 1024

    init(member: Member, desk: LeaderDesk) {
        self.member = member
        self.desk = desk
        known = PeerPages(membership: member.membership, version: Version.etcd)
    }

    func handle(_ request: WebRequest, _ responder: WebResponder) {
        switch request.path {
        case LeaderWire.keepAlivePath, LeaderWire.timeToLivePath: ask(request, responder, allow: [])
        case "/members/hashkv": hash(request, responder)
        case "/downgrade/enabled":
            responder.respond(.text(200, "\(member.membership.downgrade.enabled)"))
        case let path where path.hasPrefix(LeaderWire.promotePath):
            ask(request, responder, allow: [WebHeader("Allow", "POST")])
        default: known.handle(request, responder)
        }
    }

    private func ask(_ request: WebRequest, _ responder: WebResponder, allow: [WebHeader]) {
        guard request.method == "POST" else {
            return responder.respond(.text(405, "Method Not Allowed", headers: allow))
        }
        guard request.body.count <= Self.bodyBytesMax else {
            return responder.respond(.text(413, "request body too large"))
        }
        guard let wanted = LeaderWire.request(path: request.path, body: request.body) else {
            let isPromotion = request.path.hasPrefix(LeaderWire.promotePath)
            return responder.respond(
                isPromotion
                    ? .text(404, "membership: ID not found") : .text(400, "error unmarshalling request"))
        }
        desk.handle(wanted) { responder.respond(LeaderWire.encode($0, to: wanted)) }
    }

    // HashKV.

    /// Hashes this member's key space; `answer` comes later, on this loop.
    func hashKV(revision: Int64, _ answer: @escaping (HashAnswer) -> Void) {
        let id = desk.drawID()
        hashes[id] = (revision, answer)
        member.link.perform(id, .hashKV(revision: revision))
    }

    private func hash(_ request: WebRequest, _ responder: WebResponder) {
        if let cluster = request.header("X-Etcd-Cluster-ID"),
            cluster != String(member.metadata.clusterID, radix: 16)
        {
            return responder.respond(.text(412, "cluster ID mismatch"))
        }
        guard let revision = HashAnswer.revision(ofRequest: request.body) else {
            return responder.respond(.text(400, "error unmarshalling request"))
        }
        hashKV(revision: revision) { responder.respond($0.response) }
    }

    /// Maintenance work this loop asked for is done.
    func performed(_ id: UInt64, _ result: MaintenanceResult) {
        guard let (_, answer) = hashes.removeValue(forKey: id) else { return }
        switch result {
        case .hashKV(let hash, let compactRevision, let hashRevision):
            answer(
                .hash(
                    HashAnswer.Hash(
                        revision: member.keyspace.currentRevision, hash: hash,
                        compactRevision: compactRevision, hashRevision: hashRevision)))
        case .compacted: answer(.refused("mvcc: required revision has been compacted"))
        case .futureRevision: answer(.refused("mvcc: required revision is a future revision"))
        case .failed(let text): answer(.refused(text))
        default: preconditionFailure("no answer to a hash: \(result)")
        }
    }
}
