import Glibc
import Terminal

/// Texts from and to files; `-` is standard output.
enum Files {
    static func write(_ text: String, to path: String) throws {
        if path == "-" {
            let output = Output.standard()
            output.write(text)
            output.flush()
            return
        }
        let file = try TextFile(path)
        file.add(text)
        try file.finish()
    }

    /// Throws where no file of that name could be written; what is in it stays.
    static func check(_ path: String) throws {
        if path == "-" { return }
        var status = stat()
        // A pipe's reader would take this for the end of it.
        if unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFIFO { return }
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        close(descriptor)
    }

    static func read(_ path: String) throws -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            // The kernel writes at most the buffer's size.
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
                unsafe count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
            }
            if chunk.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk
        }
    }

    /// A new directory under TMPDIR or /tmp.
    static func temporaryDirectory() throws -> String {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array((parent + "/benchmark-XXXXXX").utf8CString)
        // The template ends with a zero byte and is changed in place.
        guard unsafe mkdtemp(&template) != nil else { throw failure(parent) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes a directory and the plain files in it.
    static func remove(directory: String) {
        // readdir's entry lives until the next call.
        if let stream = unsafe opendir(directory) {
            while let entry = unsafe readdir(stream) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                    unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
                }
                if name != ".", name != ".." { unsafe unlink(directory + "/" + name) }
            }
            unsafe closedir(stream)
        }
        unsafe rmdir(directory)
    }

    static func failure(_ path: String) -> Failure {
        // strerror's buffer is copied at once.
        unsafe Failure("\(path): \(String(cString: strerror(errno)))")
    }
}

/// A file that is written piece by piece.
final class TextFile {
    private let path: String
    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var problem: Failure?

    init(_ path: String) throws {
        self.path = path
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Files.failure(path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func add(_ text: String) {
        pending.append(contentsOf: text.utf8)
        if pending.count >= 1 << 18 { flush() }
    }

    /// Writes what is left; throws what went wrong since the beginning.
    func finish() throws {
        flush()
        if let problem { throw problem }
    }

    private func flush() {
        var done = 0
        while done < pending.count, problem == nil {
            // done never passes the count of the bytes.
            let count = unsafe pending.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            }
            if count < 0 { problem = Files.failure(path) } else { done += count }
        }
        pending.removeAll(keepingCapacity: true)
    }
}
