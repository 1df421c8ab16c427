import EtcdClient

/// What the clients of a run ask. An operation is one request, or several one after the other.
///
///     begin ──answer──▶ proceed ──ask──▶ (answer, proceed again)
///                          └──done(kind): the operation is counted
///
/// A request that fails ends its operation. All calls come on the loop's thread; `client` is below the number
/// of clients the run was given.
package protocol Workload: AnyObject {
    /// What operations are reported as, by `Step.done`'s number.
    var kinds: [String] { get }
    /// Writes the first request of the client's next operation; `request` comes empty.
    func begin(_ client: Int, _ request: inout [UInt8]) -> Method
    /// The answer to the client's request.
    func answer(_ client: Int, _ bytes: borrowing RawSpan)
    /// The client's request has succeeded; `request` comes empty.
    func proceed(_ client: Int, _ request: inout [UInt8]) -> Step
}

/// How an operation goes on.
package enum Step {
    case ask(Method)
    case done(kind: Int)
}

extension Workload {
    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {}
    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step { .done(kind: 0) }
}
