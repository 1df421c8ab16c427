import Glibc

/// `process_*` and `os_fd_*`, read from `/proc` when somebody looks. Source: proc(5).
package enum ProcessMetrics {
    static func register(in r: MetricsRegistry) {
        r.sampled("process_cpu_seconds_total", "CPU time used, in seconds.", kind: "counter") {
            ProcessStatus.read().map { Double($0.cpuTicks) / ProcessStatus.ticksPerSecond }
        }
        r.sampled("process_resident_memory_bytes", "Memory in use, in bytes.", kind: "gauge") {
            ProcessStatus.read().map { Double($0.residentPages) * Double(getpagesize()) }
        }
        r.sampled("process_virtual_memory_bytes", "Address space in use, in bytes.", kind: "gauge") {
            ProcessStatus.read().map { Double($0.virtualBytes) }
        }
        r.sampled("process_virtual_memory_max_bytes", "Limit of the address space.", kind: "gauge") {
            limit(RLIMIT_AS.rawValue)
        }
        r.sampled("process_start_time_seconds", "When the process began, in Unix time.", kind: "gauge") {
            guard let status = ProcessStatus.read(), let boot = ProcessStatus.bootTime() else { return nil }
            return boot + Double(status.startTicks) / ProcessStatus.ticksPerSecond
        }
        for name in ["process_open_fds", "os_fd_used"] {
            r.sampled(name, "File descriptors in use.", kind: "gauge") {
                openDescriptors().map(Double.init)
            }
        }
        for name in ["process_max_fds", "os_fd_limit"] {
            r.sampled(name, "Limit of file descriptors.", kind: "gauge") { limit(RLIMIT_NOFILE.rawValue) }
        }
    }

    /// The soft limit of open descriptors (`ulimit -n`), for /debug/vars too.
    package static var descriptorLimit: Int {
        Int(min(limit(RLIMIT_NOFILE.rawValue) ?? 0, Double(Int32.max)))
    }

    private static func limit(_ resource: UInt32) -> Double? {
        var value = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(resource), &value) == 0 else { return nil }
        return value.rlim_cur == rlim_t.max ? Double(UInt64.max) : Double(value.rlim_cur)
    }

    /// Entries of `/proc/self/fd` but for the one that lists them.
    private static func openDescriptors() -> Int? {
        guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while let entry = unsafe readdir(directory) {
            if unsafe entry.pointee.d_name.0 != 0x2e { count += 1 }
        }
        return count - 1
    }
}

/// The fields of `/proc/self/stat` that are shown.
struct ProcessStatus: Equatable {
    var cpuTicks: UInt64
    var startTicks: UInt64
    var virtualBytes: UInt64
    var residentPages: UInt64

    static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    static func read() -> ProcessStatus? { text(of: "/proc/self/stat").flatMap(parse) }

    /// Fields are counted behind the last `)`, since the command's name may hold anything.
    static func parse(_ text: String) -> ProcessStatus? {
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split { $0 == " " || $0 == "\n" }
        // The first of them is field 3 of proc(5).
        guard fields.count > 21, let user = UInt64(fields[11]), let system = UInt64(fields[12]),
            let start = UInt64(fields[19]), let bytes = UInt64(fields[20]), let pages = UInt64(fields[21])
        else { return nil }
        return ProcessStatus(
            cpuTicks: user + system, startTicks: start, virtualBytes: bytes, residentPages: pages)
    }

    /// Seconds since 1970 at which the machine began.
    static func bootTime() -> Double? {
        guard let text = text(of: "/proc/stat") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("btime ") {
            return Double(line.dropFirst(6))
        }
        return nil
    }

    private static func text(of path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            if count <= 0 { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
