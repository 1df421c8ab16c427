import HTTP
import Net

/// Why a request to another member has no answer.
package enum PeerRequestError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No `http://host:port`.
    case badURL(String)
    case net(NetError)
    case timeout
    /// The connection was lost before the answer was whole.
    case closed
    /// Not HTTP, or not as it must be.
    case malformed(String)
    /// The answer's body is larger than this client takes.
    case tooLarge

    init(_ error: HTTPClientError) {
        switch error {
        case .closed, .response(.truncated): self = .closed
        case .response(.headersTooLarge): self = .tooLarge
        case .response(.malformed(let what)): self = .malformed(what)
        }
    }

    package var description: String {
        switch self {
        case .badURL(let url): "unsupported peer URL \(url)"
        case .net(let error): "\(error)"
        case .timeout: "i/o timeout"
        case .closed: "EOF"
        case .malformed(let what): "malformed HTTP response: \(what)"
        case .tooLarge: "response body too large"
        }
    }
}
