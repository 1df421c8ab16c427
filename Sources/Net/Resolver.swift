import CPlatform

/// Turns names into addresses for one event loop, without ever blocking it: numbers at once, names by a
/// thread each that ends with its answer. Requests for a name that is being looked up share the answer.
///
/// Nothing is remembered: a member that moved is found at the next try.
final class Resolver {
    typealias Answer = Result<[SocketAddress], NetError>

    private struct Found: Sendable {
        let name: Name
        let answer: Answer
    }

    struct Name: Hashable, Sendable {
        let host: String
        let port: UInt16
    }

    private final class Lookup {
        var thread: Thread?
        var waiting: [(Answer) -> Void] = []
    }

    /// EAI_AGAIN: a temporary failure of the resolver.
    private static let tryAgain: Int32 = -3

    private let loop: EventLoop
    private let found: Mailbox<Found>
    private var lookups: [Name: Lookup] = [:]

    init(loop: EventLoop) {
        self.loop = loop
        found = Mailbox(doorbell: loop.doorbell, capacity: NetLimits.lookupsMax)
        loop.onWake { [weak self] in self?.takeAnswers() }
    }

    /// Calls `answer` once on the loop: at once for a number or when too much is asked, else later.
    func resolve(_ name: Name, _ answer: @escaping (Answer) -> Void) {
        var address = platform_address()
        if unsafe platform_parse_address(name.host, name.port, &address) == 0 {
            return answer(.success([SocketAddress(address)]))
        }
        if let lookup = lookups[name] { return lookup.waiting.append(answer) }
        let lookup = Lookup()
        lookup.waiting = [answer]
        do throws(NetError) {
            guard lookups.count < NetLimits.lookupsMax else {
                throw .resolution(host: name.host, code: Self.tryAgain)
            }
            lookup.thread = try Thread(name: "lookup") { [found] in
                found.push(Found(name: name, answer: Self.lookUp(name)))
            }
            lookups[name] = lookup
        } catch {
            answer(.failure(error))
        }
    }

    private func takeAnswers() {
        var batch: [Found] = []
        found.drain(into: &batch)
        for found in batch {
            guard let lookup = lookups.removeValue(forKey: found.name) else { continue }
            lookup.thread.take()?.join()  // it has pushed its answer and is at its end
            for answer in lookup.waiting { answer(found.answer) }
        }
    }

    private static func lookUp(_ name: Name) -> Answer {
        var addresses = [platform_address](repeating: platform_address(), count: NetLimits.addressesMax)
        var code: Int32 = 0
        let count = unsafe platform_resolve(
            name.host, name.port, &addresses, Int32(addresses.count), &code)
        guard count > 0 else { return .failure(.resolution(host: name.host, code: code)) }
        return .success(addresses.prefix(Int(count)).map { SocketAddress($0) })
    }
}
