"""Plots as SVG, drawn here: no script and no style in the page."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from babel.dates import format_date

from mrx_portal.domain.numbers import RoundNumbers

_GOOD, _PART, _TEXT, _LINE = "#0b6b53", "#8fc7b5", "#1f2a37", "#d5dbe3"


async def avoided_by_round(rounds: Sequence[RoundNumbers]) -> bytes:
    """Audits avoided and top-ups in each round, oldest first."""
    return await asyncio.to_thread(_avoided, tuple((_label(one), one.avoided, one.top_ups) for one in rounds))


def _label(one: RoundNumbers) -> str:
    """The round's day as pages write it."""
    return format_date(one.as_of, format="medium", locale="en_GB") if one.as_of else one.label


@lru_cache(maxsize=64)
def _avoided(bars: tuple[tuple[str, int, int], ...]) -> bytes:
    # Heavy: both take a second and 100 MB, which no page without a plot should pay for.
    import altair as alt  # noqa: PLC0415
    import vl_convert  # noqa: PLC0415

    rows = [
        {"round": label, "kind": kind, "audits": count}
        for label, avoided, top_ups in bars
        for kind, count in (("Avoided", avoided), ("With top-up", top_ups))
    ]
    most = max((avoided + top_ups for _, avoided, top_ups in bars), default=0)
    chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_bar(size=36)
        .encode(
            x=alt.X("round:O", title=None, sort=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                "audits:Q",
                title="Audits",
                stack=True,
                scale=alt.Scale(domain=[0, max(most, 4)], nice=True),
                axis=alt.Axis(tickMinStep=1, format="d"),
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["Avoided", "With top-up"], range=[_GOOD, _PART]),
                legend=alt.Legend(orient="top"),
            ),
        )
        .properties(width=520, height=220, background="#ffffff")
        .configure(font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=_TEXT,
            titleColor=_TEXT,
            gridColor=_LINE,
            domainColor=_LINE,
            tickColor=_LINE,
            labelFontSize=12,
            titleFontSize=12,
        )
        .configure_legend(labelColor=_TEXT, labelFontSize=12)
    )
    return str(vl_convert.vegalite_to_svg(chart.to_json())).encode()
