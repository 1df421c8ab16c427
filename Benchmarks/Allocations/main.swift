import ArgumentParser

Allocations.main()
