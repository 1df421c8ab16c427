import Glibc

/// What `StartCommand.parse` may look at: the process's own words, or a test's.
package struct StartInputs: Sendable {
    /// With the program's name in front.
    package var arguments: [String]
    package var environment: [String: String]
    /// As Go calls it: `amd64`, `arm64`.
    package var architecture = StartInputs.nativeArchitecture
    /// The text of a file, or the reason why it cannot be read.
    package var readFile: @Sendable (String) throws(FileError) -> String
    /// The address of the interface with the default route; nil if there is none.
    package var defaultHost: @Sendable () -> String?

    /// An errno of opening or reading.
    package struct FileError: Error, Equatable {
        package var number: Int32
        package init(number: Int32) { self.number = number }
    }

    package init(
        arguments: [String], environment: [String: String] = [:],
        readFile: @escaping @Sendable (String) throws(FileError) -> String = StartInputs.systemFile,
        defaultHost: @escaping @Sendable () -> String? = { nil }
    ) {
        self.arguments = arguments
        self.environment = environment
        self.readFile = readFile
        self.defaultHost = defaultHost
    }

    /// Those of this process.
    package static func process() -> StartInputs {
        StartInputs(
            arguments: CommandLine.arguments, environment: processEnvironment(),
            defaultHost: systemDefaultHost)
    }

    #if arch(x86_64)
        private static let nativeArchitecture = "amd64"
    #elseif arch(arm64)
        private static let nativeArchitecture = "arm64"
    #else
        private static let nativeArchitecture = "unknown"
    #endif

    /// What the process was started with: `NAME=value`, each ended by a zero byte.
    private static func processEnvironment() -> [String: String] {
        guard let bytes = try? systemBytes("/proc/self/environ") else { return [:] }
        var table: [String: String] = [:]
        for entry in bytes.split(separator: 0) {
            let text = String(decoding: entry, as: UTF8.self)
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { continue }
            let name = String(text[..<equals])
            if table[name] == nil { table[name] = String(text[text.index(after: equals)...]) }
        }
        return table
    }

    package static let systemFile: @Sendable (String) throws(FileError) -> String = {
        path throws(FileError) in
        String(decoding: try systemBytes(path), as: UTF8.self)
    }

    /// All bytes of a file; those above 16 MiB are refused with EFBIG.
    static func systemBytes(_ path: String) throws(FileError) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(number: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(number: errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > 16 << 20 { throw FileError(number: EFBIG) }
        }
    }

    /// Asks the kernel which of our addresses it would use towards the default route: connecting a
    /// datagram socket sends nothing. The address asked for is TEST-NET-1 (RFC 5737).
    private static let systemDefaultHost: @Sendable () -> String? = {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = UInt16(9).bigEndian
        target.sin_addr.s_addr = UInt32(0xC000_0201).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isFound = unsafe withUnsafeMutablePointer(to: &target) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe connect(descriptor, address, length) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard isFound else { return nil }
        let bits = UInt32(bigEndian: target.sin_addr.s_addr)
        return [24, 16, 8, 0].map { String(bits >> $0 & 0xff) }.joined(separator: ".")
    }
}
