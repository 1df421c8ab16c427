import Wire

/// Members of a cluster about to be formed, from `--initial-cluster`, and the checks a new member
/// makes on them. Pure: names are resolved by a function the caller hands in.
///
/// Source: spec/config.md section 4 ("Bootstrap checks"), etcd server/config/config.go.
package struct InitialCluster: Sendable, Equatable {
    package struct Member: Sendable, Equatable {
        package var name: String
        /// Sorted by text, not empty.
        package var peerURLs: [ListenURL]
    }

    /// Sorted by name.
    package var members: [Member]

    /// Why a new cluster cannot be formed from these parameters; `description` is etcd's text.
    package struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
        package var description: String
    }

    /// Reads `name=url,name=url`; a name may come several times, once for each URL.
    package static func parse(_ text: String) throws(Problem) -> InitialCluster {
        var urls: [String: [ListenURL]] = [:]
        for part in text.split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = GoValue.trimmed(String(pair[0]))
            let value = pair.count > 1 ? String(pair[1]) : ""
            if name.isEmpty && pair.count == 1 { continue }
            do throws(ValueError) {
                urls[name, default: []].append(try ListenURL(value))
            } catch {
                throw Problem(description: "error setting up initial cluster: \(error.text)")
            }
        }
        let members = urls.keys.sorted().map { Member(name: $0, peerURLs: urls[$0, default: []].sorted()) }
        return InitialCluster(members: members)
    }

    /// `name=url,…`, as etcd prints it.
    package var text: String {
        members.flatMap { member in member.peerURLs.map { "\(member.name)=\($0)" } }.joined(separator: ",")
    }

    package func member(named name: String) -> Member? { members.first { $0.name == name } }

    /// Whether the configuration can found this cluster: the own name is in it, its URLs are the
    /// advertised ones, no URL comes twice.
    ///
    /// - Parameter resolve: the addresses of a host name; used only where the texts of the URLs differ.
    package func verify(
        _ configuration: ServerConfiguration, resolve: (String) -> [String]
    ) throws(Problem) {
        try verifyOwnName(configuration)
        try verifyAdvertised(configuration, resolve)
        let urls = members.flatMap(\.peerURLs)
        if Set(urls).count != urls.count {
            throw Problem(description: "initial cluster \(text) has duplicate url")
        }
    }

    /// A member that joins a running cluster checks its name and the URLs of all, nothing else.
    package func verifyJoin(_ configuration: ServerConfiguration) throws(Problem) {
        try verifyOwnName(configuration)
        let urls = members.flatMap(\.peerURLs)
        if Set(urls).count != urls.count {
            throw Problem(description: "initial cluster \(text) has duplicate url")
        }
    }

    private func verifyOwnName(_ configuration: ServerConfiguration) throws(Problem) {
        if members.isEmpty {
            throw Problem(description: "initial cluster unset and no discovery URL found")
        }
        let name = configuration.member.name
        if member(named: name) == nil {
            throw Problem(
                description: "couldn't find local name \(goQuoted(name)) in the initial cluster "
                    + "configuration")
        }
    }

    private func verifyAdvertised(
        _ configuration: ServerConfiguration, _ resolve: (String) -> [String]
    ) throws(Problem) {
        let name = configuration.member.name
        let advertised = configuration.cluster.advertisePeerURLs
        let initial = member(named: name)?.peerURLs ?? []
        if Set(advertised) == Set(initial) { return }
        if advertised.count == initial.count
            && Set(advertised.flatMap { InitialCluster.resolved($0, resolve) })
                == Set(initial.flatMap { InitialCluster.resolved($0, resolve) })
        {
            return
        }
        let advertisedText = advertised.map(\.description).joined(separator: ",")
        let missing = initial.filter { !advertised.contains($0) }.map { "\(name)=\($0)" }
        if !missing.isEmpty {
            throw Problem(
                description: "--initial-cluster has \(missing.joined(separator: ",")) but missing from "
                    + "--initial-advertise-peer-urls=\(advertisedText)")
        }
        let extra = advertised.filter { !initial.contains($0) }.map(\.description)
        let own = initial.map { "\(name)=\($0)" }.joined(separator: ",")
        throw Problem(
            description: "--initial-advertise-peer-urls has \(extra.joined(separator: ",")) but missing "
                + "from --initial-cluster=\(own)")
    }

    /// The URL with each address its host stands for; an IP, or a name nobody knows, is left as it is.
    private static func resolved(_ url: ListenURL, _ resolve: (String) -> [String]) -> [String] {
        if url.scheme.isSocketFile || IPAddress.isLiteral(url.host) { return [url.description] }
        let addresses = resolve(url.host)
        if addresses.isEmpty { return [url.description] }
        return addresses.map { ListenURL(scheme: url.scheme, host: $0, port: url.port).description }
    }
}
