import EtcdClient
import HTTP

/// What the clients of a run ask. An operation is one request, or several one after the other.
///
///     begin ──answer──▶ proceed ──ask, follow──▶ (answer, proceed again)
///                          └──done(kind): the operation is counted
///
/// A request that fails ends its operation; `failed` may clean up behind it. All calls come on the loop's
/// thread; `client` is below the number of clients the run was given.
package protocol Workload: AnyObject {
    /// What operations are reported as, by `Step.done`'s number.
    var kinds: [String] { get }
    /// Writes the first request of the client's next operation; `request` comes empty.
    func begin(_ client: Int, _ request: inout [UInt8]) -> Method
    /// The answer to the client's request.
    func answer(_ client: Int, _ bytes: borrowing RawSpan)
    /// The client's request has succeeded; `request` comes empty.
    func proceed(_ client: Int, _ request: inout [UInt8]) -> Step
    /// After an answer to what is followed: it has said enough, and counts as a success.
    func isSatisfied(_ client: Int) -> Bool
    /// The client's operation has failed: one request more that is counted nowhere, or nil; `request` comes
    /// empty.
    func failed(_ client: Int, _ request: inout [UInt8]) -> Method?
}

/// How an operation goes on.
package enum Step: Equatable {
    case ask(Method)
    /// A stream that stays open until `Workload.isSatisfied`.
    case follow(Method)
    case done(kind: Int)
    /// The answers are an error: the operation has failed, as if the server had said so.
    case failed(GRPCStatus)
}

extension Workload {
    package func answer(_ client: Int, _ bytes: borrowing RawSpan) {}
    package func proceed(_ client: Int, _ request: inout [UInt8]) -> Step { .done(kind: 0) }
    package func isSatisfied(_ client: Int) -> Bool { true }
    package func failed(_ client: Int, _ request: inout [UInt8]) -> Method? { nil }
}
