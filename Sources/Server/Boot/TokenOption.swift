import Glibc
import Store
import Telemetry
import Wire

/// `--auth-token`, taken apart: `simple`, nothing, or
/// `jwt,pub-key=FILE,priv-key=FILE,sign-method=NAME,ttl=DURATION` (spec/config.md 3.4).
struct TokenOption {
    private var options: [String: String] = [:]
    private let provider: String
    private let given: String

    init(_ text: String) throws(BootError) {
        given = text
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        provider = parts.first ?? ""
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2, options.updateValue(pair[1], forKey: pair[0]) == nil else { throw refusal }
        }
    }

    /// `simpleTTL`: how long a token of provider `simple` lives.
    func makeProvider(simpleTTL: Duration) throws(BootError) -> TokenProvider {
        switch provider {
        case "" where options.isEmpty: return .none
        case "simple" where options.isEmpty: return .simple(SimpleTokens(timeToLive: simpleTTL))
        case "jwt": return .web(try makeWebTokens())
        default: throw refusal
        }
    }

    private func makeWebTokens() throws(BootError) -> WebTokens {
        guard Set(options.keys).isSubset(of: ["pub-key", "priv-key", "sign-method", "ttl"]) else {
            throw refusal
        }
        guard let method = options["sign-method"].flatMap(SigningMethod.init(rawValue:)) else {
            throw BootError("--auth-token: sign-method is missing or unknown")
        }
        var timeToLive = Duration.seconds(300)
        if let text = options["ttl"] {
            do { timeToLive = try GoDuration.parse(text) } catch {
                throw BootError("--auth-token: ttl=\(text) is no duration")
            }
            guard timeToLive > .zero else { throw BootError("--auth-token: ttl must be positive") }
        }
        let keys = (try key("pub-key"), try key("priv-key"))
        do throws(WebTokens.SetUpError) {
            return try WebTokens(
                method: method, publicKey: keys.0, privateKey: keys.1, timeToLive: timeToLive,
                clock: { Int64(time(nil)) })
        } catch .noKey {
            throw BootError("--auth-token: no key is given for sign-method \(method.rawValue)")
        } catch .badPrivateKey {
            throw BootError("--auth-token: priv-key holds no key for sign-method \(method.rawValue)")
        } catch {
            throw BootError("--auth-token: pub-key holds no key for sign-method \(method.rawValue)")
        }
    }

    private func key(_ option: String) throws(BootError) -> [UInt8]? {
        guard let path = options[option] else { return nil }
        do { return try StartInputs.systemBytes(path) } catch {
            throw BootError("--auth-token: cannot read \(path): \(text(of: error.number))")
        }
    }

    private var refusal: BootError {
        BootError("--auth-token: invalid auth options \(goQuoted(given))")
    }
}
