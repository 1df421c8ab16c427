import Backend
import MVCC
import Raft
import Store

/// The database, open, and everything boot reads from it.
struct OpenDatabase {
    let environment: Environment
    let keyspace: Keyspace
    let state: StoredState
}

/// Opens the database file of a member, and tells damage, which the log can repair, from other failures.
struct DatabaseOpener {
    /// Why the database cannot be used.
    enum Failure: Error {
        /// The file is at fault; with the reason, for the log.
        case damaged(String)
        /// The system or the configuration is.
        case other(String)

        var bootError: BootError {
            switch self {
            case .damaged(let reason), .other(let reason): BootError(reason)
            }
        }
    }

    private let options: Environment.Options
    private let path: String
    private let lock: ProcessLock

    /// `lock`: the claim on the data directory, held while the database is open.
    init(configuration: ServerConfiguration, directory: DataDirectory, lock: ProcessLock) {
        var options = Environment.Options()
        options.isSynced = !configuration.storage.unsafeNoFsync
        self.options = options
        path = directory.database
        self.lock = lock
    }

    /// Reads all that can show damage before anything relies on it.
    func open() throws(Failure) -> OpenDatabase {
        let environment: Environment
        do throws(BackendError) {
            environment = try Environment(path: path, options: options, lock: lock)
        } catch {
            throw failure(error)
        }
        let keyspace: Keyspace
        do throws(MVCCError) {
            keyspace = try Keyspace(environment: environment)
        } catch .backend(let error) {
            throw failure(error)
        } catch {
            throw .damaged("database \(path): \(describe(error))")
        }
        let state: StoredState
        do throws(StoredState.LoadError) {
            state = try StoredState.load(from: environment)
        } catch .backend(let error) {
            throw failure(error)
        } catch {
            throw .damaged("database \(path): \(describe(error))")
        }
        let opened = OpenDatabase(environment: environment, keyspace: keyspace, state: state)
        if let fault = contradiction(in: opened) { throw .damaged("database \(path) \(fault)") }
        return opened
    }

    /// The same, where there is nothing to repair a damaged file from.
    func openAsIs() throws(BootError) -> OpenDatabase {
        do throws(Failure) { return try open() } catch { throw error.bootError }
    }

    /// The first entry of every log is a configuration change, which leaves a configuration, a term and a
    /// member in the transaction that brings its index; keys come later.
    private func contradiction(in database: OpenDatabase) -> String? {
        let state = database.state
        if state.consistentIndex == LogIndex(0) {
            return database.keyspace.currentRevision > 1 ? "has keys but no consistent index" : nil
        }
        if state.configuration?.voters.isEmpty ?? true { return "has a consistent index but no voters" }
        if state.consistentTerm == Term(0) { return "has a consistent index but no term" }
        if state.members.isEmpty { return "has a consistent index but no members" }
        return nil
    }

    private func failure(_ error: BackendError) -> Failure {
        error.isDamage ? .damaged(describe(error)) : .other(describe(error))
    }
}
