import Terminal

launch(Etcdutl.self, global: ["write-out", "w", "timeout"])
