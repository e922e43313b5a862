"""Names as runs of letters that few names share: which are alike, and how crowded it is around each."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.sparse import csr_matrix
from sparse_dot_topn import sp_matmul_topn

_LETTERS = 3
_COMMON = 300
_TOP = 6
_ALIKE = 0.45
_LONGEST = 40
_ANY = 1e-9


@dataclass(frozen=True)
class Letters:
    """The distinct names of one country. `row` is each node's name, `first` each name's first node."""

    row: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    matrix: csr_matrix
    shareable: npt.NDArray[np.float32]
    """How much of each name are runs of letters that any other name has."""

    def likest(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return pairs of names, the smaller first, of which one is among the likest of the other."""
        one, other, _ = self._top
        keep = one != other
        return np.minimum(one, other)[keep], np.maximum(one, other)[keep]

    @cached_property
    def crowd(self) -> npt.NDArray[np.float32]:
        """How alike the likest other names are, summed up, for each name."""
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
        none = np.empty(0, dtype=np.int64)
        if not self.matrix.nnz:
            return none, none, none.astype(np.float64)
        top = sp_matmul_topn(
            self.matrix, self.matrix.T.tocsr(), top_n=_TOP, threshold=_ALIKE, sort=True
        ).tocoo()
        return top.row.astype(np.int64), top.col.astype(np.int64), top.data.astype(np.float64)


def letters_of(names: pl.Series) -> Letters:
    """Return the runs of letters of the names of nodes, weighted by how few names have them."""
    frame = pl.DataFrame({"name": names}).with_row_index("node")
    distinct = frame.group_by("name").agg(pl.col("node").min()).sort("node").with_row_index("row")
    row_of = frame.join(distinct.select("name", "row"), on="name", how="left", maintain_order="left")["row"]
    text = pl.concat_str(pl.lit("^"), pl.col("name"), pl.lit("$"))
    grams = (
        pl.concat(
            [
                distinct.select(
                    pl.col("row").cast(pl.Int32),
                    gram=text.str.slice(place, _LETTERS),
                ).filter(pl.col("gram").str.len_chars() == _LETTERS)
                for place in range(_LONGEST)
            ]
        )
        .unique()
        .with_columns(count=pl.len().over("gram"))
    )
    common = min(_COMMON, max(20, distinct.height // 4))
    telling = grams.filter(pl.col("count") <= common)
    lengths = _norms(telling, distinct.height)
    kept = telling.filter(pl.col("count") > 1)
    kept = kept.with_columns(column=pl.col("gram").rank("dense").cast(pl.Int32) - 1).sort("row", "column")
    row, at = kept["row"].to_numpy(), kept["column"].to_numpy()
    norm = _norms(kept, distinct.height)
    columns = int(at.max()) + 1 if len(at) else 1
    return Letters(
        row=row_of.cast(pl.Int64).to_numpy(),
        first=distinct["node"].cast(pl.Int64).to_numpy(),
        matrix=csr_matrix(
            ((_weights(kept, distinct.height) / norm[row]).astype(np.float32), (row, at)),
            shape=(distinct.height, columns),
        ),
        shareable=(norm / np.maximum(lengths, _ANY)).astype(np.float32),
    )


def _weights(grams: pl.DataFrame, names: int) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = np.log(names / np.maximum(grams["count"].to_numpy(), 1)) + 0.1
    return found


def _norms(grams: pl.DataFrame, names: int) -> npt.NDArray[np.float64]:
    return np.sqrt(np.bincount(grams["row"].to_numpy(), weights=_weights(grams, names) ** 2, minlength=names))
