import Glibc

/// A complete, synced database file under a temporary name, open, that is to take the place of the one an
/// environment has open (`Environment.replace`). Dropped instead, it removes its files.
package struct Successor: ~Copyable {
    let path: String
    let generation: Generation
    private var isPlaced = false

    /// Takes over the file at `path`; it is removed when it cannot be opened.
    init(of environment: Environment, at path: String) throws(BackendError) {
        self.path = path
        do throws(BackendError) {
            generation = try environment.openGeneration(path)
        } catch {
            Successor.removeFiles(of: path)
            throw error
        }
    }

    deinit {
        if !isPlaced { Successor.removeFiles(of: path) }
    }

    static func removeFiles(of path: String) {
        for suffix in ["", "-lock", ".lock"] { unsafe unlink(path + suffix) }
    }

    /// A view of the new file.
    package func read() throws(BackendError) -> ReadTransaction { try ReadTransaction(generation) }

    /// Renames the file over `target`; returns when that is durable.
    mutating func place(over target: String) throws(BackendError) {
        try replaceFile(path, target)
        isPlaced = true
        // The reader table follows its database; LMDB has it open and does not mind.
        try replaceFile(path + "-lock", target + "-lock")
        try syncDirectory(of: target)
    }
}
