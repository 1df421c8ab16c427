import Glibc
import Journal
import Raft

/// A directory that goes away with the value.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/journal-tests-XXXXXX".utf8CString)
        // mkdtemp writes into the zero-terminated array and returns it.
        path = unsafe template.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, let made = unsafe mkdtemp(base) else {
                fatalError("mkdtemp failed: \(errno)")
            }
            return unsafe String(cString: made)
        }
    }

    deinit { Self.removeTree(path) }

    private static func removeTree(_ path: String) {
        let disk = SystemDisk()
        for name in (try? disk.list(path) ?? []) ?? [] {
            let inner = path + "/" + name
            if (try? disk.list(inner)) == nil { try? disk.remove(inner) } else { removeTree(inner) }
        }
        try? disk.removeDirectory(path)
    }
}

let someone = LogMetadata(memberID: MemberID(0x2ca4_69ed_f1cf_c7a5), clusterID: 0x3ef9_ef4a_da62_bbf4)

func entry(_ index: UInt64, term: UInt64 = 1, _ data: [UInt8] = []) -> Entry {
    Entry(id: EntryID(term: Term(term), index: LogIndex(index)), data: data)
}

func state(term: UInt64, vote: UInt64 = 0, commit: UInt64) -> HardState {
    HardState(term: Term(term), vote: vote == 0 ? nil : MemberID(vote), commit: LogIndex(commit))
}

func id(_ term: UInt64, _ index: UInt64) -> EntryID { EntryID(term: Term(term), index: LogIndex(index)) }

/// The whole content of a file.
func contents(_ path: String, on disk: any Disk = SystemDisk()) throws -> [UInt8] {
    let file = try disk.open(path, .read)
    defer { disk.close(file) }
    var bytes: [UInt8] = []
    try disk.read(file, at: 0, count: Int(disk.size(file)), into: &bytes)
    return bytes
}

/// Makes a file of these bytes.
func write(_ bytes: [UInt8], to path: String, on disk: any Disk = SystemDisk()) throws {
    let file = try disk.open(path, .create(permissions: 0o600))
    defer { disk.close(file) }
    try unsafe disk.write(file, at: 0, bytes.span.bytes)
}

/// Bytes of a hexadecimal text; blanks do not count.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }.map { UInt8($0.hexDigitValue ?? 0) }
    precondition(digits.count % 2 == 0)
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// A generator whose whole run follows from its seed (splitmix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
