import Testing

@testable import Server

@Suite struct YAMLComposerTests {
    @Test func `maps and lists nest and keep their order and lines`() throws {
        let text = """
            b: 1
            a:
              deep: {x: [1, two], y: }
            list:
              - one
              - k: v
            """
        let root = try YAMLComposer.compose(text)
        guard case .mapping(let entries, line: 1) = root else {
            Issue.record("not a map: \(String(describing: root))")
            return
        }
        #expect(entries.map(\.key) == ["b", "a", "list"])
        let deep = YAMLNode.Entry(
            key: "deep",
            value: .mapping(
                [
                    .init(key: "x", value: .sequence([plain("1", 3), plain("two", 3)], line: 3)),
                    .init(key: "y", value: plain("", 3)),
                ], line: 3))
        #expect(entries[1].value == .mapping([deep], line: 3))
        let list = [plain("one", 5), .mapping([.init(key: "k", value: plain("v", 6))], line: 6)]
        #expect(entries[2].value == .sequence(list, line: 5))
    }

    @Test(arguments: [
        ("k: plain words # a comment", "plain words"),
        ("# a comment\n\nk: 'it''s # here'", "it's # here"),
        (#"k: "tab\tnew\nline\u00e9""#, "tab\tnew\nline\u{e9}"),
        ("k: |\n  one\n  two\n", "one\ntwo\n"),
        ("k: >-\n  one\n  two\n", "one two"),
        ("k: one\n  two\n", "one two"),
        ("\u{feff}k: v", "v"),
        ("---\nk: v\n...\n", "v"),
        ("k: a=http://1:2,b=http://3:4", "a=http://1:2,b=http://3:4"),
        (#"{"k":"j\/s\u006fn"}"#, "j/son"),
    ])
    func `texts are taken in every form`(text: String, value: String) throws {
        guard case .mapping(let entries, _) = try YAMLComposer.compose(text) else {
            Issue.record("not a map")
            return
        }
        #expect(entries.map(\.key) == ["k"])
        #expect(entries.first?.value.text == value)
    }

    @Test(arguments: [
        ("true", "bool"), ("Off", "bool"), ("y", "string"), ("'true'", "string"), ("~", "null"),
        ("null", "null"), ("''", "string"), ("0", "number"), ("-12_000", "number"), ("0x1F", "number"),
        ("0xg", "string"), ("0b102", "string"), ("0o17", "number"), ("1.5e-3", "number"), (".5", "number"),
        ("1.", "number"), (".", "string"), ("-x", "string"), ("1e", "string"), ("-.inf", "number"),
        ("1s", "string"), ("1:30", "string"), ("10.0.0.1", "string"), ("!!str 5", "string"),
        ("!!int 5", "number"), ("\"5\"", "string"), ("[]", "array"), ("{}", "object"), ("\u{665}", "string"),
    ])
    func `kinds follow the words of YAML`(text: String, kind: String) throws {
        #expect(try YAMLComposer.compose(text)?.kind == kind)
    }

    @Test func `a text without a document is none`() throws {
        for text in ["", "\n", "# only a comment\n"] {
            #expect(try YAMLComposer.compose(text) == nil)
        }
    }

    @Test(arguments: [
        ("a: 1\nb:\n\t- x\n", "line 3: found character that cannot start any token"),
        ("a: 1\nb: *none\n", "line 2: unknown anchor 'none' referenced"),
        ("a: &a [*a]\n", "line 1: unknown anchor 'a' referenced"),
        ("a: 1\nb: 2\na: 3\n", "line 3: key \"a\" already set in map"),
        ("a: 1\n---\nb: 2\n", "line 2: a second document begins"),
        ("[a]: 1\n", "line 1: a key of a map is no scalar"),
        ("a: 'open\n", "line 2: found unexpected end of stream"),
        ("a: 1\n b: 2\n", "line 2: mapping values are not allowed in this context"),
        ("a: \u{1}\n", "control characters are not allowed"),
    ])
    func `a malformed text is refused with line and reason`(text: String, message: String) {
        #expect(failure(text) == message)
    }

    @Test func `an alias stands for its anchor, the latest of that name`() throws {
        let root = try YAMLComposer.compose("a: &x 1\nb: *x\nc: &x 2\nd: *x\n")
        guard case .mapping(let entries, _) = root else {
            Issue.record("not a map")
            return
        }
        #expect(entries.map(\.value.text) == ["1", "1", "2", "2"])
    }

    @Test func `depth is bounded`() throws {
        let most = YAMLComposer.depthMax
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try YAMLComposer.compose(nested(most)) != nil)
        #expect(failure(nested(most + 2)) == "line 1: nested deeper than \(most)")
        #expect(failure(String(repeating: "[", count: 1_000_000)) == "line 1: nested deeper than \(most)")
        #expect(failure(String(repeating: "- ", count: 5000)) == "line 1: nested deeper than \(most)")
    }

    @Test func `aliases of aliases do not multiply without bound`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...20 {
            let nine = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(nine)]\n"
        }
        #expect(failure(text)?.hasSuffix("more than \(YAMLComposer.nodesMax) values") == true)
    }

    private func plain(_ text: String, _ line: Int) -> YAMLNode {
        .scalar(.init(text: text, isPlain: true, tag: nil, line: line))
    }

    private func failure(_ text: String) -> String? {
        do throws(YAMLFailure) {
            _ = try YAMLComposer.compose(text)
            return nil
        } catch {
            return error.text
        }
    }
}
