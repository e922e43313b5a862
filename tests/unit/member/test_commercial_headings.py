"""Which headings tell of trade. The member's side and the service judge a heading alike."""

import pytest
from mrx_aggregation.domain.columns import sort_columns
from mrx_lists.columns import is_commercial
from mrx_matching.generator.styles import STYLES
from mrx_shared.messages.lists import COLUMNS, IDENTIFIERS

COMMERCIAL = """
Order amount|order_amount|OrderAmount|Amount|Amount (USD)|Betrag|Montant|Importe|金额
PO value|POValue|po_value|Value|Values|Value EUR|Value (USD)|Value in USD|Value 2024|Value2024|Total value
Order Value|Purchase Value|Business value|Annual value|Value of goods|Value/yr|Value per year|Net value|€|Total $
Business in kEUR|Bestellwert|Valeur|Valor
Output|Output t/yr|output_t_per_year|Monthly output|Output (pcs/month)|T/yr|MT per annum|kg/day|Garments per month
Annual production|Monthly production|Production 2024|Production per year|Yearly production (t)|tpa|Throughput
Units|Units shipped|units_sold|UnitsOrdered|Units per month|Units/yr|Units produced|Annual units|Pieces shipped|pcs
Containers shipped|Tonnage|Tonnes|Tons 2025|Metric tons|Toneladas|Stückzahl|Cantidad
Business share %|Business share|Share of business|Share of our business (%)|% of business|Percent of total orders
Wallet share|Sourcing share|Order share %|Share of production|% of orders|Production share|Market share
Turnover|Annual turnover (m)|Revenue|Revenues|revenue_2024|Cost|Unit cost|FOB cost|Costs|Quantity|Qty|OrderQty|MOQ
Minimum order|Min. order|Orders|Open orders|Number of orders|Order size|Annual Spend|Spend2025|Volume|Annual volumes
Capacity|Prod. capacity|Price|UnitPrice|UNIT PRICE|Sales|Profit|Invoice no|Payment terms|Budget|Discount %|Purchases
Expenditure|Einkaufskosten|Bestellmenge|Prix d'achat|Chiffre d'affaires|Facturación|Fatturato|产能（吨）|采购额|销售额
"""
HARMLESS = """
Remarks|Comments|Bemerkungen|Suspended?|Costa|Costa Rica|Enterprise|sector|lat|Buyer Notes|hotel|Personnel|website
premises|total workers|parent_group|rspo|Crop rice|Value chain|Value chain stage|High conservation value|Core values
Business unit|Business type|Nature of business|Business name|Business licence no|Production unit|Production workers
Trade union|% of trade union members|Share of women %|Women workers %|% of contract workers|% of production workers
Shareholder|Date shared|Order|Sort order|Purchasing office|Working hours per week|Hours/day|Export licence
Supply chain role|Supply chain %|Contract type|Trading name|T/A|Europe|Region Europe|Product|Product category|Process
Next audit (M/D/Y)|Town/City|Total employees|Year of establishment|Number of units|Certificate no|Score|Rating
Finding count|Currency of audit|Status|Unit|Market|Main market|PO box|P.O. Box|Tier|Latitude|Longitude|URL
"""


def table(text: str) -> list[str]:
    return text.strip().replace("\n", "|").split("|")


@pytest.mark.parametrize("heading", table(COMMERCIAL))
def test_a_heading_that_tells_of_trade_refuses_the_list_on_both_sides(heading: str) -> None:
    assert is_commercial(heading)
    assert sort_columns([heading]).trade == (heading,)


@pytest.mark.parametrize("heading", [*table(HARMLESS), *(one for style in STYLES for one in style.harmless)])
def test_a_harmless_heading_refuses_nothing_on_either_side(heading: str) -> None:
    assert not is_commercial(heading)
    assert sort_columns([heading]).trade == ()


def test_no_heading_of_the_scheme_tells_of_trade() -> None:
    known = [*COLUMNS, *IDENTIFIERS, *(heading for style in STYLES for heading in style.headers.values())]
    assert [heading for heading in known if is_commercial(heading)] == []
