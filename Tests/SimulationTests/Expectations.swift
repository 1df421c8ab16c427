import Testing

@testable import Simulation

// Verdicts come from mutating calls, which cannot stand inside `#expect`.

/// Nothing is wrong.
func fits(_ verdict: String?, at location: SourceLocation = #_sourceLocation) {
    #expect(verdict == nil, sourceLocation: location)
}

/// Something is wrong, and the verdict says this about it.
func objects(_ verdict: String?, _ text: String = "", at location: SourceLocation = #_sourceLocation) {
    #expect(verdict?.contains(text) ?? false || (verdict != nil && text.isEmpty), sourceLocation: location)
}

func same(_ answer: Answer, _ expected: Answer, at location: SourceLocation = #_sourceLocation) {
    #expect(answer == expected, sourceLocation: location)
}
