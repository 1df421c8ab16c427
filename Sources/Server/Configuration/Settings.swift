/// The values of all flags while they are being collected: the configuration itself and those words
/// that only become part of it (or only decide what to do) after `resolved`.
struct Settings: Sendable, Equatable {
    var configuration = ServerConfiguration()
    var configFile = ""
    var printVersion = false
    var autoCompactionMode = "periodic"
    var autoCompactionRetention = "0"
    var tlsMinVersion = "TLS1.2"
    var tlsMaxVersion = ""
    var versionTwo = VersionTwo()
    var retired = Retired()

    /// What is left of the version 2 API and its proxy; this server never had them.
    struct VersionTwo: Sendable, Equatable {
        var enabled = false
        var emulationPrefix = ""
        var deprecation = "write-only"
        var proxy = "off"
        var proxyFailureWait = Duration.milliseconds(5000)
        var proxyRefreshInterval = Duration.milliseconds(30_000)
        var proxyDialTimeout = Duration.milliseconds(1000)
        var proxyWriteTimeout = Duration.milliseconds(5000)
        var proxyReadTimeout = Duration.zero
    }

    /// Flags of etcd 3.1 that later versions dropped; unit files still carry them.
    struct Retired: Sendable, Equatable {
        var debug = false
        var caFile = ""
        var peerCAFile = ""
    }

    /// `new` or `existing`; the flag table allows no other word.
    var initialState: String {
        get { configuration.cluster.initialState.rawValue }
        set { configuration.cluster.initialState = .init(rawValue: newValue) ?? .new }
    }
}
