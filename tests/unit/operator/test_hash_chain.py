"""Whether a log's hash chain holds, and where it does not."""

from dataclasses import replace
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st
from mrx_operator.domain.chain import Link, Walk
from mrx_shared.bus import relay


def log(length: int) -> list[Link]:
    """A log whose hashes the relay itself computed."""
    links: list[Link] = []
    before = b""
    for position in range(1, length + 1):
        bare = Link(
            position=position,
            id=f"00000000-0000-7000-8000-{position:012}",
            topic="mrx.registry.v1",
            key=f"key-{position % 3}",
            sequence=position,
            type="mrx.registry.member-admitted.v1",
            digest=sha256(bytes([position])).digest(),
            chain=b"",
        )
        before = relay.link(before, position=position, row=bare)
        links.append(replace(bare, chain=before))
    return links


def broken_at(links: list[Link], milestones: dict[int, bytes] | None = None) -> list[int]:
    walk = Walk(service="registry", milestones=milestones or {})
    walk.take(links[: len(links) // 2])
    walk.take(links[len(links) // 2 :])
    walk.finish()
    return [each.position for each in walk.breaks]


def test_a_log_as_the_relay_writes_it_holds() -> None:
    assert broken_at(log(7)) == []


def test_an_empty_log_holds() -> None:
    assert broken_at([]) == []


@given(
    place=st.integers(0, 6),
    change=st.sampled_from(
        [
            {"id": "00000000-0000-7000-8000-999999999999"},
            {"topic": "mrx.benchmark.v1"},
            {"key": "another"},
            {"sequence": 99},
            {"type": "mrx.registry.member-suspended.v1"},
            {"digest": sha256(b"another payload").digest()},
        ]
    ),
)
def test_a_fact_that_was_altered_is_found_at_its_position(place: int, change: dict[str, object]) -> None:
    links = log(7)
    links[place] = replace(links[place], **change)  # type: ignore[arg-type]  # one field of its own type
    assert broken_at(links) == [place + 1]


def test_a_payload_that_does_not_fit_its_digest_is_found() -> None:
    links = log(3)
    links[1] = replace(links[1], digest_holds=False)
    assert broken_at(links) == [2]


def test_an_erased_payload_is_no_break_and_is_counted() -> None:
    links = log(3)
    links[1] = replace(links[1], erased=True)
    walk = Walk(service="registry")
    walk.take(links)
    assert (walk.breaks, walk.erased) == ([], 1)


@given(place=st.integers(0, 5))
def test_a_fact_that_was_removed_is_missed(place: int) -> None:
    links = log(7)
    del links[place]
    assert broken_at(links) == [place + 1]


def test_a_fact_removed_and_the_positions_closed_up_is_found() -> None:
    links = log(7)
    closed = [*links[:3], *(replace(each, position=each.position - 1) for each in links[4:])]
    assert broken_at(closed)[0] == 4


def test_two_facts_that_changed_places_are_found() -> None:
    links = log(5)
    assert broken_at([links[0], links[2], links[1], *links[3:]])[0] == 2


def test_a_log_that_was_cut_short_is_found_with_an_earlier_copy_only() -> None:
    links = log(5)
    seen = {each.position: each.chain for each in links}
    assert broken_at(links[:3]) == []
    assert broken_at(links[:3], seen) == [4]


def test_a_log_that_was_written_anew_from_some_place_on_is_found_with_an_earlier_copy() -> None:
    links = log(5)
    forged = log(5)[:2]
    before = forged[-1].chain
    for each in links[2:]:
        other = replace(each, digest=sha256(b"forged").digest())
        before = relay.link(before, position=each.position, row=other)
        forged.append(replace(other, chain=before))
    assert broken_at(forged) == []
    assert broken_at(forged, {each.position: each.chain for each in links}) == [3, 4, 5]
