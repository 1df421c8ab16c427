import LoadGeneration
import Terminal

/// The progress bar of a load: first of its warm-up, then of what counts.
final class LoadProgress {
    private let bar: ProgressBar
    private let plan: LoadPlan
    private var isWarmingUp: Bool

    init(_ title: String, _ plan: LoadPlan, isQuiet: Bool) {
        self.plan = plan
        bar = ProgressBar(title, total: UInt64(plan.total ?? 0), unit: .things, isQuiet: isQuiet)
        isWarmingUp = plan.warmUp > .zero
        if isWarmingUp {
            bar.restart(lasting: plan.warmUp, prelude: "warming up")
        } else {
            bar.restart(lasting: plan.duration)
        }
    }

    func update(_ run: LoadRun) {
        if isWarmingUp, !run.isWarmingUp {
            isWarmingUp = false
            bar.restart(lasting: plan.duration)
        }
        let failed = run.result.failed
        let note = failed == 0 ? "" : failed == 1 ? "1 error" : "\(failed) errors"
        bar.update(UInt64(run.ended), note: note)
    }

    func finish() { bar.finish() }
}
