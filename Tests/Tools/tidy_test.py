"""tools/tidy finds what it forbids, and lets what the house allows pass."""

import importlib.machinery
import importlib.util
import pathlib

import pytest

TIDY = pathlib.Path(__file__).resolve().parents[2] / "tools/tidy"
LOADER = importlib.machinery.SourceFileLoader("tidy", str(TIDY))
tidy = importlib.util.module_from_spec(importlib.util.spec_from_loader("tidy", LOADER))
LOADER.exec_module(tidy)


def breaches(path, text):
    return [(line, reason) for line, reason in tidy.check(pathlib.Path(path), text)]


@pytest.mark.parametrize("path, line, reason", [
    ("Sources/Raft/A.swift", "import Synchronization", "Raft may not import Synchronization"),
    ("Sources/Raft/A.swift", "@testable import Journal", "Raft may not import Journal"),
    ("Sources/Net/A.swift", "package import HTTP", "Net may not import HTTP"),
    ("Sources/Store/A.swift", "import struct Foundation.Data", "Store may not import Foundation"),
    ("Sources/New/A.swift", "import Glibc", "module New has no row in the import table of tools/tidy"),
    ("Sources/Net/A.swift", "let a = try! b()", "banned: `try!`: throw, or say why it cannot fail with a precondition"),
    ("Sources/Net/A.swift", "fatalError()", "banned: fatalError() without a message"),
    ("Sources/Net/A.swift", "nonisolated(unsafe) var a = 1", "banned: nonisolated(unsafe)"),
    ("Tests/NetTests/A.swift", "usleep(100)", "banned: sleeping"),
    ("Sources/Net/A.swift", "final class A: @unchecked Sendable {}",
     "@unchecked Sendable without its proof in a comment beside it"),
    ("Sources/Net/A.swift", "// " + "TO" + "DO: later", "unfinished: " + "TO" + "DO"),
    ("Sources/Net/A.swift", "let a = 1 ", "blanks at the end of the line"),
    ("Sources/Net/A.swift", "\tlet a = 1", "a tab"),
    ("Sources/Net/A.swift", "let a = " + "1" * 103, "111 columns, at most 110"),
])
def test_a_breach_is_found(path, line, reason):
    assert breaches(path, line + "\n") == [(1, reason)]


@pytest.mark.parametrize("path, text", [
    ("Sources/Net/A.swift", "import Glibc\nprivate import CPlatform\n"),
    ("Sources/Net/A.swift", 'let a = "try! fatalError() usleep(1)"\n'),
    ("Sources/Net/A.swift", "// usleep(1) would hold the loop\n"),
    ("Sources/Net/A.swift", 'fatalError("the loop is gone")\n'),
    ("Sources/Net/A.swift", "final class A: @unchecked Sendable {\n    // One thread owns it.\n}\n"),
    ("Sources/EtcdAPI/Generated/a.pb.swift", "package import Foundation  \n" * 500),
])
def test_what_is_allowed_passes(path, text):
    assert breaches(path, text) == []


def test_lengths_of_files_and_functions_are_bounded():
    assert breaches("Sources/Net/A.swift", "let a = 1\n" * 401) == [(401, "401 lines, at most 400")]
    assert breaches("Tests/NetTests/A.swift", "let a = 1\n" * 600) == []
    body = "        a()\n" * 59
    assert breaches("Sources/Net/A.swift", f"struct A {{\n    func b() {{\n{body}    }}\n}}\n") == [
        (2, "function of 61 lines, at most 60")]
    signature = "    func b(\n        a: Int\n    ) {\n"
    body = "        a()\n" * 56
    assert breaches("Sources/Net/A.swift", f"struct A {{\n{signature}{body}    }}\n{signature}{body}    }}\n}}\n") == []


def test_a_name_that_points_up_is_refused_in_every_module():
    order = list(tidy.IMPORTS)
    for module, allowed in tidy.IMPORTS.items():
        for name in allowed & set(order):
            assert order.index(name) < order.index(module), f"{module} imports {name}"
