import MVCC
import Synchronization

/// Who asks, and under which auth revision they were identified: what a log entry's header carries.
package struct AuthIdentity: Sendable, Equatable {
    /// Empty: nobody said who they are.
    package var user: [UInt8] = []
    /// 0 for nobody.
    package var revision: UInt64 = 0

    package init() {}

    package init(user: [UInt8], revision: UInt64) {
        self.user = user
        self.revision = revision
    }
}

/// What has to be known to check a password outside of the log.
package struct AuthCredentials: Sendable, Equatable {
    /// The stored hash.
    package var hash: [UInt8]
    /// The auth revision it was read at: a token made at another one may be for an old password.
    package var revision: UInt64
}

/// Users, roles and tokens, as every thread may read them. The apply thread changes them.
///
/// While authentication is off, `isEnabled` is all a request asks: one relaxed load. A request that was
/// read just before enabling passes unasked; it is concurrent with the AuthEnable call, and what goes
/// through the log is judged again when it is applied.
package final class AuthStore: Sendable {
    private let isOn = Atomic(false)
    private let state = Mutex(AuthState())
    package let provider: TokenProvider

    package init(provider: TokenProvider) { self.provider = provider }

    /// The tokens that are kept here, if the provider is the one that keeps any.
    var tokens: SimpleTokens? { if case .simple(let tokens) = provider { tokens } else { nil } }

    package var isEnabled: Bool { isOn.load(ordering: .relaxed) }
    package var revision: UInt64 { state.withLock { $0.revision } }

    // For requests.

    /// Whose token it is. A simple one is as new as this moment; a web token says itself of which revision
    /// it is. Throws `invalidAuthToken`.
    package func identity(token: [UInt8], at now: Duration) throws(StoreError) -> AuthIdentity {
        switch provider {
        case .none: break
        case .simple(let tokens):
            if let user = tokens.use(token, at: now) { return AuthIdentity(user: user, revision: revision) }
        case .web(let tokens):
            if let identity = tokens.verify(token) { return identity }
        }
        throw .invalidAuthToken
    }

    /// The member's own: it may do everything.
    package var serverIdentity: AuthIdentity { AuthIdentity(user: AuthState.root, revision: revision) }

    /// What the member's own entries carry: nothing while authentication is off.
    package var ownIdentity: AuthIdentity { isEnabled ? serverIdentity : AuthIdentity() }

    /// What the user may do with keys. Throws `userEmpty`, `authOldRevision`, and `permissionDenied` for a
    /// user that is gone.
    package func permissions(of identity: AuthIdentity) throws(StoreError) -> UserPermissions {
        if identity.user.isEmpty || identity.revision == 0 { throw .userEmpty }
        let found: (revision: UInt64, permissions: UserPermissions?) = state.withLock { state in
            (state.revision, state.permissions(of: identity.user))
        }
        if identity.revision < found.revision { throw .authOldRevision }
        guard let permissions = found.permissions else { throw .permissionDenied }
        return permissions
    }

    /// Throws unless the user has the role root: `userEmpty`, `userNotFound`, `permissionDenied`.
    package func checkAdmin(_ identity: AuthIdentity) throws(StoreError) {
        if identity.user.isEmpty { throw .userEmpty }
        let isRoot: Bool? = state.withLock { state in
            state.users[identity.user] == nil ? nil : state.hasRootRole(identity.user)
        }
        guard let isRoot else { throw .userNotFound }
        if !isRoot { throw .permissionDenied }
    }

    /// Throws `authNotEnabled`, `authenticationFailed` for an unknown user, `noPasswordUser`.
    package func credentials(of name: [UInt8]) throws(StoreError) -> AuthCredentials {
        let found: (isEnabled: Bool, revision: UInt64, user: AuthUser?) = state.withLock { state in
            (state.isEnabled, state.revision, state.users[name])
        }
        guard found.isEnabled else { throw .authNotEnabled }
        guard let user = found.user else { throw .authenticationFailed }
        if user.hasNoPassword == true { throw .noPasswordUser }
        return AuthCredentials(hash: user.password, revision: found.revision)
    }

    // For applying.

    /// Does one verb of the state and publishes what came of it.
    func change(
        _ body: (inout AuthState) throws(StoreError) -> [BucketChange]
    ) throws(StoreError) -> [BucketChange] {
        try state.withLock { (state) throws(StoreError) in
            let changes = try body(&state)
            isOn.store(state.isEnabled, ordering: .relaxed)
            return changes
        }
    }

    func read<Result: Sendable>(_ body: (AuthState) -> Result) -> Result { state.withLock { body($0) } }

    /// Replaces everything by what the database holds. Tokens may be of users that are gone: all are
    /// forgotten.
    func restore(_ stored: StoredAuth) {
        state.withLock { state in
            state = AuthState(stored)
            isOn.store(state.isEnabled, ordering: .relaxed)
        }
        tokens?.removeAll()
    }
}
