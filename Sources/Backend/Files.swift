import Glibc

/// A name beside `path` for a file that is being written; `removeLeftovers` knows its form.
func temporaryPath(for path: String) -> String {
    path + ".tmp." + String(UInt64.random(in: .min ... .max), radix: 16)
}

/// Removes what an interrupted defragmentation or restore left beside `path`.
func removeLeftovers(of path: String) throws(BackendError) {
    let (directory, name) = split(path)
    guard let stream = unsafe opendir(directory) else {
        throw .system(call: "opendir", path: directory, errno: errno)
    }
    var leftovers: [String] = []
    while let entry = unsafe readdir(stream) {
        let found = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
            unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
        }
        if found.hasPrefix(name + ".tmp.") { leftovers.append(directory + "/" + found) }
    }
    unsafe closedir(stream)
    for leftover in leftovers { unsafe unlink(leftover) }
}

func replaceFile(_ source: String, _ target: String) throws(BackendError) {
    guard unsafe rename(source, target) == 0 else {
        throw .system(call: "rename", path: target, errno: errno)
    }
}

/// Makes the names in the directory of `path` durable.
func syncDirectory(of path: String) throws(BackendError) {
    let directory = split(path).directory
    let descriptor = unsafe open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(call: "open", path: directory, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .system(call: "fsync", path: directory, errno: errno) }
}

private func split(_ path: String) -> (directory: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let directory = path[..<slash]
    return (directory.isEmpty ? "/" : String(directory), String(path[path.index(after: slash)...]))
}

/// Bytes of a regular file.
func fileSize(_ path: String) throws(BackendError) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .system(call: "stat", path: path, errno: errno) }
    return status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : 0
}
