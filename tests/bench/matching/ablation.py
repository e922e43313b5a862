"""What each part of the matching gives: `python tests/bench/matching/ablation.py --rows 10000 --seed 101`.

One part after the other is left out or replaced by something plain, on the same rows; a Markdown table per set.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import MappingProxyType, ModuleType
from typing import Annotated

import numpy as np
import polars as pl
import typer
from matchers import accuracy, content
from mrx_matching import candidates, normalise, scores, sharding, tokens
from mrx_matching.features import Bools
from mrx_matching.grouping import Ids, LogOdds, grouped
from mrx_matching.learning import without_labels
from mrx_matching.lexicon import LegalForms, Phrases
from mrx_matching.scores import Model
from mrx_matching.tokens import Floats, Nodes
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sets import SETS
from typing_extensions import override

Swap = tuple[ModuleType, str, object]
NO_WORDS = Phrases({}, 0, frozenset())
NO_FORMS = LegalForms(
    by_spelling=MappingProxyType({}), prefixes=frozenset(), longest=0, order=MappingProxyType({})
)
NO_KEYS = pl.LazyFrame(schema={"node": pl.UInt32, "key": pl.UInt64, "kind": pl.UInt8})
NONE = np.empty(0, dtype=np.int64)
AGAINST = -4.0


class Plain(Model):
    """One site is who has equal words of name and city."""

    @override
    def log_odds(self, nodes: Nodes, low: Ids, high: Ids) -> Floats:
        name, city = nodes.codes("squash"), nodes.codes("city")
        equal = (name[low] == name[high]) & (city[low] == city[high])
        return np.where(equal, -AGAINST, AGAINST).astype(np.float32)


def _connected(
    size: int, low: Ids, high: Ids, odds: Floats, _log_odds: LogOdds, **_decided: object
) -> tuple[Ids, Floats]:
    keep = odds > 0
    edges = coo_matrix((np.ones(keep.sum(), dtype=np.int8), (low[keep], high[keep])), shape=(size, size))
    label = connected_components(edges, directed=False)[1]
    return label.astype(np.int64), np.zeros(size, dtype=np.float32)


def _uncompleted(
    size: int, low: Ids, high: Ids, odds: Floats, _log_odds: LogOdds, *, certain: Bools, **_decided: object
) -> tuple[Ids, Floats]:
    return grouped(
        size,
        low,
        high,
        odds,
        lambda one, _other: np.full(len(one), AGAINST, dtype=np.float32),
        certain=certain,
    )


WORD_LISTS = ("name_words", "trade_words", "premises_words", "address_words", "place_words")
PARTS: dict[str, tuple[list[Swap], Callable[[pl.DataFrame, str], Model] | None]] = {
    "all": ([], None),
    "without the word lists": (
        [
            *((normalise, name, lambda: NO_WORDS) for name in WORD_LISTS),
            (normalise, "place_aliases", lambda _country: NO_WORDS),
            (normalise, "legal_forms", lambda: NO_FORMS),
        ],
        None,
    ),
    "without keys": ([(candidates, "keys_of", lambda _nodes: NO_KEYS)], None),
    "without the sparse top-6 search": (
        [(candidates, "_alike_by_letters", lambda _nodes: (NONE, NONE))],
        None,
    ),
    "without words found to be added": ([(tokens, "_added_words", lambda *_: frozenset())], None),
    "equal words of name and city in place of scores": (
        [],
        lambda _rows, _country: Plain(intercept=0.0, weights={}),
    ),
    "without the rules beside the weights": (
        [(scores, "rules", lambda _nodes, _low, _high: iter(()))],
        None,
    ),
    "without completion: a pair without a key counts against": ([(sharding, "grouped", _uncompleted)], None),
    "connected components in place of completion and correlation clustering": (
        [(sharding, "grouped", _connected)],
        None,
    ),
    "weights re-estimated without labels (EM) in place of the shipped": ([], without_labels),
}


@contextmanager
def swapped(module: ModuleType, name: str, value: object) -> Iterator[None]:
    own = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, own)


def measured(rows: pl.DataFrame, part: str) -> dict[str, float]:
    """Return the accuracy on rows with their true `site`, with a part left out or replaced."""
    swaps, model_of = PARTS[part]
    labels = []
    with ExitStack() as stack:
        for swap in swaps:
            stack.enter_context(swapped(*swap))
        for shard in rows.partition_by("country", maintain_order=True):
            country = str(shard["country"][0])
            model = model_of(shard, country) if model_of else None
            found = sharding.resolve_country(shard, country, model=model)["site"]
            labels.append(shard.select("site", label=pl.lit(f"{country}-") + found.cast(pl.String)))
    table = pl.concat(labels)
    return accuracy(table["site"], table["label"])


def main(
    rows: Annotated[int, typer.Option(help="How many rows.")] = 10_000,
    seed: Annotated[int, typer.Option(help="One that the weights were not learnt from.")] = 101,
) -> None:
    for name, make in SETS.items():
        made, truth = zip(*make(seed, rows), strict=True)
        table = content(pl.DataFrame(made).with_columns(site=pl.Series(truth)))
        typer.echo(f"\n{name}, {rows} rows, seed {seed}\n\n| | precision | recall | F1 |\n|---|---|---|---|")
        for part in PARTS:
            found = measured(table, part)
            cells = " | ".join(f"{found[column]:.3f}" for column in ("precision", "recall", "f1"))
            typer.echo(f"| {part} | {cells} |")


if __name__ == "__main__":
    typer.run(main)
