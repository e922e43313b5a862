"""What the headings of a member's file mean: columns of the scheme, contacts, and what must not be sent."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from mrx_shared.refusals import Invalid, Rejected

SUPPLIER_REF = "supplier_ref"

_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "row_ref": "row_ref | Row | Row No | Ref | Ref No | Reference | Reference No | No | Nr | S/N | Sr No | Serial No | Line | Line No"
        " | Record ID | Factory Ref | Site Ref | Vendor Ref | Vendor Ref No"
        " | N° de ligne | Numéro de ligne | Référence | Lfd. Nr. | Laufende Nummer | Zeile | Referenz"
        " | Referencia | N° de fila | Riferimento | Referência | 序号 | 编号 | 行号 | 番号",
        "site_name": "site_name | Site | Site Name | Name | Name of Site | Mill Company Name | Mill Name | Mill | Factory"
        " | Factory Name | Facility | Facility Name | Plant | Plant Name | Supplier Site | Supplier Site Name"
        " | Supplier Name | Supplier | Production Site | Production Unit Name | Nom du site | Site de production"
        " | Nom de l'usine | Usine | Nom | Standort | Standortname | Werk | Werksname | Betrieb | Betriebsstätte"
        " | Name des Standorts | Nombre del centro | Centro | Nombre de la planta | Nombre de la fábrica"
        " | Fábrica | Planta | Nombre | Nome dello stabilimento | Stabilimento | Nome do local | Nome da fábrica"
        " | 工厂名称 | 工厂 | 企业名称 | 名称 | 場所名 | 工場名",
        "address": "address | Site Address | Mill Address | Factory Address | Facility Address | Full Address | Street"
        " | Street Address | Address Line 1 | Adresse | Adresse du site | Anschrift | Straße | Strasse | Dirección"
        " | Domicilio | Indirizzo | Endereço | Morada | 工厂地址 | 地址 | 住所 | 所在地",
        "city": "city | Town | Town/City | City/Town | District | Municipality | City/District | Ville | Commune | Localité"
        " | Ort | Stadt | Ort/Stadt | Ciudad | Localidad | Municipio | Città | Comune | Cidade | 城市 | 市 | 市区",
        "region": "region | State | Province | State/Province | Province/State | Province/Region | State/Region | County"
        " | Région | Département | Bundesland | Bundesland/Region | Provinz | Kanton | Provincia | Estado"
        " | Comunidad | Regione | Estado/Província | 省份 | 省 | 省/州 | 地区",
        "postcode": "postcode | Post Code | Postal Code | Zip | Zip Code | Zip/Postal Code | Postal/Zip Code | Code postal"
        " | PLZ | Postleitzahl | Código postal | C.P. | CAP | CEP | 邮政编码 | 邮编 | 郵便番号",
        "country": "country | Country/Region | Country Code | Country Name | Country/Territory | Nation | Pays | Land"
        " | Staat | País | Paese | Nazione | 国家 | 国家/地区 | 国",
        "audit_date": "audit_date | Date | Date of Audit | Last Audit | Last Audit Date | Date of Last Audit"
        " | Audit Completed | Audit Completion Date | Assessment Date | Audit End Date | Date de l'audit"
        " | Date d'audit | Date du dernier audit | Auditdatum | Datum | Datum des Audits | Prüfdatum"
        " | Fecha de auditoría | Fecha de la auditoría | Fecha | Data dell'audit | Data da auditoria | 审核日期"
        " | 审计日期 | 验厂日期 | 監査日",
        "protocol": "protocol | Audit Protocol | Audit Standard | Standard | Scheme | Audit Scheme | Protocol Code"
        " | Référentiel | Protocole | Norme | Prüfstandard | Auditstandard | Protokoll | Protocolo"
        " | Protocolo de auditoría | Norma | Estándar | Protocollo | 审核标准 | 审核协议 | 标准",
        "protocol_version": "protocol_version | Version | Protocol Version | Standard Version | Audit Protocol Version"
        " | Version du référentiel | Version du protocole | Fassung | Standardversion | Versión"
        " | Versión del protocolo | Versione | Versão | 标准版本 | 协议版本 | 版本",
        "audit_type": "audit_type | Type of Audit | Audit Sequence | Sequence | Audit Category | Type d'audit | Auditart"
        " | Audittyp | Art des Audits | Tipo de auditoría | Tipo | Tipo di audit | Tipo de auditoria | 审核类型"
        " | 审计类型",
        "notice": "notice | Audit Notice | Announcement | Announced | Announcement Type | Announced/Unannounced"
        " | Audit Announcement | Préavis | Annonce | Annoncé | Ankündigung | Angekündigt | Aviso | Anunciada"
        " | Preavviso | 通知方式 | 是否通知",
        "os_id": "os_id | OSH ID | OAR ID | Open Supply Hub ID | Identifiant OS | ID OS | OS编号 | OS-ID Nummer",
        "lei": "lei | LEI Code | LEI Number | Legal Entity Identifier | Code LEI | Código LEI | LEI-Nummer | LEI编码",
        "duns": "duns | D-U-N-S | DUNS Number | D-U-N-S Number | DUNS No | Numéro DUNS | DUNS-Nummer | Número DUNS"
        " | 邓白氏编码 | 邓氏编码",
        "gln": "gln | GLN Number | GLN Code | Global Location Number | Code GLN | GLN-Nummer | Código GLN | GLN编码",
        "vat": "vat | VAT No | VAT Number | VAT ID | Tax ID | Tax Number | N° TVA | Numéro de TVA | USt-IdNr"
        " | USt-ID | Umsatzsteuer-ID | NIF/IVA | NIF | CIF | Partita IVA | 税号 | 纳税人识别号",
        "zs": "zs | ZS Code | ZS Number | Sedex ZS | Sedex Site Code | Sedex Site Number | Sedex Site Reference"
        " | Code site Sedex | Sedex-Standortnummer | Código de centro Sedex | Sedex工厂编号",
        "zc": "zc | ZC Code | ZC Number | Sedex ZC | Sedex Company Code | Sedex Company Number"
        " | Sedex Company Reference | Code société Sedex | Sedex-Firmennummer | Código de empresa Sedex"
        " | Sedex公司编号",
        SUPPLIER_REF: "supplier_ref | Supplier Reference | Supplier ID | Supplier No | Supplier Number | Supplier Code"
        " | Vendor No | Vendor Number | Vendor Code | Lieferantennummer | Lieferanten-Nr | Kreditor"
        " | Code fournisseur | Numéro fournisseur | Código de proveedor | 供应商编号 | 供应商代码",
    }
)

_CONTACT_WORDS = (
    "email emails mail phone phones telephone tel mobile cell fax contact contacts whatsapp wechat skype"
    " courriel telephones portable telefon handy ansprechpartner ansprechperson kontakt kontaktperson telefonnummer"
    " correo telefono movil contacto persona telefone contatto referente celular"
)
_CONTACT_PARTS = (
    "email",
    "emailaddress",
    "phonenumber",
    "contactname",
    "contactperson",
    "responsibleperson",
    "managername",
    "sitemanager",
    "联系人",
    "联系方式",
    "联系电话",
    "电话",
    "手机",
    "邮箱",
    "邮件",
    "传真",
    "微信",
    "担当者",
    "電話",
)

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
_FROM_BRACKET = re.compile(r"[(\[（【].*", re.DOTALL)
_CLOSING_BRACKET = re.compile(r"[)\]）】]")
MAX_HEADING = 500
"""No heading is longer; what is longer comes from a damaged file."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[^\W_]+")
_LATIN = re.compile(r"[\x00-\u024f]+")
_OTHER = re.compile(r"[^\x00-\u024f]+")


class Use(Enum):
    """What a file is read for, and which columns that needs."""

    PUBLISH = ("site_name", "country", "audit_date", "protocol", "protocol_version")
    SITES = ("site_name", "country")
    SUPPLIERS = ("supplier_ref", "site_name", "country")

    @property
    def leaves(self) -> bool:
        """Whether what is read leaves the member's machine."""
        return self is Use.PUBLISH


@dataclass(frozen=True, slots=True, kw_only=True)
class Headings:
    """Which cell of a row holds which column, and which headings were left out, by reason."""

    cells: Mapping[str, int]
    names: Mapping[str, str]
    contacts: tuple[str, ...]
    ignored: tuple[str, ...]

    def shown(self, column: str) -> str:
        """The file's own name of a column and a blank; nothing where it is the scheme's name."""
        heading = self.names[column]
        return "" if heading == column else f"{heading!r} "


def fold(text: str) -> str:
    """Letters and digits only, without accents and case: how headings are compared."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


_MEANING: Mapping[str, str] = MappingProxyType(
    {fold(spelling): column for column, spellings in _SPELLINGS.items() for spelling in spellings.split("|")}
)


def meaning(heading: str) -> str | None:
    """The scheme's column that a heading stands for; None where it stands for none."""
    if len(heading) > MAX_HEADING:
        return None
    *closed, rest = _CLOSING_BRACKET.split(heading)
    outside = " ".join([*(_FROM_BRACKET.sub("", part) for part in closed), rest])
    for reading in (heading, outside, *_by_script(outside)):
        if column := _MEANING.get(fold(reading)):
            return column
    return None


def recognised(headings: Sequence[str]) -> int:
    """How many of these stand for a column of the scheme: how a heading row and a delimiter are found."""
    return len({column for heading in headings if (column := meaning(heading))})


def is_contact(heading: str) -> bool:
    """Whether a column names people or how to reach them."""
    return _mentions(heading, _CONTACT_WORDS, _CONTACT_PARTS)


def is_commercial(heading: str) -> bool:
    """Whether a column tells of prices, volumes, capacity or spend."""
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


def recognise(headings: Sequence[str], use: Use) -> Headings:
    """Sort a file's headings. Raises `Rejected` for a commercial column, `Invalid` for missing or double ones."""
    cells: dict[str, int] = {}
    names: dict[str, str] = {}
    contacts: list[str] = []
    ignored: list[str] = []
    for at, heading in enumerate(headings):
        _check_length(heading, at + 1)
        column = meaning(heading)
        if column is None or (column == SUPPLIER_REF and use is not Use.SUPPLIERS):
            if heading.strip():
                (contacts if is_contact(heading) else ignored).append(heading)
            if use.leaves and is_commercial(heading):
                raise Rejected(
                    "contains prices, volumes, capacity or spend; nothing was sent",
                    field=heading,
                    remedy="remove the column from the file and publish it again",
                )
        elif column not in cells:
            cells[column], names[column] = at, heading
        elif fold(names[column]) == fold(column) != fold(heading):
            ignored.append(heading)
        elif fold(heading) == fold(column) != fold(names[column]):
            ignored.append(names[column])
            cells[column], names[column] = at, heading
        else:
            raise Invalid(
                f"the columns {names[column]!r} and {heading!r} both mean {column}",
                field=column,
                remedy="keep one of them, or name one of them exactly " + column,
            )
    if use is Use.SUPPLIERS and SUPPLIER_REF not in cells and "row_ref" in cells:
        cells[SUPPLIER_REF], names[SUPPLIER_REF] = cells["row_ref"], names["row_ref"]
    if missing := [column for column in use.value if column not in cells]:
        raise Invalid(
            f"no column for {', '.join(missing)} among the headings: {', '.join(filter(None, headings))}"[
                :1000
            ],
            field=missing[0],
            remedy=f"add the column, or name the existing one exactly {missing[0]}",
        )
    return Headings(cells=cells, names=names, contacts=tuple(contacts), ignored=tuple(ignored))


def _check_length(heading: str, number: int) -> None:
    if len(heading) > MAX_HEADING:
        raise Invalid(
            f"the heading of column {number} has {len(heading):,} characters, at most {MAX_HEADING} are allowed",
            field=f"{heading[:60]}…",
            remedy="shorten the heading, or look for an unclosed quotation mark",
        )


def _spoken(heading: str) -> str:
    """The words of a heading one blank apart, in small letters without accents; signs are read out."""
    plain = unicodedata.normalize("NFKD", heading.translate(_SIGNS)).casefold()
    return " ".join(_TOKEN.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def _mentions(heading: str, words: str, parts: Sequence[str]) -> bool:
    spoken = {fold(word) for word in _WORD.findall(f"{heading} {_CAMEL.sub(' ', heading)}")}
    return not spoken.isdisjoint(words.split()) or any(part in fold(heading) for part in parts)


def _by_script(heading: str) -> tuple[str, str]:
    """Return the Latin and the other letters of a heading that says the same in two scripts."""
    return _OTHER.sub(" ", heading), _LATIN.sub(" ", heading)
