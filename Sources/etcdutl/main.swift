import Terminal

launch(Etcdutl.self)
