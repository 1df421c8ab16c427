/// What makes tokens, and knows whose they are: the three values of `--auth-token`.
package enum TokenProvider: Sendable {
    /// Nobody can authenticate.
    case none
    case simple(SimpleTokens)
    case web(WebTokens)
}
