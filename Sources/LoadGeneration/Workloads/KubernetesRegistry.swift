/// The keys of a cluster: pods first, then the lease objects of its nodes.
package struct KubernetesRegistry {
    /// What all keys begin with; ends with a slash.
    package let prefix: [UInt8]
    let pods: Int
    let nodes: Int

    package init(prefix: String, pods: Int, nodes: Int) {
        precondition(pods > 0 && nodes > 0, "a cluster has pods and nodes")
        self.prefix = Array((prefix.hasSuffix("/") ? prefix : prefix + "/").utf8)
        self.pods = pods
        self.nodes = nodes
    }

    package var count: Int { pods + nodes }

    package var podPrefix: [UInt8] { prefix + Array("pods/".utf8) }

    /// The key of an object below `count`.
    func name(_ object: Int) -> [UInt8] {
        let number = object < pods ? object : object - pods
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits
        let kind = object < pods ? "pods/namespace-\(number % 50)/pod-" : "leases/kube-node-lease/node-"
        return prefix + Array("\(kind)\(padded)".utf8)
    }
}
