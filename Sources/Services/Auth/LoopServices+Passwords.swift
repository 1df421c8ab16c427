import EtcdAPI
import HTTP
import Net
import Store
import Wire

/// A name and the password that came with it.
struct Login: Sendable {
    var name: [UInt8]
    var password: [UInt8]
}

/// Work with a password, which takes bcrypt's time on a thread of its own.
package enum PasswordWork: Sendable, Equatable {
    /// Answered by `matched`.
    case verify(password: [UInt8], hash: [UInt8])
    /// Answered by `hashed` or `refused`.
    case hash(password: [UInt8], cost: Int)
}

/// How it ended.
package enum PasswordResult: Sendable, Equatable {
    case matched(Bool)
    case hashed([UInt8])
    /// The text goes to the client with code 2.
    case refused(String)
}

extension PasswordWork {
    /// Does it, on the calling thread.
    package func perform() -> PasswordResult {
        switch self {
        case .verify(let password, let hash):
            return .matched(Bcrypt.verify(password, hash: hash))
        case .hash(let password, let cost):
            var generator = SystemRandomNumberGenerator()
            let salt = (0..<Bcrypt.saltSize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
            do throws(Bcrypt.Refusal) {
                return .hashed(try Bcrypt.hash(password, cost: cost, salt: salt))
            } catch .tooLong {
                return .refused("bcrypt: password length exceeds 72 bytes")
            } catch {
                return .refused("bcrypt: password contains a zero byte")
            }
        }
    }
}

/// Who waits for a password's hash or check.
enum PasswordWaiter {
    case userAdd(GRPCCall, name: [UInt8], options: [UInt8]?)
    case userChangePassword(GRPCCall, name: [UInt8])
    case authenticate(GRPCCall, Login, AuthCredentials)

    var call: (GRPCCall, Method) {
        switch self {
        case .userAdd(let call, _, _): (call, .userAdd)
        case .userChangePassword(let call, _): (call, .userChangePassword)
        case .authenticate(let call, _, _): (call, .authenticate)
        }
    }
}

/// Authenticate, and the two calls that set a password. The log never holds a password, and a hash is made
/// before it is proposed, for its salt is chance (spec/raft.md 8).
///
///     Authenticate:  read round ──▶ bcrypt ──▶ entry ──▶ token
///                                     ▲──────────┘ the auth revision has moved since the hash was read
extension LoopServices {
    // Setting one.

    func userAdd(_ call: GRPCCall, _ request: Fields) {
        let options = request.has(3) ? request.bytes(3) : nil
        let hasNoPassword = (request.message(3)?.number(1) ?? 0) != 0
        if hasNoPassword { return proposeUser(call, name: request.bytes(1), options: options, hash: []) }
        hash(request.bytes(2), for: .userAdd(call, name: request.bytes(1), options: options))
    }

    private func proposeUser(_ call: GRPCCall, name: [UInt8], options: [UInt8]?, hash: [UInt8]) {
        var entry: [UInt8] = []
        entry.appendField(1, name)
        if let options { entry.appendField(3, always: options) }
        entry.appendField(4, hash.base64)
        proposeOrRefuse(call, .userAdd, .authUserAdd, entry, .auth(call, .userAdd))
    }

    /// An empty password leaves the user without a hash, so that none fits (api.md 17.3).
    func userChangePassword(_ call: GRPCCall, _ request: Fields) {
        if request.bytes(2).isEmpty { return proposePassword(call, name: request.bytes(1), hash: []) }
        hash(request.bytes(2), for: .userChangePassword(call, name: request.bytes(1)))
    }

    private func proposePassword(_ call: GRPCCall, name: [UInt8], hash: [UInt8]) {
        var entry: [UInt8] = []
        entry.appendField(1, name)
        entry.appendField(3, hash.base64)
        proposeOrRefuse(
            call, .userChangePassword, .authUserChangePassword, entry, .auth(call, .userChangePassword))
    }

    private func hash(_ password: [UInt8], for waiter: PasswordWaiter) {
        start(.hash(password: password, cost: limits.bcryptCost), for: waiter)
    }

    // Checking one.

    func authenticate(_ call: GRPCCall, _ login: Login) { reads.gather(.authenticate(call, login)) }

    /// The read round of an Authenticate, or the repetition of its check.
    func checkPassword(_ call: GRPCCall, _ login: Login) {
        do {
            let credentials = try context.auth.credentials(of: login.name)
            start(
                .verify(password: login.password, hash: credentials.hash),
                for: .authenticate(call, login, credentials))
        } catch {
            finish(call, .authenticate, GRPCStatus(error))
        }
    }

    private func proposeToken(_ call: GRPCCall, _ login: Login, _ credentials: AuthCredentials) {
        var entry: [UInt8] = []
        entry.appendField(1, login.name)
        if case .simple = context.auth.provider { entry.appendField(3, SimpleTokens.drawLetters()) }
        proposeOrRefuse(
            call, .authenticate, .authenticate, entry, .token(call, login, checkedAt: credentials.revision))
    }

    func respondToken(_ call: GRPCCall, _ login: Login, checkedAt revision: UInt64, _ outcome: AuthOutcome) {
        guard case .token(let header, let authRevision, _) = outcome else {
            preconditionFailure("\(outcome) is no token")
        }
        guard authRevision == revision else { return checkPassword(call, login) }
        guard case .web(let tokens) = context.auth.provider else {
            return respondAuth(call, .authenticate, outcome)
        }
        guard let token = tokens.sign(user: login.name, revision: authRevision) else {
            return finish(call, .authenticate, .verifyOnly)
        }
        respondAuth(call, .authenticate, .token(revision: header, authRevision: authRevision, token))
    }

    // The worker.

    private func start(_ work: PasswordWork, for waiter: PasswordWaiter) {
        let id = drawID()
        passwords.insert(waiter, id: id, deadline: now + limits.requestTimeout)
        engine.work(id, work)
    }

    /// The worker is done with a password.
    package func worked(_ id: UInt64, _ result: PasswordResult) {
        guard let waiter = passwords.remove(id) else { return }
        let (call, method) = waiter.call
        guard call.isOpen else { return }
        responses.term = engine.status.term
        switch (waiter, result) {
        case (_, .refused(let text)): finish(call, method, GRPCStatus(.unknown, text))
        case (.userAdd(_, let name, let options), .hashed(let hash)):
            proposeUser(call, name: name, options: options, hash: hash)
        case (.userChangePassword(_, let name), .hashed(let hash)):
            proposePassword(call, name: name, hash: hash)
        case (.authenticate(_, let login, let credentials), .matched(true)):
            proposeToken(call, login, credentials)
        case (.authenticate, .matched(false)): finish(call, method, GRPCStatus(.authenticationFailed))
        default: preconditionFailure("\(result) does not answer \(waiter)")
        }
    }

    /// Ends a call whose worker took too long, or will not answer any more.
    func fail(_ waiter: PasswordWaiter, _ status: GRPCStatus) {
        let (call, method) = waiter.call
        finish(call, method, status)
    }
}
