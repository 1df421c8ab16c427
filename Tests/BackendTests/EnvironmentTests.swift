import Backend
import Testing

@Suite struct EnvironmentTests {}
