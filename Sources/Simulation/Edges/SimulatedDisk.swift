import Glibc
import Journal
import Synchronization

/// A disk in memory that keeps the contract of `Disk` and nothing beyond it.
///
/// Every call that changes something is a step, counted from 0. A plan can make a step fail, or end the
/// world there; `afterCrash` is what a machine finds when it comes up again: unsynced sectors there or not
/// by chance, unsynced names of each directory up to some point.
package final class SimulatedDisk: Disk {
    /// What happens at a step.
    package enum Fault: Equatable, Sendable {
        case none
        /// That step fails with this error, after doing nothing (or a part of a write).
        case error(step: Int, errno: Int32)
        /// That step and all later ones fail; a write may be half done.
        case crash(step: Int)
    }

    /// One change of a directory: names and what they stand for afterwards (nil: nothing).
    private typealias Change = [(name: String, node: Int?)]

    private struct Directory {
        var current: [String: Int] = [:]
        var durable: [String: Int] = [:]
        var pending: [Change] = []
    }

    private struct State {
        var files: [Int: SimulatedFile] = [:]
        var directories: [Int: Directory] = [0: Directory()]
        var nextNode = 1
        var open: [Int32: Int] = [:]
        var nextDescriptor: Int32 = 3
        /// Node to the descriptor that locked it.
        var locks: [Int: Int32] = [:]
        /// Descriptors whose writes go past the page cache.
        var bypassing: Set<Int32> = []
        var steps = 0
        var fault = Fault.none
    }

    private let state: Mutex<State>

    package init(fault: Fault = .none) {
        var state = State()
        state.fault = fault
        self.state = Mutex(state)
    }

    private init(restarted state: consuming State) { self.state = Mutex(state) }

    /// Steps so far.
    package var steps: Int { state.withLock { $0.steps } }

    /// Plans what happens at a step that is still to come.
    package func arm(_ fault: Fault) { state.withLock { $0.fault = fault } }

    /// The same disk after power returned.
    package func afterCrash(seed: UInt64) -> SimulatedDisk {
        var random = Chance(seed: seed)
        return SimulatedDisk(restarted: state.withLock { Self.survivors(of: $0, &random) })
    }

    /// The same disk, for a process that was started again: nothing lost, all files closed.
    package func afterExit() -> SimulatedDisk {
        var next = state.withLock { $0 }
        next.fault = .none
        next.open = [:]
        next.locks = [:]
        next.bypassing = []
        return SimulatedDisk(restarted: next)
    }

    private static func survivors(of old: State, _ random: inout Chance) -> State {
        var new = State()
        new.nextNode = old.nextNode
        for (node, file) in old.files.sorted(by: { $0.key < $1.key }) {
            new.files[node] = file.survivor(&random)
        }
        for (node, directory) in old.directories.sorted(by: { $0.key < $1.key }) {
            var names = directory.durable
            for change in directory.pending.prefix(
                Int.random(in: 0...directory.pending.count, using: &random))
            {
                apply(change, to: &names)
            }
            new.directories[node] = Directory(current: names, durable: names)
        }
        return new
    }

    private static func apply(_ change: Change, to names: inout [String: Int]) {
        for (name, node) in change { names[name] = node }
    }

    // Disk

    package func open(_ path: String, _ access: FileAccess) throws(DiskError) -> OpenFile {
        if case .create = access { try step(.open, path) }
        return try with(path, .open) { state, directory, name throws(DiskError) in
            var node = state.directories[directory]?.current[name]
            if case .create = access {
                if let node {
                    state.files[node]?.truncate(to: 0)
                } else {
                    state.files[state.nextNode] = SimulatedFile()
                    Self.change([(name, state.nextNode)], in: directory, &state)
                    node = state.nextNode
                    state.nextNode += 1
                }
            }
            guard let node, state.files[node] != nil else {
                throw DiskError(.open, path: path, errno: ENOENT)
            }
            let descriptor = state.nextDescriptor
            state.nextDescriptor += 1
            state.open[descriptor] = node
            return OpenFile(descriptor: descriptor, path: path)
        }
    }

    package func close(_ file: OpenFile) {
        state.withLock { state in
            guard let node = state.open.removeValue(forKey: file.descriptor) else {
                preconditionFailure("\(file.path) is closed twice")
            }
            if state.locks[node] == file.descriptor { state.locks[node] = nil }
            state.bypassing.remove(file.descriptor)
        }
    }

    package func size(_ file: OpenFile) -> UInt64 { with(file) { UInt64($0.bytes.count) } }

    package func read(_ file: OpenFile, at offset: UInt64, count: Int, into buffer: inout [UInt8]) {
        precondition(
            !state.withLock { $0.bypassing.contains(file.descriptor) }, "reads what it writes direct")
        buffer += with(file) { content in
            let start = min(Int(offset), content.bytes.count)
            return content.bytes[start..<min(start + count, content.bytes.count)]
        }
    }

    package func bypassCache(_ file: OpenFile) {
        state.withLock { _ = $0.bypassing.insert(file.descriptor) }
    }

    /// Whether `bypassCache` was called for an open file of this path.
    package func isBypassingCache(_ path: String) -> Bool {
        state.withLock { state in
            guard let node = Self.node(path, state) else { return false }
            return state.open.contains { $0.value == node && state.bypassing.contains($0.key) }
        }
    }

    package func write(_ file: OpenFile, at offset: UInt64, _ bytes: borrowing RawSpan) throws(DiskError) {
        if state.withLock({ $0.bypassing.contains(file.descriptor) }) {
            // The pointer does not leave the closure.
            let address = unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
            precondition(
                address % 4096 == 0 && offset % 4096 == 0 && bytes.byteCount % 4096 == 0,
                "not of whole blocks")
        }
        let failure = stepFailure(.write, file.path)
        var count = bytes.byteCount
        if failure != nil {
            // The first half, in whole sectors: a page is written under its lock, so no sector is half new.
            let size = SimulatedFile.sectorSize
            count = max((Int(offset) + count / 2) / size * size - Int(offset), 0)
        }
        state.withLock { state in
            let node = Self.node(of: file, state)
            state.files[node]?.write(bytes.extracting(first: count), at: Int(offset))
        }
        if let failure { throw failure }
    }

    package func allocate(_ file: OpenFile, size: UInt64) throws(DiskError) {
        try step(.allocate, file.path)
        with(file) { $0.extend(to: Int(size)) }
    }

    package func truncate(_ file: OpenFile, size: UInt64) throws(DiskError) {
        try step(.truncate, file.path)
        with(file) { $0.truncate(to: Int(size)) }
    }

    package func sync(_ file: OpenFile) throws(DiskError) {
        try step(.sync, file.path)
        with(file) { $0.sync() }
    }

    package func startWriteback(_ file: OpenFile, offset: UInt64, size: UInt64) {}

    package func lock(_ file: OpenFile) -> Bool {
        state.withLock { state in
            guard let node = state.open[file.descriptor] else { preconditionFailure("not open") }
            guard state.locks[node] ?? file.descriptor == file.descriptor else { return false }
            state.locks[node] = file.descriptor
            return true
        }
    }

    package func list(_ directory: String) -> [String]? {
        state.withLock { state in
            Self.node(directory, state).flatMap { state.directories[$0] }.map { $0.current.keys.sorted() }
        }
    }

    package func createDirectory(_ path: String) throws(DiskError) {
        try step(.createDirectory, path)
        try with(path, .createDirectory) { state, directory, name throws(DiskError) in
            guard state.directories[directory]?.current[name] == nil else {
                throw DiskError(.createDirectory, path: path, errno: EEXIST)
            }
            state.directories[state.nextNode] = Directory()
            Self.change([(name, state.nextNode)], in: directory, &state)
            state.nextNode += 1
        }
    }

    package func rename(_ from: String, to: String) throws(DiskError) {
        try step(.rename, from)
        let target = Self.split(to)
        try with(from, .rename) { state, directory, name throws(DiskError) in
            guard Self.node(target.directory, state) == directory,
                let node = state.directories[directory]?.current[name]
            else { throw DiskError(.rename, path: from, errno: EXDEV) }
            if let old = state.directories[directory]?.current[target.name],
                state.directories[old]?.current.isEmpty == false
            {
                throw DiskError(.rename, path: from, errno: ENOTEMPTY)
            }
            Self.change([(name, nil), (target.name, node)], in: directory, &state)
        }
    }

    package func remove(_ path: String) throws(DiskError) { try unlink(path, .remove) }

    package func removeDirectory(_ path: String) throws(DiskError) { try unlink(path, .removeDirectory) }

    package func syncDirectory(_ path: String) throws(DiskError) {
        try step(.syncDirectory, path)
        state.withLock { state in
            guard let node = Self.node(path, state), var directory = state.directories[node] else {
                preconditionFailure("no directory \(path)")
            }
            directory.durable = directory.current
            directory.pending = []
            state.directories[node] = directory
        }
    }

    // Parts

    private func unlink(_ path: String, _ operation: DiskError.Operation) throws(DiskError) {
        try step(operation, path)
        try with(path, operation) { state, directory, name throws(DiskError) in
            guard state.directories[directory]?.current[name] != nil else {
                throw DiskError(operation, path: path, errno: ENOENT)
            }
            Self.change([(name, nil)], in: directory, &state)
        }
    }

    private func step(_ operation: DiskError.Operation, _ path: String) throws(DiskError) {
        if let failure = stepFailure(operation, path) { throw failure }
    }

    private func stepFailure(_ operation: DiskError.Operation, _ path: String) -> DiskError? {
        let (step, fault) = state.withLock { state in
            state.steps += 1
            return (state.steps - 1, state.fault)
        }
        switch fault {
        case .error(step, let errno): return DiskError(operation, path: path, errno: errno)
        case .crash(let last) where step >= last: return DiskError(operation, path: path, errno: ESHUTDOWN)
        default: return nil
        }
    }

    private static func node(of file: OpenFile, _ state: borrowing State) -> Int {
        guard let node = state.open[file.descriptor] else { preconditionFailure("\(file.path) is not open") }
        return node
    }

    private func with<R>(_ file: OpenFile, _ body: (inout SimulatedFile) -> R) -> R {
        state.withLock { state in
            let node = Self.node(of: file, state)
            guard var content = state.files[node] else { preconditionFailure("no file \(file.path)") }
            state.files[node] = SimulatedFile()  // one owner, so that no copy is made
            defer { state.files[node] = content }
            return body(&content)
        }
    }

    private func with<R>(
        _ path: String, _ operation: DiskError.Operation,
        _ body: (inout State, _ directory: Int, _ name: String) throws(DiskError) -> R
    ) throws(DiskError) -> R {
        let (parent, name) = Self.split(path)
        return try state.withLock { state throws(DiskError) in
            guard let directory = Self.node(parent, state) else {
                throw DiskError(operation, path: path, errno: ENOENT)
            }
            return try body(&state, directory, name)
        }
    }

    private static func change(_ change: Change, in directory: Int, _ state: inout State) {
        guard var entries = state.directories[directory] else { preconditionFailure("no directory") }
        apply(change, to: &entries.current)
        entries.pending.append(change)
        state.directories[directory] = entries
    }

    private static func split(_ path: String) -> (directory: String, name: String) {
        let parts = path.split(separator: "/")
        return (parts.dropLast().joined(separator: "/"), parts.last.map(String.init) ?? "")
    }

    private static func node(_ path: String, _ state: borrowing State) -> Int? {
        var node = 0
        for part in path.split(separator: "/") {
            guard let next = state.directories[node]?.current[String(part)] else { return nil }
            node = next
        }
        return node
    }
}
