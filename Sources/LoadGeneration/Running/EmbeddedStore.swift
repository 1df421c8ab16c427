import Backend
import Glibc
import MVCC
import Net

/// `mvcc put`: the store by itself, in this process and on a database of its own that is removed afterwards.
package struct EmbeddedStore {
    package var total = 100
    package var keySize = 64
    package var valueSize = 64
    /// Puts per write; several make one revision with as many changes.
    package var operations = 1
    /// What is written reaches the database after so long, or so many writes.
    package var batchInterval: Duration = .milliseconds(100)
    package var batchLimit = 10_000
    package var seed: UInt64 = 1

    package init() {}

    /// Runs in `directory`, which exists and holds nothing; how long each write took, flushes included.
    /// `progress` is told ten times a second how many are done.
    package func run(
        in directory: String, progress: (_ done: Int) -> Void = { _ in }
    ) throws(MVCCError) -> LoadResult {
        let keyspace = try Keyspace(environment: try Self.environment(directory))
        var flusher = Flusher(keyspace)
        var keys = KeySpace(seed: seed)
        keys.size = UInt64(total) * UInt64(operations)
        keys.isSequential = true
        keys.keySize = .fixed(keySize)
        var values = Values(size: .fixed(valueSize), seed: seed)
        var result = LoadResult(
            kinds: [LoadResult.Kind(name: "put")],
            timeline: Timeline(unixOffset: ProcessFigures.unixOffset()))
        let began = MonotonicTime.now().nanoseconds
        let cpu = ProcessFigures.ownCPU()
        var (unflushed, flushed, told) = (0, began, began)
        for place in 0..<total {
            if Interruption.hasCome {
                result.isInterrupted = true
                break
            }
            let start = MonotonicTime.now().nanoseconds
            var write = keyspace.beginWrite()
            for _ in 0..<operations {
                var key: [UInt8] = []
                keys.append(to: &key)
                write.put(key: key, value: Array(values.draw()), lease: 0)
            }
            write.commit()
            unflushed += 1
            let sinceFlush = Duration.nanoseconds(start - flushed)
            if unflushed >= batchLimit || sinceFlush >= batchInterval || place == total - 1 {
                keyspace.handOver([], position: UInt64(place) + 1)
                _ = try flusher.flush()
                (unflushed, flushed) = (0, start)
            }
            let end = MonotonicTime.now().nanoseconds
            result.kinds[0].latencies.record(end - start)
            result.timeline.record(end - start, at: end)
            if end - told >= 100_000_000 {
                progress(place + 1)
                told = end
            }
        }
        result.elapsed = Double(MonotonicTime.now().nanoseconds - began) / 1e9
        result.ownCPU = ProcessFigures.ownCPU() - cpu
        result.timeline.close()
        return result
    }

    private static func environment(_ directory: String) throws(MVCCError) -> Environment {
        do throws(BackendError) {
            return try Environment(path: directory + "/db", options: Environment.Options())
        } catch {
            throw .backend(error)
        }
    }
}
