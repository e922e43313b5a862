"""The sets that matchers are measured with, by name: each gives rows with the number of their site."""

from collections.abc import Callable, Iterator

from mrx_matching.generator.directory import directory
from second_set import second_set

SETS: dict[str, Callable[[int, int], Iterator[tuple[dict[str, str], int]]]] = {
    "directory": directory,
    "second": second_set,
}
