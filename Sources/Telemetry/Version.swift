/// The versions this server reports. Clients and peers compare them, so they are etcd's.
package enum Version {
    /// The release whose behaviour and wire this server has.
    package static let etcd = "3.5.33"
    /// The lowest cluster version this server can join.
    package static let minimumCluster = "3.0.0"
    package static let gitSHA = "Not provided (swift-etcd)"
    /// Under etcd's key for scripts that parse the text.
    package static let runtime = "none (Swift 6.3)"

    #if arch(x86_64)
        package static let platform = "linux/amd64"
    #elseif arch(arm64)
        package static let platform = "linux/arm64"
    #else
        package static let platform = "linux/unknown"
    #endif

    /// What `--version` prints: etcd's four lines, each ended by a line feed.
    package static let text = """
        etcd Version: \(etcd)
        Git SHA: \(gitSHA)
        Go Version: \(runtime)
        Go OS/Arch: \(platform)

        """
}
