"""The portal's pages call what the services' published documents offer, and read it in the class that they answer with."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from mrx_portal.entrypoints.supplier import TOKEN
from mrx_portal.ports import Service

ROOT = Path(__file__).resolve().parents[3]
PORTAL = ROOT / "services/portal/mrx_portal"
SOURCES = [*(PORTAL / "handlers").glob("*.py"), PORTAL / "adapters/services.py"]
OWN = {"Begun": "Session", "Redeemed": "Redemption"}
"""what the portal reads more tolerantly than its API has it"""


class Call(NamedTuple):
    """A call; what is filled into its path is `{}`."""

    service: str
    method: str
    path: str
    answer: str | None


@cache
def document(service: str) -> Any:  # noqa: ANN401
    return json.loads((ROOT / f"contracts/http/{service}.openapi.json").read_text())


def calls(source: Path) -> Iterator[Call]:
    """Each call in a module: `api.get(Service.X, path, Answer)`, `post(…, path, body, Answer)` and the like."""
    tree = ast.parse(source.read_text())
    names = {
        alias.asname or alias.name: alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    constants = {
        ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)
    }
    for function in ast.walk(tree):
        if not isinstance(function, ast.AsyncFunctionDef):
            continue
        here = constants | {
            ast.unparse(node.targets[0]): node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
        }
        for node in ast.walk(function):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="get" | "post" | "fetch" | "send" as verb),
                    args=[ast.Attribute(value=ast.Name(id="Service"), attr=service), where, *more],
                ):
                    read = more[{"get": 0, "post": 1, "send": 1, "fetch": 9}[verb] :]
                    named = ast.unparse(here.get(ast.unparse(read[0]), read[0])) if read else None
                    answer = named and names.get(named, named).rpartition(".")[2]
                    yield Call(
                        Service[service].value,
                        {"fetch": "get", "send": "post"}.get(verb, verb),
                        path_of(where, here),
                        OWN.get(answer, answer) if answer else None,
                    )
                case _:
                    pass


def path_of(node: ast.expr, here: dict[str, ast.expr]) -> str:
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Name(id=name) if name in here:
            return path_of(here[name], here)
        case ast.JoinedStr(values=parts):
            return "".join(path_of(part, here) for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) if name.isupper():
            return path_of(here[name], here)
        case _:
            return "{}"


def answered(operation: Any) -> str | None:  # noqa: ANN401
    """The component that an operation answers with."""
    done = next(one for status, one in operation["responses"].items() if status.startswith("2"))
    named: str | None = done.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref")
    return named.rpartition("/")[2] if named else None


def test_every_call_is_offered_and_read_as_it_is_answered() -> None:
    made = {call for source in SOURCES for call in calls(source)}
    offered = {
        (service, method, re.sub(r"\{[^}]*\}", "{}", path)): answered(operation)
        for service in {one.service for one in made}
        for path, methods in document(service)["paths"].items()
        for method, operation in methods.items()
    }

    assert len(made) > 60
    assert {call[:3] for call in made} - offered.keys() == set()
    misread = [call for call in made if call.answer and offered[call[:3]] not in {None, call.answer}]
    assert misread == []


def test_a_link_of_a_mail_has_a_token_that_the_page_takes() -> None:
    assert TOKEN.fullmatch("x" * 43)
