import Glibc

/// What the kernel knows about a process, from /proc.
package struct ProcessFigures {
    /// Seconds of processor since it began, by all its threads.
    package var cpu: Double
    package var residentBytes: Int
    package var anonymousBytes: Int

    /// Nil when there is no such process, or no right to see it.
    package init?(pid: Int32) {
        guard let stat = Self.read("/proc/\(pid)/stat"), let status = Self.read("/proc/\(pid)/status"),
            // The name stands in brackets and may hold anything; the numbers follow the last one.
            let bracket = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[stat.index(after: bracket)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            return nil
        }
        cpu = Self.processorTime(pid) ?? (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        residentBytes = Self.kilobytes("VmRSS:", status) * 1024
        anonymousBytes = Self.kilobytes("RssAnon:", status) * 1024
    }

    /// The process's processor clock, which counts nanoseconds where /proc counts ticks of 10 ms; its ended
    /// threads are in it, as they are not in the sum of /proc/PID/task/*/schedstat.
    private static func processorTime(_ pid: Int32) -> Double? {
        var (clock, time) = (clockid_t(), timespec())
        // Both are written here and read after.
        guard unsafe clock_getcpuclockid(pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else {
            return nil
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func kilobytes(_ name: String, _ status: String) -> Int {
        for line in status.split(separator: "\n") where line.hasPrefix(name) {
            return Int(line.dropFirst(name.count).split { $0 == " " || $0 == "\t" }.first ?? "") ?? 0
        }
        return 0
    }

    private static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { return nil }
        defer { close(descriptor) }
        // The kernel writes at most the buffer's size.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 8192) { buffer, count in
            unsafe count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Seconds of processor this process has used.
    package static func ownCPU() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// Nanoseconds between the monotonic clock and the day's.
    package static func unixOffset() -> Int64 {
        var (day, monotonic) = (timespec(), timespec())
        unsafe clock_gettime(CLOCK_REALTIME, &day)
        unsafe clock_gettime(CLOCK_MONOTONIC, &monotonic)
        return Int64(day.tv_sec - monotonic.tv_sec) * 1_000_000_000 + Int64(day.tv_nsec - monotonic.tv_nsec)
    }
}
