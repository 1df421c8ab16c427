import LoadGeneration
import Terminal

Interruption.catchSignals()
launch(Benchmark.self, arranged: Benchmark.commandFirst)
