"""Names as runs of letters that few names share: which are alike, and how crowded it is around each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

_LETTERS = 3
COMMON = 300
_TOP = 6
_ALIKE = 0.45
_LONGEST = 40
_ANY = 1e-9


@dataclass(frozen=True)
class Ngrams:
    """The distinct names of one country. `row` is each node's name, `first` each name's first node."""

    row: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    matrix: csr_matrix
    shareable: npt.NDArray[np.float32]
    """How much of each name are runs of letters that any other name has."""
    known_crowd: npt.NDArray[np.float32] | None = None
    """The `crowd`, where it was measured among more names than these."""

    def likest(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return pairs of names, the smaller first, of which one is among the likest of the other."""
        one, other, _ = self._top
        keep = one != other
        return np.minimum(one, other)[keep], np.maximum(one, other)[keep]

    @cached_property
    def crowd(self) -> npt.NDArray[np.float32]:
        """How alike the likest other names are, summed up, for each name."""
        if self.known_crowd is not None:
            return self.known_crowd
        one, other, cosine = self._top
        keep = one != other
        return np.bincount(
            one[keep], weights=np.maximum(cosine[keep] - _ALIKE, 0), minlength=len(self.first)
        ).astype(np.float32)

    def alike(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Return how many of their rare runs of letters pairs of nodes share, 0 to 1."""
        one, other = self.row[low], self.row[high]
        product = self.matrix[one].multiply(self.matrix[other])
        shared = np.minimum(np.asarray(product.sum(axis=1), dtype=np.float32).ravel(), np.float32(1))
        shared *= self.shareable[one] * self.shareable[other]
        return np.where(one == other, np.float32(1), shared)

    @cached_property
    def _top(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        return _likest(self.matrix, self.matrix)


def ngrams_of(names: pl.Series) -> Ngrams:
    """Return the runs of letters of the names of nodes, weighted by how few names have them."""
    frame = pl.DataFrame({"name": names}).with_row_index("node")
    distinct = frame.group_by("name").agg(pl.col("node").min()).sort("node").with_row_index("row")
    row_of = frame.join(distinct.select("name", "row"), on="name", how="left", maintain_order="left")["row"]
    grams = rare_ngrams_of(distinct["name"]).with_columns(count=pl.len().over("gram"))
    matrix, shareable = _weighed(grams, distinct.height)
    return Ngrams(
        row=row_of.cast(pl.Int64).to_numpy(),
        first=distinct["node"].cast(pl.Int64).to_numpy(),
        matrix=matrix,
        shareable=shareable,
    )


def rare_ngrams_of(names: pl.Series) -> pl.DataFrame:
    """Return each run of letters (`gram`) of distinct names, with the `row` of the name."""
    distinct = pl.DataFrame({"name": names}).with_row_index("row")
    text = pl.concat_str(pl.lit("^"), pl.col("name"), pl.lit("$"))
    runs = pl.concat(
        distinct.lazy()
        .select(pl.col("row").cast(pl.Int32), gram=text.str.slice(place, _LETTERS))
        .filter(pl.col("gram").str.len_chars() == _LETTERS)
        for place in range(_LONGEST)
    )
    return runs.unique().collect()


def _weighed(grams: pl.DataFrame, names: int) -> tuple[csr_matrix, npt.NDArray[np.float32]]:
    """Return the telling runs of letters of names as a matrix, and how much of each name any other has."""
    common = min(COMMON, max(20, names // 4))
    # In one order: sums of weights would differ in their last digits otherwise.
    telling = grams.filter(pl.col("count") <= common).sort("row", "gram")
    lengths = _norms(telling, names)
    kept = telling.filter(pl.col("count") > 1)
    kept = kept.with_columns(column=pl.col("gram").rank("dense").cast(pl.Int32) - 1)
    row, at = kept["row"].to_numpy(), kept["column"].to_numpy()
    norm = _norms(kept, names)
    columns = int(at.max()) + 1 if len(at) else 1
    matrix = csr_matrix(
        ((_weights(kept, names) / norm[row]).astype(np.float32), (row, at)), shape=(names, columns)
    )
    return matrix, (norm / np.maximum(lengths, _ANY)).astype(np.float32)


class NameNgrams:
    """The names of a whole list, and those that are looked for in it, which come after them.

    `names` has each `squash` of the list and its `crowd`; `grams` the runs of letters that at most `COMMON` of them
    have, `counts` how many have a run (`gram`, `count`).
    """

    def __init__(
        self, names: pl.DataFrame, grams: pl.DataFrame, counts: pl.DataFrame, sought: pl.Series
    ) -> None:
        self._listed = names.height
        new = pl.DataFrame({"squash": sought}).unique().join(names, on="squash", how="anti").sort("squash")
        mine = rare_ngrams_of(new["squash"]).with_columns(pl.col("row") + self._listed)
        counts = (
            pl.concat([counts.select("gram", "count"), mine.group_by("gram").agg(count=pl.len())])
            .group_by("gram")
            .agg(pl.col("count").sum())
        )
        every = pl.concat([grams.select("row", "gram"), mine]).join(counts, on="gram")
        self._names = pl.concat([names["squash"], new["squash"]])
        self._matrix, self._shareable = _weighed(every, len(self._names))
        self._rows = pl.DataFrame({"squash": self._names}).with_row_index("row")
        row = self._places(sought.unique().sort())
        one, other, cosine = _likest(self._matrix[row], self._matrix[: self._listed])
        keep = row[one] != other
        self._one, self._other = row[one[keep]], other[keep]
        self._crowd = np.concatenate([names["crowd"].to_numpy(), np.zeros(new.height, dtype=np.float32)])
        self._crowd[row] = np.bincount(
            one[keep], weights=np.maximum(cosine[keep] - _ALIKE, 0), minlength=len(row)
        )

    def likest(self) -> pl.DataFrame:
        """Return each name that is looked for (`squash`) with the names of the list that are likest to it (`like`)."""
        return pl.DataFrame({"squash": self._names[self._one], "like": self._names[self._other]})

    def of(self, names: pl.Series) -> Ngrams:
        """Return the letters of some of the names."""
        row = self._places(names)
        return Ngrams(
            row=row, first=row, matrix=self._matrix, shareable=self._shareable, known_crowd=self._crowd
        )

    def _places(self, names: pl.Series) -> npt.NDArray[np.int64]:
        asked = pl.DataFrame({"squash": names})
        found = asked.join(self._rows, on="squash", how="left", maintain_order="left")["row"]
        return found.cast(pl.Int64).to_numpy()


def _likest(
    matrix: csr_matrix, others: csr_matrix
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    none = np.empty(0, dtype=np.int64)
    if not (matrix.nnz and others.nnz):
        return none, none, none.astype(np.float64)
    top = sp_matmul_topn(matrix, others.T.tocsr(), top_n=_TOP, threshold=_ALIKE, sort=True).tocoo()
    return top.row.astype(np.int64), top.col.astype(np.int64), top.data.astype(np.float64)


def _weights(grams: pl.DataFrame, names: int) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.log(names / np.maximum(grams["count"].to_numpy(), 1)) + 0.1
    return found


def _norms(grams: pl.DataFrame, names: int) -> npt.NDArray[np.float64]:
    return np.sqrt(np.bincount(grams["row"].to_numpy(), weights=_weights(grams, names) ** 2, minlength=names))
