import Terminal

launch(Etcdutl.self) { commandFirst($0, global: ["write-out", "w", "timeout"]) }
