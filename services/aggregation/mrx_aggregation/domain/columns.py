"""Which columns a list may have: those that are read, those that refuse the list, the rest is left unread."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from mrx_aggregation.domain.cells import MOST_LETTERS

TEXT_COLUMNS = (
    "row_ref",
    "site_name",
    "address",
    "city",
    "region",
    "postcode",
    "country",
    "audit_date",
    "protocol",
    "protocol_version",
    "audit_type",
    "notice",
)
IDENTIFIER_COLUMNS = ("os_id", "lei", "duns", "gln", "vat", "zs", "zc")
READ_COLUMNS = (*TEXT_COLUMNS, *IDENTIFIER_COLUMNS)

_TRADE_SPELLINGS = (
    "absatz achats amount amounts ausgaben bdt bedrag betrag betrage budget budgets cantidad"
    " cantidades cbm chf chiffre cny cogs cost coste costes costi costo costos costs cout couts custo"
    " custos depense depenses despesa despesas discount discounts ebitda eur euro euros expenditure"
    " expenditures facturacion fatturato faturamento fob gasto gastos gbp gmv idr importe importes"
    " importi importo inr invoice invoiced invoices jpy keur kosten ktpa kusd margin margins menge"
    " mengen meur montant montants monto montos moq mtpa musd omzet orders output outputs payment"
    " payments pcs precio precios preco precos preis preise prezzi prezzo prijs prix profit profits"
    " purchase purchases qty quantidade quantita quantite quantites quantities quantity rebate rebates"
    " revenue revenues rmb sales spend spending spendings spends spent spesa spese stuckzahl teu teur"
    " throughput ton toneladas tonnage tonnages tonne tonnellate tonnen tonnes tons tpa tpd tpy"
    " turnover usd valeur valor valore vendas ventas vnd volumen"
)
_TRADE_WORDS = frozenset(_TRADE_SPELLINGS.split())
_TRADE_BEGINNINGS = ("capac", "kapazit", "pricing", "price", "revenue", "turnover", "umsatz", "volum")
_TRADE_ENDINGS = (
    "kosten",
    "menge",
    "mengen",
    "betrag",
    "bestellwert",
    "auftragswert",
    "warenwert",
    "einkaufswert",
)
_TRADE_PARTS = (
    *("price", "pricing", "volum", "capacit", "kapazit", "preis", "umsatz", "precio"),
    *("purchasevalue", "ordervalue", "povalue", "annualproduction"),
    *(
        "价格",
        "单价",
        "产能",
        "产量",
        "数量",
        "金额",
        "采购额",
        "采购量",
        "销售额",
        "营业额",
        "成本",
        "订单量",
        "份额",
    ),
    *("価格", "生産能力", "売上"),
)
_DEALINGS = (
    r"(?:po|orders?|purchas\w*|buying|sourcing|contract|business|trade|trading|wallet|supply|shipments?|imports?"
    r"|exports?|goods|stock|merchandise|market)"
)
_TIME = r"(?:years?|yr|y|annum|months?|mth|mo|weeks?|wk|days?|d|hours?|hr|h|shift|quarter|season)"
_OTHER_SENSE = r"(?!\ (?:chains?|partners?|units?|unions?|workers?|employees|staff|labou?r|licen[cs]es?|process|types?)\b)"
_TRADE_PHRASES = re.compile(
    rf"""
      ^(?:values?|units)$
    | \b(?:{_DEALINGS}|annual|yearly|monthly|total|net|gross|monetary|transaction)\ values?\b{_OTHER_SENSE}
    | \bvalues?\ (?:of\ (?:the\ |our\ |all\ )?{_DEALINGS}\b|per\b|in\b|(?:19|20)\d\d)
    | \bunits?\ (?:per\ {_TIME}\b|shipped|sold|ordered|produced|delivered|bought|purchased|made|manufactured
        |imported|exported|(?:19|20)\d\d)
    | \b(?:annual|yearly|monthly|shipped|sold|ordered|produced|delivered|purchased)\ (?:units|pieces)\b
    | \b(?:t|mt|kt|to|kgs?|lbs?|pieces|pairs|sets|items|garments|dozens?|lit(?:er|re)s|m\ [23]|met(?:er|re)s|bbl
        |containers|bags|bales|cartons|units|shirts|shoes)\ (?:per\ {_TIME}|p\ a)\b
    | \b(?:share|percent|percentage|pct|proportion)\ of\ (?:(?:our|total|the|annual|your|overall)\ )*
        (?:{_DEALINGS}|production|portfolio)\b{_OTHER_SENSE}
    | \b(?:{_DEALINGS}|production|customer|buyer|client|portfolio)\ (?:share|percent|percentage|pct)\b
    | \b(?:annual|yearly|monthly|weekly|daily)\ production\b{_OTHER_SENSE}
    | \bproduction\ (?:per\ {_TIME}\b|(?:19|20)\d\d)
    | \b(?:minimum|min|average|avg|annual)\ order\b | \border\ (?:size|book|total)\b
    | \b(?:pieces|cartons|containers|kgs?)\ (?:shipped|sold|ordered|produced|delivered|bought|purchased)\b
    """,
    re.VERBOSE,
)
"""Words that tell of trade only together; read in `_spoken` headings."""
_SIGNS = str.maketrans(
    {"%": " percent ", "/": " per ", "$": " usd ", "€": " eur ", "£": " gbp ", "¥": " cny ", "￥": " cny "}
)
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CONTACT_WORDS = frozenset(
    {
        "cellphone",
        "contact",
        "contacts",
        "correo",
        "email",
        "emails",
        "fax",
        "forename",
        "kontakt",
        "mail",
        "mobile",
        "person",
        "persons",
        "phone",
        "phones",
        "skype",
        "surname",
        "tel",
        "telefon",
        "telefono",
        "telephone",
        "telephones",
        "wechat",
        "whatsapp",
    }
)
_CONTACT_BEGINNINGS = ("ansprech", "contact", "email", "telefon", "telephon")
_CONTACT_PHRASES = frozenset({("first", "name"), ("last", "name"), ("family", "name"), ("given", "name")})
_WORD = re.compile(r"[a-z]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a list, sorted by what becomes of them."""

    trade: tuple[str, ...]
    contact: tuple[str, ...]
    unread: tuple[str, ...]
    too_long: tuple[str, ...] = ()

    @property
    def reason(self) -> str | None:
        """Why the whole list is refused, or None."""
        if self.too_long:
            longest = max(map(len, self.too_long))
            return f"the name of column {_quoted(self.too_long)} has {longest} characters, at most {MOST_LETTERS} are taken"
        if self.trade:
            return f"column {_quoted(self.trade)} tells of prices, volumes, capacity or spend"
        if self.contact:
            return f"column {_quoted(self.contact)} holds contacts"
        return None

    @property
    def remedy(self) -> str | None:
        """What to do where the list is refused; else which columns are not read."""
        if self.too_long:
            return "shorten the name or take the column out, and send the list as a new revision"
        if self.reason:
            return "take the column out and send the list as a new revision"
        if self.unread:
            return f"not read: {_quoted(self.unread)}"
        return None


def sort_columns(names: Iterable[str]) -> Columns:
    """Tell columns that refuse a list from those that are merely not read."""
    found = set(names) - set(READ_COLUMNS)
    others = sorted(name for name in found if len(name) <= MOST_LETTERS)
    trade = tuple(name for name in others if _tells_of_trade(name))
    contact = tuple(name for name in others if name not in trade and _holds_contacts(_words(name)))
    unread = tuple(name for name in others if name not in trade and name not in contact)
    too_long = tuple(sorted(name for name in found if len(name) > MOST_LETTERS))
    return Columns(trade=trade, contact=contact, unread=unread, too_long=too_long)


def _words(name: str) -> list[str]:
    """The words of a name; `unitPrice` holds unit and price, and is a word of its own as well."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _WORD.findall(_HUMP.sub(" ", letters).casefold()) + _WORD.findall(letters.casefold())


def _tells_of_trade(heading: str) -> bool:
    return any(
        _TRADE_PHRASES.search(spoken)
        or any(
            word in _TRADE_WORDS
            or word.startswith(_TRADE_BEGINNINGS)
            or word.endswith(_TRADE_ENDINGS)
            or any(part in word for part in _TRADE_PARTS)
            for word in spoken.split()
        )
        for spoken in {_spoken(heading), _spoken(_CAPITAL.sub(" ", heading))}
    )


def _spoken(heading: str) -> str:
    """The words of a heading one blank apart, in small letters without accents; signs are read out."""
    plain = unicodedata.normalize("NFKD", heading.translate(_SIGNS)).casefold()
    return " ".join(_TOKEN.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def _holds_contacts(words: list[str]) -> bool:
    return any(
        word in _CONTACT_WORDS or word.startswith(_CONTACT_BEGINNINGS) for word in words
    ) or not _CONTACT_PHRASES.isdisjoint(pairwise(words))


def _quoted(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"'{_shortened(name)}'" for name in names[:10])
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown  # noqa: PLR2004 - enough to find them


def _shortened(name: str) -> str:
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return printable if len(printable) <= 40 else f"{printable[:39]}…"  # noqa: PLR2004 - a name, not a text
