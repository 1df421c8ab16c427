import Synchronization

/// The tokens of provider `simple`: `<16 letters>.<index of the entry that made it>`.
///
/// The letters travel in the log, so every member makes the same token; how long it lives is each member's
/// own business: the time to live begins anew with each use there. Nothing of it is stored, a restart
/// forgets all.
package final class SimpleTokens: Sendable {
    private struct Holder {
        var user: [UInt8]
        var expiry: Duration
    }

    private struct State {
        var holders: [[UInt8]: Holder] = [:]
        /// Expired ones are looked for at most once a second, when a token is added.
        var sweepDue = Duration.zero
    }

    private static let sweepInterval = Duration.seconds(1)
    private static let letterCount = 16

    private let timeToLive: Duration
    private let state = Mutex(State())

    package init(timeToLive: Duration) { self.timeToLive = timeToLive }

    /// The random part of a new token.
    package static func drawLetters() -> [UInt8] {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        var generator = SystemRandomNumberGenerator()
        return (0..<letterCount).map { _ in letters[Int.random(in: 0..<letters.count, using: &generator)] }
    }

    /// Which entry made the token; nil for what is no token.
    package static func index(of token: [UInt8]) -> UInt64? {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        return UInt64(String(decoding: parts[1], as: UTF8.self))
    }

    /// Makes the token of these letters and that entry.
    func add(letters: [UInt8], index: UInt64, user: [UInt8], at now: Duration) -> [UInt8] {
        let token = letters + Array(".\(index)".utf8)
        state.withLock { state in
            if now >= state.sweepDue {
                state.holders = state.holders.filter { $0.value.expiry > now }
                state.sweepDue = now + Self.sweepInterval
            }
            state.holders[token] = Holder(user: user, expiry: now + timeToLive)
        }
        return token
    }

    /// Whose token it is, and lets it live on; nil for an unknown or expired one.
    func use(_ token: [UInt8], at now: Duration) -> [UInt8]? {
        state.withLock { state in
            guard let place = state.holders.index(forKey: token) else { return nil }
            guard state.holders.values[place].expiry > now else {
                state.holders.remove(at: place)
                return nil
            }
            state.holders.values[place].expiry = now + timeToLive
            return state.holders.values[place].user
        }
    }

    func remove(of user: [UInt8]) {
        state.withLock { state in state.holders = state.holders.filter { $0.value.user != user } }
    }

    func removeAll() { state.withLock { $0.holders.removeAll() } }

    /// How many are kept, expired ones included.
    package var count: Int { state.withLock { $0.holders.count } }
}
