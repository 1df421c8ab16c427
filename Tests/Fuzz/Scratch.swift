import Glibc

/// Files in memory that hold the input of one run. `tools/fuzz` makes the directory and removes it.
enum Scratch {
    static let directory: String = {
        guard let path = unsafe getenv("FUZZ_SCRATCH") else { fatalError("run by tools/fuzz") }
        return unsafe String(cString: path)
    }()

    /// Makes `bytes` the content of the file of that name; answers its path.
    static func file(_ name: String, _ bytes: UnsafeRawBufferPointer) -> String {
        let path = directory + "/" + name
        unsafe write(bytes, to: path)
        return path
    }

    static func file(_ name: String, _ bytes: [UInt8]) -> String {
        unsafe bytes.withUnsafeBytes { unsafe file(name, $0) }
    }

    /// Adds an input that the mutations start from; done before the first run.
    static func seed(_ name: String, _ bytes: [UInt8]) {
        guard let corpus = unsafe getenv("FUZZ_CORPUS") else { return }
        unsafe bytes.withUnsafeBytes { unsafe write($0, to: String(cString: corpus) + "/" + name) }
    }

    static func content(of path: String) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY)
        precondition(descriptor >= 0)
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        precondition(count >= 0 && count < bytes.count)
        return Array(bytes[..<count])
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to path: String) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
        precondition(descriptor >= 0)
        let written = unsafe bytes.count == 0 ? 0 : Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        precondition(unsafe written == bytes.count)
        close(descriptor)
    }
}
