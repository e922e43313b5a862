"""The eight header styles in which members send their lists, as data.

A style changes headers, column order, delimiter, file type, date format and encoding, never what can be
read. Identifier columns appear in a file only where some row of the list has a value for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

LIST_COLUMNS = (
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

EXCEL_DATE = "excel"
"""In place of a strftime pattern: the date is a real date cell of the workbook."""


class FileType(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How one member writes its list.

    `headers` maps our column to the member's header, in the order of the file. `harmless` columns are to
    be ignored by a reader, `contact` columns must be dropped before they leave the member.
    """

    name: str
    headers: Mapping[str, str]
    delimiter: str = ","
    file_type: FileType = FileType.CSV
    date_format: str = "%Y-%m-%d"
    encoding: str = "utf-8"
    harmless: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()


def _headers(**headers: str) -> Mapping[str, str]:
    missing = {*LIST_COLUMNS, *IDENTIFIER_COLUMNS} ^ headers.keys()
    if missing:
        raise ValueError(f"a style must name every list column exactly once: {sorted(missing)}")
    return MappingProxyType(headers)


STYLES: tuple[Style, ...] = (
    Style(
        name="scheme",
        headers=_headers(**{column: column for column in (*LIST_COLUMNS, *IDENTIFIER_COLUMNS)}),
    ),
    Style(
        name="mill",
        headers=_headers(
            row_ref="No.",
            zs="Sedex Site Code",
            zc="Sedex Company Code",
            site_name="Mill Company Name",
            address="Mill Address",
            city="District",
            region="Province",
            country="C ountry",
            postcode="Post Code",
            protocol="Audit Standard",
            protocol_version="Standard Version",
            audit_date="Date of Audit",
            audit_type="Type of Audit",
            notice="Announcement",
            os_id="OS ID",
            lei="LEI",
            duns="D-U-N-S",
            gln="GLN",
            vat="VAT No.",
        ),
        delimiter=";",
        date_format="%d/%m/%Y",
        encoding="cp1252",
        harmless=("Remarks",),
    ),
    Style(
        name="factory",
        headers=_headers(
            country="Country/Region",
            site_name="Factory Name",
            address="Factory Address",
            city="City",
            region="State/Province",
            postcode="ZIP Code",
            row_ref="Factory Ref",
            os_id="OSH ID",
            audit_date="Audit Date",
            audit_type="Audit Type",
            protocol="Protocol",
            protocol_version="Version",
            notice="Audit Notice",
            lei="LEI Code",
            duns="DUNS Number",
            gln="GLN Number",
            vat="Tax ID",
            zs="ZS Code",
            zc="ZC Code",
        ),
        file_type=FileType.XLSX,
        date_format=EXCEL_DATE,
        harmless=("Comments",),
    ),
    Style(
        name="french",
        headers=_headers(
            row_ref="N° de ligne",
            site_name="Nom du site",
            address="Adresse",
            postcode="Code postal",
            city="Ville",
            region="Région",
            country="Pays",
            audit_date="Date de l'audit",
            protocol="Référentiel",
            protocol_version="Version du référentiel",
            audit_type="Type d'audit",
            notice="Préavis",
            os_id="Identifiant OS",
            lei="Code LEI",
            duns="Numéro DUNS",
            gln="Code GLN",
            vat="N° TVA",
            zs="Code site Sedex",
            zc="Code société Sedex",
        ),
        delimiter=";",
        date_format="%d/%m/%Y",
        encoding="cp1252",
    ),
    Style(
        name="chinese",
        headers=_headers(
            row_ref="序号",
            country="国家",
            region="省份",
            city="城市",
            site_name="工厂名称",
            address="工厂地址",
            postcode="邮政编码",
            protocol="审核标准",
            protocol_version="标准版本",
            audit_type="审核类型",
            audit_date="审核日期",
            notice="通知方式",
            os_id="OS编号",
            lei="LEI编码",
            duns="邓白氏编码",
            gln="GLN编码",
            vat="税号",
            zs="Sedex工厂编号",
            zc="Sedex公司编号",
        ),
        delimiter="\t",
        date_format="%Y/%m/%d",
        encoding="utf-16",
    ),
    Style(
        name="german",
        headers=_headers(
            site_name="Standort",
            row_ref="Lfd. Nr.",
            address="Anschrift",
            postcode="PLZ",
            city="Ort",
            region="Bundesland/Region",
            country="Land",
            audit_type="Auditart",
            audit_date="Auditdatum",
            notice="Ankündigung",
            protocol="Prüfstandard",
            protocol_version="Fassung",
            os_id="OS-ID",
            lei="LEI-Code",
            duns="DUNS-Nummer",
            gln="GLN-Nummer",
            vat="USt-IdNr.",
            zs="Sedex-Standortnummer",
            zc="Sedex-Firmennummer",
        ),
        delimiter=";",
        date_format="%d.%m.%Y",
        encoding="utf-8-sig",
        harmless=("Bemerkungen",),
    ),
    Style(
        name="spanish",
        headers=_headers(
            row_ref="Referencia",
            protocol="Protocolo",
            protocol_version="Versión del protocolo",
            audit_date="Fecha de auditoría",
            audit_type="Tipo de auditoría",
            notice="Aviso",
            site_name="Nombre del centro",
            address="Dirección",
            city="Ciudad",
            region="Provincia",
            postcode="Código postal",
            country="País",
            os_id="ID OS",
            lei="Código LEI",
            duns="Número DUNS",
            gln="Código GLN",
            vat="NIF/IVA",
            zs="Código de centro Sedex",
            zc="Código de empresa Sedex",
        ),
        delimiter="|",
        date_format="%d %b %Y",
        encoding="utf-8",
    ),
    Style(
        name="vendor",
        headers=_headers(
            row_ref="Vendor Ref #",
            site_name="Supplier Site",
            address="Street Address",
            city="Town/City",
            region="State",
            postcode="Zip/Postal Code",
            country="Country Code",
            vat="VAT Number",
            duns="DUNS",
            os_id="Open Supply Hub ID",
            lei="Legal Entity Identifier",
            gln="Global Location Number",
            zs="Sedex ZS",
            zc="Sedex ZC",
            protocol="Audit Protocol",
            protocol_version="Protocol Version",
            audit_type="Audit Sequence",
            notice="Announced?",
            audit_date="Last Audit (MM/DD/YYYY)",
        ),
        date_format="%m/%d/%Y",
        encoding="utf-8-sig",
        harmless=("Buyer Notes",),
        contact=("Contact E-mail", "Contact Person"),
    ),
)
