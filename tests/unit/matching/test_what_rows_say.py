"""What is read out of a row: other names, Chinese characters, units, numbers that are not valid, coordinates."""

import numpy as np
import polars as pl
import pytest
from mrx_matching.clusters import resolve_frame
from mrx_matching.features import features, name_columns
from mrx_matching.identifiers import os_id_check_character
from mrx_matching.normalise import parse_address_in_order, parse_name, parse_place
from mrx_matching.reading import frame_of, nodes_of
from mrx_matching.records import SiteRecord
from mrx_matching.scores import model_for
from mrx_matching.tokens import Nodes


def site(name: str, **columns: str) -> SiteRecord:
    return SiteRecord(key=name, name=name, **{"country": "CN", **columns})


def labels(*rows: SiteRecord) -> list[int]:
    return resolve_frame(frame_of(rows))["site"].to_list()


@pytest.mark.parametrize(
    "mark", ["DBA", "d/b/a", "t/a", "a.k.a.", "trading as", "formerly known as", "(formerly"]
)
def test_what_a_company_is_also_called_is_its_other_name(mark: str) -> None:
    read = parse_name(f"Urban Pioneer Apparel Pvt. Ltd. {mark} Success Fashion")
    assert (read.words, read.alias, read.legal) == (
        ("urban", "pioneer", "apparel"),
        ("success", "fashion"),
        ("Pvt Ltd",),
    )


def test_a_name_of_marks_alone_stays_whole() -> None:
    assert parse_name("Data Dba").words == ("data", "dba")


def test_chinese_characters_say_what_their_transcription_says() -> None:
    assert parse_name("无锡市朗绣水产有限公司").words == ("wuxi", "city", "langxiu", "seafood")
    assert parse_place("无锡市", "CN") == parse_place("Wuxi", "CN")
    words, numbers = parse_address_in_order("江苏省无锡市昌骐街朗怡东路10-11号")
    assert {"langyi", "east", "road", "changqi", "street"} <= set(words)
    assert numbers == ["10", "11"]
    assert parse_address_in_order("乌沙第三工业区5栋")[1] == ["3", "5"]


def test_a_character_is_read_as_beside_its_neighbours() -> None:
    assert parse_place("重庆市", "CN") == {"chongqing"}


def test_a_name_in_characters_is_the_site_of_its_transcription() -> None:
    one, other, third = labels(
        site("无锡市朗绣水产有限公司", city="无锡市", address="昌骐街朗怡东路10号"),
        site("WUXI LANGXIU SEAFOOD CO LTD", city="Wuxi", address="No. 10 Langyi East Road, Changqi Street"),
        site("Wuxi Jinsheng Seafood Co., Ltd.", city="Wuxi", address="No. 88 Taihu Road"),
    )
    assert one == other != third


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("Foo Textiles Unit Two", {"2"}),
        ("Foo Textiles Second Factory", {"2"}),
        ("Foo Textiles (Unit-B)", {"0b"}),
        ("Foo Textiles Plant-II", {"2"}),
        ("Foo Textiles Ltd., No.3 Plant", {"3"}),
        ("Foo Textiles Unit XI", {"11"}),
        ("Wu Xi Lang Xiu", set()),
        ("One Step Shoes", set()),
        ("Vi Na Garment", set()),
    ],
)
def test_a_unit_is_told_in_digits_words_letters_or_roman_numerals(name: str, numbers: set[str]) -> None:
    assert parse_name(name).numbers == numbers


def test_a_legal_form_before_the_unit_is_no_word_of_the_name() -> None:
    assert parse_name("Foo Textiles Ltd., No.3 Plant").legal == ("Ltd",)
    assert parse_name("Ltd Plant 3").words == ("ltd", "plant")


VALID = [stem + os_id_check_character(stem) for stem in ("CN2021250D1DTN", "CN2021250D1DTP")]
WRONG = [text[:-1] + ("A" if text[-1] != "A" else "B") for text in VALID]


def odds(**columns: tuple[str, str]) -> float:
    rows = [
        site(name, city="Wuxi", **{column: texts[which] for column, texts in columns.items()})
        for which, name in enumerate(("Sunrise Fashion", "Everlong Garment"))
    ]
    frame, numbers = nodes_of(frame_of(rows), "CN")
    nodes = Nodes(frame)
    low, high = (np.array([number], dtype=np.int64) for number in sorted(numbers.to_list()))
    return float(model_for(nodes).log_odds(nodes, low, high)[0])


def test_an_identifier_that_is_not_valid_speaks_for_a_pair_and_never_against_one() -> None:
    without = odds(os_id=("", ""))
    assert odds(os_id=(WRONG[0], WRONG[0])) > without + 10
    assert odds(os_id=(WRONG[0], WRONG[1])) == pytest.approx(without, abs=0.01)
    assert odds(os_id=(VALID[0], VALID[1])) < without - 10
    assert odds(duns=("12-34", "12-34")) == pytest.approx(without, abs=0.01)


def test_a_placeholder_that_many_rows_have_is_no_identifier() -> None:
    rows = [site(f"Firm{chr(97 + at // 26)}{chr(97 + at % 26)}zor", os_id="XX1234567") for at in range(60)]
    assert len(set(labels(*rows))) == len(rows)


def with_coordinates(*places: tuple[float | None, float | None]) -> dict[str, bool]:
    rows = [site("Sunrise Fashion"), site("Everlong Garment")]
    frame = frame_of(rows).with_columns(
        lat=pl.Series([place[0] for place in places], dtype=pl.Float64),
        lng=pl.Series([place[1] for place in places], dtype=pl.Float64),
    )
    nodes = Nodes(nodes_of(frame, "CN")[0])
    zero, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.int64)
    return dict(zip(name_columns(), features(nodes, zero, one)[0] > 0, strict=True))


DISTANCES = ("within 150 m", "within 1 km", "1 to 5 km apart", "5 to 50 km apart", "more than 50 km apart")


def test_coordinates_say_how_far_apart_two_rows_are() -> None:
    seen = with_coordinates((30.0, 113.0), (30.001, 113.0))
    assert seen["within 150 m"]
    assert not seen["within 1 km"]
    assert with_coordinates((30.0, 113.0), (30.0, 113.4))["5 to 50 km apart"]
    assert with_coordinates((30.0, 113.0), (31.0, 113.0))["more than 50 km apart"]
    unknown = with_coordinates((30.0, 113.0), (None, None))
    assert not any(unknown[name] for name in DISTANCES)


def test_rows_that_say_the_same_in_two_places_have_no_place() -> None:
    frame = frame_of([site("Sunrise Fashion")] * 2).with_columns(lat=pl.Series([30.0, 31.0]), lng=113.0)
    nodes, _ = nodes_of(frame, "CN")
    assert nodes["lat"].to_list() == [None]


def test_a_row_that_is_sent_often_keeps_its_identifier() -> None:
    one, other = site("Sunrise Fashion", os_id=WRONG[0]), site("Everlong Garment", os_id=WRONG[0])
    assert len(set(labels(one, other))) == 1
    assert len(set(labels(*[one] * 60, other))) == 1


def test_how_often_a_row_is_sent_moves_no_coordinates() -> None:
    rows = [site("Sunrise Fashion")] * 3
    frame = frame_of(rows).with_columns(lat=pl.Series([30.0, 30.0, 30.008]), lng=113.0)
    assert nodes_of(frame, "CN")[0]["lat"].to_list() == [pytest.approx(30.004)]


def test_a_site_of_more_spellings_than_can_be_compared_is_one_by_its_identifier() -> None:
    rows = [site(f"Firm{chr(97 + at // 26)}{chr(97 + at % 26)}zor", os_id=VALID[0]) for at in range(450)]
    assert len(set(labels(*rows))) == 1
    frame = frame_of(rows)
    apart = resolve_frame(frame, cannot=[(0, 1)])["site"].to_list()
    assert apart[0] != apart[1]
