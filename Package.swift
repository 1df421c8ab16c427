// swift-tools-version: 6.2
import PackageDescription

/// Settings every Swift target of ours shares: Swift 6 mode, no warnings.
let common: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .treatWarning("DeprecatedDeclaration", as: .warning),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    // Debug builds, which the tests are, check at run time that no two accesses to a variable overlap.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// Modules mark what is unsafe besides. Tests do not: the `#expect` macro expands into code that
/// cannot be marked. Nor does generated code.
let strict: [SwiftSetting] = common + [.strictMemorySafety()]

let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// A module of the house; `dependencies` is its row of the import table in design.md section 2.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources,
        swiftSettings: common)
}

let package = Package(
    name: "swift-etcd",
    products: [
        .executable(name: "etcd", targets: ["etcd"]), .executable(name: "sim", targets: ["sim"]),
        .executable(name: "benchmark", targets: ["benchmark"]),
    ],
    dependencies: [
        // Without its traits it needs FoundationEssentials only. Foundation would bring ICU: 45 MB.
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // The tools' command lines; it needs FoundationEssentials only, and the daemon does not use it.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // The load generator's latencies; it brings swift-numerics, neither needs Foundation.
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        // C libraries, and the few C lines of our own.
        .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CCrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
        .target(name: "CPlatform"),

        // Ground.
        module("Wire", []),
        // Generated code reads its `nonisolated(unsafe)` default instances without the word `unsafe`.
        .target(
            name: "EtcdAPI", dependencies: ["Wire", protobuf], exclude: ["Protos", "README.md"],
            swiftSettings: common),
        module("Backend", ["CLMDB", "CPlatform"]),
        module("Bolt", ["CPlatform"]),
        module("HPACK", []),
        module("Net", ["CPlatform"]),
        module("TLS", ["Net", "COpenSSL", "CPlatform"]),
        module("Terminal", ["CPlatform", arguments]),
        module("Telemetry", [logging]),

        // Floor 1.
        module("Raft", []),
        module("MVCC", ["Backend", "Wire", "CPlatform"]),

        // Floor 2.
        module("Replication", ["Raft"]),
        module("Journal", ["Raft", "Wire", "CZlib", "CPlatform", "COpenSSL"]),
        module(
            "Store", ["MVCC", "Backend", "EtcdAPI", "Wire", "Raft", "COpenSSL", "CCrypt", protobuf]),
        module("HTTP", ["HPACK", "CZlib", "Net", "Wire", "CPlatform"]),

        // Floor 3.
        module(
            "Services",
            [
                "Replication", "Raft", "Store", "MVCC", "Backend", "HTTP", "Net", "EtcdAPI", "Wire",
                "Telemetry", "COpenSSL", protobuf, logging,
            ]),
        module(
            "Peers", ["Net", "HTTP", "Raft", "Journal", "Store", "EtcdAPI", "Wire", "Telemetry", logging]),
        module(
            "Transfer",
            ["Bolt", "Backend", "MVCC", "Journal", "Store", "Raft", "Wire", "COpenSSL", "CPlatform"]),

        // Floor 4 and the roof.
        module(
            "Server",
            [
                "Services", "Peers", "Transfer", "Replication", "Raft", "Journal", "Store", "MVCC", "Backend",
                "HTTP",
                "Net", "EtcdAPI", "Wire", "Telemetry", "CPlatform", "COpenSSL", "CYAML", logging, protobuf,
            ]),
        .executableTarget(name: "etcd", dependencies: ["Server"], swiftSettings: strict),
        module(
            "Simulation",
            ["Replication", "Raft", "Journal", "Store", "MVCC", "Backend", "EtcdAPI", "Wire"]),
        .executableTarget(
            name: "sim", dependencies: ["Simulation", arguments], swiftSettings: strict),

        // The tools.
        .executableTarget(
            name: "etcdutl",
            dependencies: [
                "Transfer", "Server", "Store", "MVCC", "Raft", "Telemetry", "Terminal", arguments,
            ],
            swiftSettings: strict),
        module(
            "Inspection",
            [
                "Transfer", "Backend", "Bolt", "MVCC", "Store", "Journal", "Raft", "Terminal", "Wire",
                "CPlatform",
            ]),
        .executableTarget(
            name: "etcd-dump-db", dependencies: ["Inspection", "Terminal", arguments], swiftSettings: strict),
        .executableTarget(
            name: "etcd-dump-snap", dependencies: ["Inspection", "Terminal", arguments], swiftSettings: strict
        ),
        .executableTarget(
            name: "etcd-dump-logs", dependencies: ["Inspection", "Terminal", arguments], swiftSettings: strict
        ),

        module("EtcdClient", ["Net", "HTTP", "TLS"]),
        module(
            "LoadGeneration",
            [
                "EtcdClient", "Net", "HTTP", "TLS", "EtcdAPI", "Wire", "Raft", "MVCC", "Backend", "Telemetry",
                histogram, protobuf,
            ]),
        .executableTarget(
            name: "benchmark",
            dependencies: [
                "LoadGeneration", "EtcdClient", "EtcdAPI", "HTTP", "TLS", "Net", "MVCC", "Telemetry",
                "Terminal",
                arguments, protobuf,
            ],
            swiftSettings: strict),

        // Micro benchmarks (Benchmarks/README.md).
        .target(
            name: "Workloads",
            dependencies: [
                "Services", "Store", "MVCC", "Backend", "Journal", "HTTP", "Net", "Raft", "EtcdAPI", "Wire",
                "CPlatform", protobuf,
            ],
            path: "Benchmarks/Workloads", swiftSettings: strict),
        .target(name: "CAllocations", path: "Benchmarks/CAllocations"),
        .executableTarget(
            name: "allocations", dependencies: ["Workloads", "CAllocations", arguments],
            path: "Benchmarks/Allocations", swiftSettings: strict),

        // Tests. nghttp2 is their judge of what we write.
        .systemLibrary(name: "CNgHTTP2", providers: [.apt(["libnghttp2-dev"])]),
        tests("WireTests", ["Wire"]),
        tests("EtcdAPITests", ["EtcdAPI", protobuf]),
        tests("BackendTests", ["Backend", "CLMDB"]),
        tests("BoltTests", ["Bolt"], resources: [.copy("Fixtures")]),
        tests("NetTests", ["Net", "CPlatform"]),
        tests("TLSTests", ["TLS", "Net", "COpenSSL", "EtcdClient", "HTTP"]),
        tests("TelemetryTests", ["Telemetry", logging]),
        tests("RaftTests", ["Raft"], resources: [.copy("Scripts")]),
        tests("MVCCTests", ["MVCC", "Backend", "Wire"]),
        tests("ReplicationTests", ["Replication", "Raft"]),
        tests(
            "JournalTests", ["Journal", "Simulation", "Raft", "Wire", "CPlatform"],
            resources: [.copy("Fixtures")]),
        tests("StoreTests", ["Store", "MVCC", "Backend", "EtcdAPI", "Wire", "Raft", "COpenSSL", protobuf]),
        tests("HPACKTests", ["HPACK", "CNgHTTP2"]),
        tests("HTTPTests", ["HTTP", "Net", "CNgHTTP2", "CPlatform"]),
        tests(
            "ServicesTests",
            [
                "Services", "Store", "MVCC", "Backend", "HTTP", "Net", "EtcdAPI", "Wire", "Raft",
                "Replication", "Telemetry", "CNgHTTP2", "CPlatform", protobuf, logging,
            ]),
        tests(
            "PeersTests",
            ["Peers", "HTTP", "Net", "Raft", "Journal", "Store", "Telemetry", "CPlatform", logging]),
        tests(
            "SimulationTests", ["Simulation", "Raft", "Journal", "Store"], exclude: ["Mutations"]),
        tests(
            "ServerTests",
            [
                "Server", "Services", "HTTP", "Telemetry", "Journal", "Raft", "Replication", "Store", "MVCC",
                "Backend", "EtcdAPI", "Net", "Simulation", "etcd", logging,
            ]),
        tests("TransferTests", ["Transfer", "Backend", "Journal", "MVCC", "Raft", "Store"]),
        tests("TerminalTests", ["Terminal", arguments]),
        tests("EtcdClientTests", ["EtcdClient", "HTTP", "Net", "TLS"]),
        tests(
            "LoadGenerationTests",
            ["LoadGeneration", "EtcdClient", "HTTP", "Net", "EtcdAPI", "Raft", "Wire", protobuf]),
        tests("InspectionTests", ["Inspection", "Raft"]),
    ],
    swiftLanguageModes: [.v6]
)

// The timing of the micro benchmarks brings packages that nothing else needs: `tools/benchmark micro` asks
// for it.
if Context.environment["SWIFT_ETCD_MICRO"] != nil {
    // Without its traits: their packages are for other platforms, and count what `allocations` counts.
    package.dependencies.append(
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []))
    package.targets.append(
        .executableTarget(
            name: "micro",
            dependencies: ["Workloads", .product(name: "Benchmark", package: "benchmark")],
            path: "Benchmarks/Micro", swiftSettings: common,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]))
}
