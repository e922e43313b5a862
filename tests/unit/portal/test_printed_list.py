"""On paper the released list holds everything that was searched for."""

import re

import pytest
from mrx_portal.domain.released import ROWS_ON_ONE_PAGE, ROWS_PRINTED

from tests.unit.portal.reading import words
from tests.unit.portal.scheme import Scheme, entry

ROW = re.compile(r"<tr( class=\"paper\")?>\s*<td><b>(Site \d+)</b>")


def scheme_of(rows: int) -> Scheme:
    scheme = Scheme()
    scheme.releases([entry(number, country="IN") for number in range(rows)])
    return scheme


async def rows_of(scheme: Scheme, address: str) -> tuple[list[str], list[str]]:
    """The sites that a page shows on a screen, and all that it prints."""
    page = (await scheme.browser("member").get(address)).text
    found = ROW.findall(page)
    return [name for paper, name in found if not paper], [name for _, name in found]


@pytest.mark.parametrize("page", [1, 2, 3])
async def test_every_page_of_a_search_shows_its_own_sites_and_prints_all(page: int) -> None:
    shown, printed = await rows_of(scheme_of(129), f"/member/list?country=IN&page={page}")
    everything = [f"Site {number}" for number in range(129)]
    assert printed == everything
    assert shown == everything[50 * (page - 1) : 50 * page]


async def test_what_no_page_prints_whole_is_put_on_one_page_and_the_paper_says_what_it_lacks() -> None:
    scheme = scheme_of(ROWS_PRINTED + 1)
    shown, printed = await rows_of(scheme, "/member/list?words=mill")
    assert len(shown) == len(printed) == 50
    page = (await scheme.browser("member").get("/member/list?words=mill")).text
    assert f"{ROWS_PRINTED + 1} sites: mill. These are 1 to 50." in words(page)
    assert 'href="/member/list?words=mill&amp;every=yes"' in page
    shown, printed = await rows_of(scheme, "/member/list?words=mill&every=yes")
    assert len(shown) == len(printed) == ROWS_PRINTED + 1


async def test_one_page_holds_no_more_than_a_browser_takes_and_says_so() -> None:
    scheme = scheme_of(ROWS_ON_ONE_PAGE + 1)
    shown, _ = await rows_of(scheme, "/member/list?every=yes")
    assert len(shown) == ROWS_ON_ONE_PAGE
    read = words((await scheme.browser("member").get("/member/list?every=yes")).text)
    assert "5,001 sites. These are 1 to 5,000." in read


async def test_one_site_is_one_site() -> None:
    read = words((await scheme_of(1).browser("member").get("/member/list")).text)
    assert "1 site was audited" in read
    assert "1 site " in read
    assert "1 sites" not in read
