"""Proposals of criteria that a protocol's requirements may meet, by text similarity.

Nothing here is sent anywhere, and the same texts give the same proposals.
"""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.suggestions import MOST, Suggestion, known_by, plain_words, ranked


@cache
def phrasings() -> tuple[tuple[str, str], ...]:
    """Requirements as protocols word them, each with the id of the criterion that it meets."""
    return labelled(files("mrx_criteria").joinpath("phrasings.csv").read_text(encoding="utf-8"))


def labelled(text: str) -> tuple[tuple[str, str], ...]:
    """The pairs of a CSV text with `criterion_id,requirement_text`. Raises `ValueError` where a row has other cells."""
    header, *rows = csv.reader(text.splitlines(), strict=True)
    pairs = tuple((criterion_id, requirement) for criterion_id, requirement in rows)
    if header != ["criterion_id", "requirement_text"]:
        raise ValueError(header)
    return pairs


def suggest(
    requirements: Sequence[tuple[str, str]],
    catalogue: Catalogue,
    *,
    most: int = MOST,
    known: Sequence[tuple[str, str]] | None = None,
) -> tuple[Suggestion, ...]:
    """At most so many criteria for each requirement, the likeliest first, ties by the catalogue's order.

    `known` takes the place of the shipped phrasings.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - a second that only this pays
    from sklearn.pipeline import make_union  # noqa: PLC0415

    if not requirements:
        return ()
    texts = known_by(catalogue, phrasings() if known is None else known)
    weigh = make_union(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english"),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5)),
    )
    criteria = weigh.fit_transform(texts)
    asked = weigh.transform([" ".join(plain_words(text)) for _, text in requirements])
    similar = (asked @ criteria.T).toarray() / 2
    return ranked(requirements, similar, catalogue, most=most)
