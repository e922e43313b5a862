import re
from datetime import date
from xml.etree import ElementTree as ET

from mrx_portal.adapters.plots import avoided_by_round
from mrx_portal.domain.numbers import RoundNumbers


async def test_the_plot_is_an_svg_without_script_and_style_that_names_every_round() -> None:
    rounds = [
        RoundNumbers(round_id="1", as_of=date(2026, 3, 31), avoided=4, top_ups=1),
        RoundNumbers(round_id="0123456789", as_of=None),
    ]

    drawn = (await avoided_by_round(rounds)).decode()

    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "31 Mar 2026" in drawn
    assert "01234567" in drawn
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|href=", drawn)
