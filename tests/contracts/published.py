"""What has been published of contracts/: facts about paths, statuses, fields, types and examples that stand unchanged.

`python -m tests.contracts.published [FOLDER]` publishes a folder of contracts: it adds to published.txt what is new, and
refuses when a published fact is gone or changed. `--withdraw 'http registry GET /v1/x'` takes out what nobody uses any
more. Names of components, titles and descriptions are not facts.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2] / "contracts"
PUBLISHED = Path(__file__).with_name("published.txt")
OPTIONAL = "optional"
UNION = ("anyOf", "oneOf", "allOf")
WALKED = {*UNION, "$ref", "$defs", "properties", "required", "items", "additionalProperties"}
DESCRIPTIVE = {"title", "description", "examples", "$id", "$schema"}

Shape = dict[str, str]
"""What is said of each place in a schema; the schema itself is the place with the empty name."""
Facts = dict[str, dict[str, Shape]]
"""The shapes by section (an operation of an API, a message, a service's channels, the examples) and by part of it."""


def files_of(folder: Path) -> dict[str, bytes]:
    """The files of a contracts folder, by path below it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.json")}


def facts_of(files: Mapping[str, bytes]) -> Facts:
    """The facts in the files of a contracts folder."""
    facts: Facts = {}
    for path, content in files.items():
        name = Path(path).name
        if ".example" in name:
            facts.setdefault("examples", {})[name] = {"": hashlib.sha256(content).hexdigest()}
        elif name.endswith(".schema.json"):
            schema = json.loads(content)
            facts[f"message {name.removesuffix('.schema.json')}"] = {
                "event": _Schemas(schema, read=True).shape(schema)
            }
        elif name.endswith(".openapi.json"):
            facts |= _of_openapi(f"http {name.removesuffix('.openapi.json')}", json.loads(content))
        elif name.endswith(".asyncapi.json"):
            facts[f"kafka {name.removesuffix('.asyncapi.json')}"] = dict(_of_asyncapi(json.loads(content)))
    return facts


class _Schemas:
    """The schemas of one document. A reference is read as what it refers to.

    What others `read` may gain a field at any time, so that it is closed to others is not a fact.
    """

    def __init__(self, document: Mapping[str, Any], *, read: bool = False) -> None:
        self._document = document
        self._read = read

    def shape(self, schema: Mapping[str, Any], need: str = "") -> Shape:
        return dict(self._walk(schema, "", need, {}))

    def referred(self, reference: str) -> Mapping[str, Any]:
        found: Any = self._document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        referred: Mapping[str, Any] = found
        return referred

    def _walk(
        self, schema: Mapping[str, Any], place: str, need: str, open_at: Mapping[str, str]
    ) -> Iterator[tuple[str, str]]:
        """What is said of a place and of those inside it. `open_at` tells where each reference around it began."""
        while reference := schema.get("$ref"):
            if reference in open_at:
                yield place, f"{need} recursive={open_at[reference] or '.'}".strip()
                return
            open_at = {**open_at, reference: place}
            schema = {**self.referred(reference), **_without(schema, "$ref")}
        ways = [way for key in UNION for way in schema.get(key, ())]
        others = [way for way in ways if way.get("type") != "null"]
        if len(others) < len(ways):
            need = f"{need} nullable".strip()
        if len(others) == 1:
            yield from self._walk({**_without(schema, *UNION), **others[0]}, place, need, open_at)
            return
        yield place, " ".join([need, *self._constraints(schema)]).strip()
        for name, inner in schema.get("properties", {}).items():
            needed = "required" if name in schema.get("required", ()) else OPTIONAL
            yield from self._walk(inner, f"{place}.{name}", needed, open_at)
        for keyword, sign in (("items", "[]"), ("additionalProperties", "{}")):
            if isinstance(inner := schema.get(keyword), dict):
                yield from self._walk(inner, place + sign, "", open_at)
        walked = sorted((list(self._walk(way, "", "", open_at)) for way in others), key=repr)
        for number, way in enumerate(walked, start=1):
            yield from ((f"{place}|{number}{inner}", said) for inner, said in way)

    def _constraints(self, schema: Mapping[str, Any]) -> list[str]:
        told = {key: value for key, value in schema.items() if key not in WALKED | DESCRIPTIVE}
        if schema.get("additionalProperties") is False and not self._read:
            told["additionalProperties"] = False
        if values := told.pop("enum", None):
            told |= {"enum": sorted(values, key=str)} if len(values) > 1 else {"const": values[0]}
        return [f"{key}={json.dumps(told[key], ensure_ascii=False)}" for key in sorted(told)]


def _without(schema: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _of_openapi(name: str, document: Mapping[str, Any]) -> Facts:
    return {
        f"{name} {method.upper()} {path}": dict(
            _of_operation(operation, _Schemas(document), _Schemas(document, read=True))
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _of_operation(
    operation: Mapping[str, Any], schemas: _Schemas, answers: _Schemas
) -> Iterator[tuple[str, Shape]]:
    for security in operation.get("security", ()):
        for name in security:
            scheme = schemas.referred(f"#/components/securitySchemes/{name}")
            yield f"security {scheme['type']} {scheme['scheme']}", {"": "required"}
    for parameter in operation.get("parameters", ()):
        need = "required" if parameter.get("required") else OPTIONAL
        yield f"{parameter['in']} {parameter['name']}", schemas.shape(parameter["schema"], need)
    body = operation.get("requestBody", {})
    for media, content in body.get("content", {}).items():
        need = "required" if body.get("required") else OPTIONAL
        yield f"body {media}", schemas.shape(content.get("schema", {}), need)
    for status, response in operation["responses"].items():
        yield f"response {status}", {"": ""}
        for header, content in response.get("headers", {}).items():
            yield f"response {status} header {header}", answers.shape(content["schema"])
        for media, content in response.get("content", {}).items():
            yield f"response {status} {media}", answers.shape(content.get("schema", {}))


def _of_asyncapi(document: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    schemas = _Schemas(document)
    for operation in document["operations"].values():
        address = schemas.referred(operation["channel"]["$ref"])["address"]
        for one in operation["messages"]:
            message = schemas.referred(schemas.referred(one["$ref"])["$ref"])
            said = f"{message['contentType']} {message['payload']['$ref']}"
            yield f"{operation['action']} {address} {message['name']}", {"": said}


def faults(old: Facts, new: Facts) -> list[str]:
    """Where a published fact is gone or changed, or an operation or message has more than optional additions."""
    found = []
    for section, parts in old.items():
        if section not in new:
            found.append(f"{section} is gone")
            continue
        for part, shape in parts.items():
            if part not in new[section]:
                found.append(f"{section}: {part} is gone")
            else:
                found += _faults_of_shape(f"{section}: {part}", shape, new[section][part])
        found += [
            f"{section}: {part} is new"
            for part, shape in new[section].items()
            if part not in parts and section.startswith("http ") and not shape[""].startswith(OPTIONAL)
        ]
    return sorted(found)


def _faults_of_shape(where: str, old: Shape, new: Shape) -> Iterator[str]:
    for place, said in old.items():
        here = f"{where} {place}".rstrip()
        if place not in new:
            yield f"{here} is gone"
        elif new[place] != said:
            yield f"{here} was {said!r} and is {new[place]!r}"
    optional: tuple[str, ...] = tuple(
        place for place, said in new.items() if place not in old and said.startswith(OPTIONAL)
    )
    for place in new.keys() - old.keys():
        inside = tuple(f"{one}{sign}" for one in optional for sign in ".[{|")
        if place not in optional and not place.startswith(inside):
            yield f"{where} {place} is new and not optional"


def written(facts: Facts) -> str:
    """The facts as text. A shape that stands elsewhere already is told by its first place."""
    lines = []
    known: dict[str, str] = {}
    for section in sorted(facts):
        lines.append(section)
        for part, shape in sorted(facts[section].items()):
            inside = [f"    {place} = {said}" for place, said in sorted(shape.items()) if place]
            text = "\n".join([shape[""], *inside])
            if inside and text in known:
                lines.append(f"  {part} as {known[text]}")
                continue
            known[text] = f"{section}: {part}"
            lines += [f"  {part} = {shape['']}".rstrip(), *inside]
    return "\n".join([*lines, ""])


def read(text: str) -> Facts:
    """The facts that `written` wrote."""
    facts: Facts = {}
    section, shape = "", Shape()
    for line in text.splitlines():
        if line.startswith("    "):
            place, _, said = line[4:].partition(" = ")
            shape[place] = said
        elif line.startswith("  "):
            part, told, said = line[2:].partition(" = ")
            if told or part.endswith(" ="):
                shape = facts[section][part.removesuffix(" =")] = {"": said}
            else:
                part, _, elsewhere = part.partition(" as ")
                other, _, its_part = elsewhere.partition(": ")
                facts[section][part] = facts[other][its_part]
        else:
            section = line
            facts[section] = {}
    return facts


def published() -> Facts:
    """What has been published so far."""
    return read(PUBLISHED.read_text(encoding="utf-8"))


def without(facts: Facts, withdrawn: Collection[str]) -> Facts:
    """The facts without the sections (`message mrx.x.y.v1`) and the parts (`examples: x.example.json`) that are named."""
    return {
        section: {part: shape for part, shape in parts.items() if f"{section}: {part}" not in withdrawn}
        for section, parts in facts.items()
        if section not in withdrawn
    }


def main() -> int:
    """Publish a folder of contracts. Returns 1, and writes nothing, when a published fact would change."""
    parser = argparse.ArgumentParser(description="Publish a folder of contracts.")
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    parser.add_argument("--withdraw", action="append", default=[], metavar="NAME")
    asked = parser.parse_args()
    facts = facts_of(files_of(asked.folder))
    found = faults(without(published(), asked.withdraw), facts)
    if found:
        sys.stderr.write("\n".join([*found, ""]))
        return 1
    PUBLISHED.write_text(written(facts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
