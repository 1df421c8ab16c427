import HTTP
import Journal
import MVCC
import Net
import Services
import Telemetry

/// Starts the event loops of a member: everything a loop owns is made on its own thread.
struct LoopSetup: Sendable {
    let member: Member
    let sockets: Sockets
    let budget: ConnectionBudget

    /// Starts loop `index`; the client ports are answered from `.serve` on.
    func startLoop(_ index: Int) throws(NetError) {
        try member.runLoop(index) { [self] in
            do throws(NetError) {
                let loop = try EventLoop(doorbell: member.switchboard.loopBells[index])
                let services = makeServices(index)
                let thread = LoopThread(
                    index: index, loop: loop, services: services, link: member.link,
                    inbox: member.switchboard.loops[index], grace: member.requestTimeout,
                    listeners: LoopListeners(), open: open)
                thread.run()
            } catch {
                member.fatal("event loop \(index) failed: \(error)")
            }
        }
    }

    private func makeServices(_ index: Int) -> LoopServices {
        var limits = ServicesLimits()
        let configuration = member.configuration
        limits.requestBytesMax = Int(configuration.limits.requestBytes)
        limits.txnOperationsMax = Int(configuration.limits.transactionOperations)
        limits.quotaBackendBytes = Int64(configuration.storage.quotaBackendBytes)
        limits.electionTimeout = configuration.consensus.electionTimeout
        limits.progressInterval = configuration.diagnostics.watchProgressNotifyInterval
        limits.strictReconfigCheck = configuration.cluster.strictReconfigCheck
        limits.learnersMax = configuration.cluster.learnersMax
        limits.leaseCheckpoints = configuration.features.isEnabled(.leaseCheckpoint)
        limits.bcryptCost = Int(configuration.security.bcryptCost)
        var context = ServicesContext(
            member: member.metadata.memberID, clusterID: member.metadata.clusterID, version: Version.etcd,
            limits: limits, engine: member.link, keyspace: member.keyspace, lessor: member.lessor,
            membership: member.membership, alarms: member.alarms, auth: member.auth, metrics: member.calls,
            boot: member.boot)
        if configuration.web.extensiveMetrics {
            let timed = Method.allCases.map { member.metrics.grpc.method($0.path)?.handling }
            context.observeHandling = { timed[$0.rawValue]?.observe($1) }
        }
        return LoopServices(context: context, index: index, reader: member.keyspace.makeReader())
    }

    private var httpLimits: HTTPLimits {
        let given = member.configuration.limits
        var limits = HTTPLimits()
        limits.messageBytesMax = Int(given.requestBytes) + 512 * 1024
        limits.concurrentStreamsMax = given.concurrentStreams
        limits.keepaliveMinTime = given.keepAliveMinTime
        limits.keepaliveInterval = given.keepAliveInterval
        limits.keepaliveTimeout = given.keepAliveTimeout
        limits.partialBytesMax = max(limits.partialBytesMax, limits.messageBytesMax)
        return limits
    }

    private func open(_ loop: EventLoop, _ services: LoopServices, _ listeners: LoopListeners) {
        do throws(NetError) {
            let configuration = HTTPConfiguration(
                limits: httpLimits, routes: GRPCRoutes(LoopServices.paths),
                metadataKeys: LoopServices.metadataKeys)
            let health = LoopHealth(member: member, services: services)
            let settings = member.configuration
            let access = AccessControl(
                hosts: settings.web.allowedHosts, origins: settings.web.allowedOrigins)
            let pages = endpoints(.client(access), health)
            func server(_ grpc: LoopServices?, _ web: WebEndpoints?) -> HTTPServer {
                HTTPServer(loop: loop, configuration: configuration, grpc: grpc, web: web, budget: budget)
            }
            // --listen-client-http-urls takes plain HTTP away from the client port (spec/http.md 1).
            try listeners.serve(server(services, sockets.web.isEmpty ? pages : nil), sockets.client)
            try listeners.serve(server(nil, pages), sockets.web)
            try listeners.serve(server(nil, endpoints(.metrics, health)), sockets.metrics)
        } catch {
            member.fatal("cannot accept connections: \(error)")
        }
    }

    private func endpoints(_ listener: WebEndpoints.Listener, _ health: LoopHealth) -> WebEndpoints {
        WebEndpoints(
            listener, source: health, registry: member.registry, metrics: member.metrics,
            arguments: CommandLine.arguments, logger: member.logger)
    }
}
