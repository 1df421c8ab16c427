import ArgumentParser
import EtcdAPI
import EtcdClient
import LoadGeneration
import SwiftProtobuf
import Terminal

struct LeaseKeepAliveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lease-keepalive", abstract: "Keeps a lease per client alive, once per request.")

    @OptionGroup var common: LoadOptions
    @OptionGroup var pace: PaceOptions

    func run() throws {
        let bench = try Bench(common)
        let workload = LeaseKeepAliveWorkload(leases: try bench.grantLeases())
        try bench.report(bench.run(workload, pace.plan(clients: common.clients)))
    }
}

extension Bench {
    /// A lease for every client; `timeToLive` in seconds, long where it is not renewed all the time.
    func grantLeases(timeToLive: Int64 = 100) throws -> [Int64] {
        var plan = LoadPlan()
        plan.clients = options.clients
        plan.total = options.clients
        let grants = LeaseGrantWorkload(clients: options.clients, timeToLive: timeToLive)
        let granted = run(grants, plan, title: "leases")
        if let (status, _) = granted.errors.byCount.first { throw Failure(status.goText) }
        guard granted.succeeded == options.clients, !grants.leases.contains(0) else {
            throw Failure("not every client was granted a lease")
        }
        return grants.leases
    }

    /// Takes leases back, and with them every lock that hangs on one; what cannot be revoked runs out by
    /// itself.
    func revoke(_ leases: [Int64]) {
        do {
            for lease in leases {
                let _: LeaseRevokeResponse = try ask(.leaseRevoke, LeaseRevokeRequest.with { $0.id = lease })
            }
        } catch {
            Terminal.report("benchmark: leases of this run are left to run out: \(error)")
        }
    }
}
