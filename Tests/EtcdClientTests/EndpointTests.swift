import Testing

@testable import EtcdClient

@Suite struct `Endpoints` {
    @Test func `an address is read with and without its scheme`() throws {
        for text in ["10.0.0.1:2379", "http://10.0.0.1:2379", "http://10.0.0.1:2379/"] {
            let endpoint = try Endpoint(text)
            #expect(endpoint.host == "10.0.0.1")
            #expect(endpoint.port == 2379)
            #expect(endpoint.authority == "10.0.0.1:2379")
        }
    }

    @Test func `an IPv6 address stands in brackets`() throws {
        let endpoint = try Endpoint("http://[::1]:2379")
        #expect(endpoint.host == "::1")
        #expect(endpoint.authority == "[::1]:2379")
        #expect(throws: Endpoint.Problem.self) { try Endpoint("::1:2379") }
    }

    @Test func `the scheme says whether TLS is spoken`() throws {
        #expect(try Endpoint("a:1").security == .asGiven)
        #expect(try Endpoint("http://a:1").security == .plain)
        #expect(try Endpoint("https://a:1").security == .secure)
    }

    @Test(arguments: ["localhost", "a:b", "a:70000", "ftp://a:1", ""])
    func `what is no endpoint is refused`(_ text: String) {
        #expect(throws: Endpoint.Problem.self) { try Endpoint(text) }
    }

    @Test func `a list keeps its order and is not empty`() throws {
        #expect(try Endpoint.list("a:1,b:2").map(\.host) == ["a", "b"])
        #expect(throws: Endpoint.Problem.self) { try Endpoint.list("") }
    }

    @Test func `every method has a path of its own`() {
        #expect(Set(Method.allCases.map(\.path)).count == Method.allCases.count)
        #expect(Method.allCases.enumerated().allSatisfy { $0.offset == $0.element.rawValue })
    }
}
