import Wire

/// The named switches of etcd 3.6 (`--feature-gates=Name=bool,…`); the experimental booleans of 3.5
/// set the same switches.
///
/// Source: spec/config.md section 9.
package struct FeatureGates: Sendable, Equatable {
    /// How far a feature is: a whole stage can be switched by `AllAlpha` and `AllBeta`.
    package enum Stage: String, Sendable {
        case alpha = "ALPHA"
        case beta = "BETA"
    }

    /// One switch; the raw value is its name on the command line and in the metric.
    package enum Feature: String, Sendable, CaseIterable {
        case stopGRPCServiceOnDefrag = "StopGRPCServiceOnDefrag"
        case txnModeWriteWithSharedBuffer = "TxnModeWriteWithSharedBuffer"
        case initialCorruptCheck = "InitialCorruptCheck"
        case compactHashCheck = "CompactHashCheck"
        case leaseCheckpoint = "LeaseCheckpoint"
        case leaseCheckpointPersist = "LeaseCheckpointPersist"
        case setMemberLocalAddr = "SetMemberLocalAddr"
        case fastLeaseKeepAlive = "FastLeaseKeepAlive"
        case priorityRequest = "PriorityRequest"

        package var stage: Stage {
            switch self {
            case .txnModeWriteWithSharedBuffer, .fastLeaseKeepAlive: .beta
            default: .alpha
            }
        }

        /// Beta features start switched on.
        package var isOnByDefault: Bool { stage == .beta }
    }

    private var explicit: [Feature: Bool] = [:]
    private var stages: [Stage: Bool] = [:]

    package init() {}

    /// The state of a switch: what was said of it, else of its stage, else its default.
    package func isEnabled(_ feature: Feature) -> Bool {
        explicit[feature] ?? stages[feature.stage] ?? feature.isOnByDefault
    }

    package mutating func set(_ feature: Feature, _ isOn: Bool) {
        explicit[feature] = isOn
    }

    /// Whether the switch itself (not its stage) was named.
    package func isExplicit(_ feature: Feature) -> Bool { explicit[feature] != nil }

    /// Adds `Name=bool,…`. The error is the text etcd's parser gives.
    mutating func add(_ text: String) throws(ValueError) {
        for part in text.split(separator: ",", omittingEmptySubsequences: true) {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = GoValue.trimmed(String(pair[0]))
            if name.isEmpty { continue }
            guard pair.count == 2 else {
                throw ValueError("missing bool value for \(name)")
            }
            let value = GoValue.trimmed(String(pair[1]))
            guard let isOn = GoValue.boolean(value) else {
                let reason = "strconv.ParseBool: parsing \(goQuoted(value)): invalid syntax"
                throw ValueError("invalid value of \(name)=\(value), err: \(reason)")
            }
            if let feature = Feature(rawValue: name) {
                explicit[feature] = isOn
            } else if name == "AllAlpha" {
                stages[.alpha] = isOn
            } else if name == "AllBeta" {
                stages[.beta] = isOn
            } else {
                throw ValueError("unrecognized feature gate: \(name)")
            }
        }
    }
}
