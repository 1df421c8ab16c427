/// What the processes of one server, or of a cluster, use from now on.
package struct ServerMeter {
    private let pids: [Int32]
    private let before: [ProcessFigures]

    /// Nil where no process is named, or one of them cannot be seen.
    package init?(_ pids: [Int32]) {
        let before = pids.compactMap { ProcessFigures(pid: $0) }
        if before.isEmpty || before.count < pids.count { return nil }
        self.pids = pids
        self.before = before
    }

    /// What they used since; nil when one of them is gone.
    package func use() -> ServerUse? {
        let after = pids.compactMap { ProcessFigures(pid: $0) }
        if after.count < pids.count { return nil }
        var use = ServerUse(cpu: 0, residentBytes: 0, anonymousBytes: 0)
        for (before, after) in zip(before, after) {
            use.cpu += after.cpu - before.cpu
            use.residentBytes += after.residentBytes
            use.anonymousBytes += after.anonymousBytes
        }
        return use
    }
}
