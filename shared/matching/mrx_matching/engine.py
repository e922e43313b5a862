"""One piece of work for each country, here or in one process per core; told how far it is while it runs."""

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import Queue
from queue import Empty
from typing import Protocol

import polars as pl

from mrx_matching.reading import COORDINATES, SCHEMA
from mrx_matching.scores import Model
from mrx_matching.sharding import Tell

Progress = Callable[[str, int, int], None]
"""Told a stage, how much of it is done, and of how much."""

Decided = Collection[tuple[int, int]]
"""Pairs of places of rows that somebody has decided on."""

Models = Model | Mapping[str, Model] | None
"""A model for all countries, or for some of them; the shipped one is for the others."""

Shard = tuple[pl.DataFrame, list[tuple[int, int]], list[tuple[int, int]]]

_WORTH_PROCESSES = 20_000
_LOOK_EVERY = 0.2


class Work(Protocol):
    """What is done with the rows of one country; places in the decisions are places in these rows."""

    def __call__(
        self,
        rows: pl.DataFrame,
        country: str,
        *,
        model: Model | None,
        must: Collection[tuple[int, int]],
        cannot: Collection[tuple[int, int]],
        tell: Tell,
    ) -> pl.DataFrame: ...


def by_country(  # noqa: PLR0913 - what is known of all
    work: Work,
    rows: pl.DataFrame,
    *,
    stage: str,
    processes: int = 1,
    worth_processes: int = _WORTH_PROCESSES,
    progress: Progress | None = None,
    model: Models = None,
    must: Decided = (),
    cannot: Decided = (),
) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Return for each country, in their order, the places of its rows and what came of them."""
    say = progress or _silent
    shards = _shards(rows, must, cannot)
    total = rows.height
    heights = {country: shard[0].height for country, shard in shards.items()}
    places = {country: shard[0].select("place") for country, shard in shards.items()}
    done = dict.fromkeys(heights, 0.0)

    def told(country: str, part: float) -> None:
        done[country] = max(done[country], part)
        say(stage, int(sum(heights[each] * so_far for each, so_far in done.items())), total)

    found: dict[str, pl.DataFrame] = {}
    several = processes > 1 and len(shards) > 1 and total >= worth_processes
    run = _in_processes(work, shards, model, processes, told) if several else _here(work, shards, model, told)
    for country, result in run:
        found[country] = result
        told(country, 1.0)
    say(stage, total, total)
    return [(places[country], found[country]) for country in sorted(found)]


def content_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Return what sites are found by, with the place of each row."""
    also = (column for column in COORDINATES if column in rows.columns)
    return rows.select(*SCHEMA, *also).with_row_index("place")


def by_places_within(
    rows: pl.DataFrame, must: Decided, cannot: Decided
) -> dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]]:
    """Return the decisions of each country, by the places of rows within it; none where a pair is in two."""
    within: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
    if not (must or cannot):
        return within
    countries = rows["country"].to_list()
    at = rows.select(pl.int_range(pl.len()).over("country")).to_series().to_list()
    for which, decided in enumerate((must, cannot)):
        for one, other in decided:
            if countries[one] == countries[other]:
                within.setdefault(countries[one], ([], []))[which].append((at[one], at[other]))
    return within


def model_of(model: Models, country: str) -> Model | None:
    return model.get(country) if isinstance(model, Mapping) else model


def _shards(rows: pl.DataFrame, must: Decided, cannot: Decided) -> dict[str, Shard]:
    decided = by_places_within(rows, must, cannot)
    return {
        country: (part, *decided.get(country, ([], [])))
        for part in content_of(rows).partition_by("country")
        for country in (str(part["country"][0]),)
    }


def _largest_first(shards: dict[str, Shard]) -> Iterator[tuple[str, Shard]]:
    """Hand out the shards, and keep none that was handed out."""
    for country in sorted(shards, key=lambda country: (-shards[country][0].height, country)):
        yield country, shards.pop(country)


def _here(
    work: Work, shards: dict[str, Shard], model: Models, told: Callable[[str, float], None]
) -> Iterator[tuple[str, pl.DataFrame]]:
    for country, (part, must, cannot) in _largest_first(shards):
        yield (
            country,
            work(
                part,
                country,
                model=model_of(model, country),
                must=must,
                cannot=cannot,
                tell=partial(told, country),
            ),
        )


def _in_processes(
    work: Work,
    shards: dict[str, Shard],
    model: Models,
    processes: int,
    told: Callable[[str, float], None],
) -> Iterator[tuple[str, pl.DataFrame]]:
    context = get_context("spawn")
    queue: Queue[tuple[str, float]] = context.Queue()
    with ProcessPoolExecutor(processes, context, _remember, (queue,)) as pool:
        waiting: dict[Future[pl.DataFrame], str] = {}
        for country, (part, must, cannot) in _largest_first(shards):
            future = pool.submit(_worked, work, part, country, model_of(model, country), must, cannot)
            waiting[future] = country
        while waiting:
            finished, _ = wait(waiting, _LOOK_EVERY, FIRST_COMPLETED)
            while True:
                try:
                    told(*queue.get_nowait())
                except Empty:
                    break
            for future in finished:
                yield waiting.pop(future), future.result()


_said: "list[Queue[tuple[str, float]]]" = []
"""In a worker: where it tells how far it is."""


def _remember(queue: "Queue[tuple[str, float]]") -> None:
    _said[:] = [queue]


def _worked(
    work: Work,
    part: pl.DataFrame,
    country: str,
    model: Model | None,
    must: Collection[tuple[int, int]],
    cannot: Collection[tuple[int, int]],
) -> pl.DataFrame:
    def tell(so_far: float) -> None:
        _said[0].put((country, so_far))

    return work(part, country, model=model, must=must, cannot=cannot, tell=tell)


def _silent(_stage: str, _done: int, _total: int) -> None:
    return
