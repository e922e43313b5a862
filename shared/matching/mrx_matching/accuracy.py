"""How right a grouping is, pair by pair, against a known truth."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Pairs of rows that are truly one site, that were said to be, and both."""

    true_pairs: int
    said_pairs: int
    right_pairs: int

    @property
    def precision(self) -> float:
        return self.right_pairs / self.said_pairs if self.said_pairs else 1.0

    @property
    def recall(self) -> float:
        return self.right_pairs / self.true_pairs if self.true_pairs else 1.0

    @property
    def f1(self) -> float:
        total = self.true_pairs + self.said_pairs
        return 2 * self.right_pairs / total if total else 1.0


def pairwise(truth: Sequence[Hashable | None], labels: Sequence[Hashable]) -> Accuracy:
    """Compare labels with the truth over all pairs of rows whose truth is known (not None)."""
    known = [(true, label) for true, label in zip(truth, labels, strict=True) if true is not None]
    return Accuracy(
        true_pairs=_pairs(Counter(true for true, _ in known)),
        said_pairs=_pairs(Counter(label for _, label in known)),
        right_pairs=_pairs(Counter(known)),
    )


def _pairs(sizes: Counter[Hashable] | Counter[tuple[Hashable, Hashable]]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())
