/// A version of etcd as the cluster agrees on it; stored as "major.minor.patch", usually with patch 0.
package struct ClusterVersion: Sendable, Hashable, Comparable {
    package var major: Int
    package var minor: Int
    package var patch: Int

    package init(major: Int, minor: Int, patch: Int = 0) {
        self.major = major
        self.minor = minor
        self.patch = patch
    }

    /// Reads "3.5.0" or "3.5"; a suffix ("3.6.0-rc.1") is dropped. Nil for anything else.
    package init?(_ text: some StringProtocol) {
        let numbers = text.prefix { $0 != "-" && $0 != "+" }.split(
            separator: ".", omittingEmptySubsequences: false)
        let parsed = numbers.compactMap { $0.allSatisfy(\.isNumber) ? Int($0) : nil }
        guard (2...3).contains(numbers.count), parsed.count == numbers.count else { return nil }
        self.init(major: parsed[0], minor: parsed[1], patch: parsed.count == 3 ? parsed[2] : 0)
    }

    package var text: String { "\(major).\(minor).\(patch)" }

    package static func < (a: ClusterVersion, b: ClusterVersion) -> Bool {
        (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch)
    }
}

/// The downgrade under way; bucket `cluster` holds `{"target-version":"3.5.0","enabled":true}`.
package struct DowngradeTarget: Sendable, Equatable {
    package var enabled: Bool
    /// As the log said it; empty when not enabled.
    package var version: String

    package init(enabled: Bool, version: String) {
        self.enabled = enabled
        self.version = version
    }

    package var json: String {
        "{\"target-version\":\(JSONText.string(version)),\"enabled\":\(enabled)}"
    }

    package init?(json bytes: [UInt8]) {
        guard let value = JSONValue(parsing: bytes) else { return nil }
        self.init(enabled: value["enabled"]?.flag ?? false, version: value["target-version"]?.text ?? "")
    }
}
