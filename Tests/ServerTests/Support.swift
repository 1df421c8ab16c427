import Glibc

/// Removes a member's data directory, two levels of folders and their files.
func removeDataDirectory(_ root: String) {
    for folder in ["/member/wal", "/member/snap", "/member", ""] {
        if let stream = unsafe opendir(root + folder) {
            while let entry = unsafe readdir(stream) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                    unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) {
                        unsafe String(cString: $0)
                    }
                }
                unsafe unlink(root + folder + "/" + name)
            }
            unsafe closedir(stream)
        }
        unsafe rmdir(root + folder)
    }
}
