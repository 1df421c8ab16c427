"""What was measured: rows with a value per round of ours and of the other, their ratio, and what it should be."""

import dataclasses
import statistics


@dataclasses.dataclass
class Target:
    """A bound of the ratio or, where `of` is "ours", of our own value."""

    bound: float
    is_least: bool = False
    of: str = "ratio"

    def holds(self, row):
        value = row.ratio if self.of == "ratio" else row.median(row.ours)
        return value >= self.bound if self.is_least else value <= self.bound

    def text(self, row):
        unit = f" {row.unit}" if self.of == "ours" else ""
        return f"{'≥' if self.is_least else '≤'} {self.bound:g}{unit}"


def at_least(bound):
    return Target(bound, is_least=True)


def at_most(bound):
    return Target(bound)


def ours_at_most(bound):
    """A bound of our value itself, whatever the other's is."""
    return Target(bound, of="ours")


@dataclasses.dataclass
class Row:
    """`other` is etcd's, or the limit's that `beside` names."""

    what: str
    unit: str
    ours: list
    other: list
    command: str
    target: Target | None = None
    beside: str = "etcd"

    @staticmethod
    def median(values):
        return statistics.median(values)

    @property
    def ratio(self):
        other = self.median(self.other)
        return self.median(self.ours) / other if other else float("inf")

    @property
    def spread(self):
        """The least and the greatest ratio of one round."""
        ratios = [ours / other if other else float("inf") for ours, other in zip(self.ours, self.other)]
        return min(ratios), max(ratios)

    @property
    def is_worse(self):
        """By more than a tenth than etcd's."""
        if self.beside != "etcd" or not self.unit:
            return False
        return self.ratio < 0.9 if self.unit.endswith("/s") else self.ratio > 1.1

    @property
    def verdict(self):
        if self.target is None:
            return ""
        return "holds" if self.target.holds(self) else "misses"

    def line(self):
        """For the terminal."""
        target = f", {self.target.text(self)} {self.verdict}" if self.target else ""
        return (f"{self.what}: {number(self.median(self.ours))} and {number(self.median(self.other))} {self.unit} "
                f"({self.beside}), ratio {self.ratio:.2f}{target}")


class Sheet:
    """The rows of one group, printed as they come."""

    def __init__(self):
        self.rows = []

    def add(self, what, unit, samples, field, command, target=None, beside="etcd"):
        """`samples`: of "ours" and of the other, a sample per round; `field` names or computes the value in one."""
        value = field if callable(field) else lambda sample: getattr(sample, field)
        ours, other = ([float(value(each)) for each in samples[name]] for name in ("ours", beside))
        row = Row(what, unit, ours, other, command, target, beside)
        self.rows.append(row)
        print(f"  {row.line()}", flush=True)

    def add_values(self, what, unit, values, command, target=None, beside="etcd"):
        """One value of "ours" and one of the other."""
        self.add(what, unit, {name: [value] for name, value in values.items()}, float, command, target, beside)


def number(value):
    """Three figures, or all before the point."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 or value == 0 else f"{value:.2g}"


def row_from(fields):
    target = fields.pop("target")
    return Row(**fields, target=Target(**target) if target else None)
