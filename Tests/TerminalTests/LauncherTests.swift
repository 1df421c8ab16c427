import ArgumentParser
import Terminal
import Testing

/// A tool that ends in every way there is.
private struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(subcommands: [Work.self])

    struct Work: ParsableCommand {
        @Option var number: Int = 0
        @Argument var ending: String = "well"

        func validate() throws { if number < 0 { throw ValidationError("number is not negative.") } }

        func run() throws {
            switch ending {
            case "failure": throw Failure("the file is damaged")
            case "damage": throw ExitCode(1)
            case "format": throw ExitCode(4)
            default: return
            }
        }
    }
}

@Suite struct LauncherTests {
    /// `launch` reads the arguments of the process and ends it, so what it decides by is tested.
    private func status(_ arguments: [String]) -> (status: Int32, text: String) {
        let ending = outcome(Sample.self, of: goStyle(arguments))
        return (ending.status, ending.message)
    }

    @Test func `0 is fine, 1 failed, 2 usage, and a status of the command's own is kept`() {
        #expect(status(["work"]) == (0, ""))
        #expect(status(["work", "failure"]) == (1, "Error: the file is damaged"))
        #expect(status(["work", "damage"]) == (1, ""))
        #expect(status(["work", "format"]) == (4, ""))
        #expect(status(["work", "-number", "-3"]).status == 2)
        #expect(status(["work", "--nosuch"]).status == 2)
        #expect(status(["nosuch"]).status == 2)
        #expect(!status(["nosuch"]).text.contains("Did you mean"))
        #expect(status(["wrok"]).text.hasSuffix("\nDid you mean 'work'?"))
        let help = status(["work", "-help"])
        #expect(help.status == 0 && help.text.contains("USAGE: "))
    }

    @Test func `Go's flags have one dash or two, and true needs not be said`() {
        #expect(
            goStyle(["-raw", "--raw=true", "-w", "-end-index=5"]) == [
                "--raw", "--raw", "-w", "--end-index=5",
            ])
        #expect(goStyle(["--", "-raw"]) == ["--", "-raw"])
        #expect(goStyle(["-5", "-", "data"]) == ["-5", "-", "data"])
    }

    @Test func `global flags may stand before the command`() {
        let global: Set<String> = ["write-out", "w"]
        #expect(
            commandFirst(["-w", "json", "status", "f"], global: global) == ["status", "f", "-w", "json"])
        #expect(
            commandFirst(["--write-out=json", "status", "--", "f"], global: global)
                == ["status", "--write-out=json", "--", "f"])
        #expect(commandFirst(["--help", "status"], global: global) == ["--help", "status"])
        #expect(commandFirst(["-w"], global: global) == ["-w"])
    }
}
