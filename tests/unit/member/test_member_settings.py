"""Who the member is: by a profile, by a stack's credentials, by the environment."""

import asyncio
import json
from pathlib import Path
from uuid import UUID

import pytest
from mrx_member.app import MemberClient, open_backend
from mrx_member.settings import settings_of
from mrx_shared.refusals import Invalid, Unknown

MEMBER = UUID("3f0e5dd6-6f0e-4f3c-9f3a-0a6f1f1d8c11")
PROFILE = {
    "member_id": str(MEMBER),
    "name": "Alpha",
    "registry_url": "http://127.0.0.1:1",
    "aggregation_url": "http://127.0.0.1:2",
    "kafka_bootstrap_servers": "127.0.0.1:3",
    "kafka_security_protocol": "SASL_PLAINTEXT",
    "kafka_username": f"member-{MEMBER}",
    "kafka_password": "hush-kafka",
    "client_id": "client",
    "client_secret": "hush-http",
    "home": "here",
}


def write(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def test_a_profile_stands_above_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRX_MEMBER_KAFKA_USERNAME", "somebody else")
    settings = settings_of(write(tmp_path / "alpha.json", PROFILE))
    assert (settings.id, settings.kafka_username) == (MEMBER, f"member-{MEMBER}")
    assert settings.folder == tmp_path / "here"


def test_the_environment_names_a_profile_or_says_it_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MRX_MEMBER_ID", str(MEMBER))
    monkeypatch.setenv("MRX_MEMBER_HOME", "")
    assert settings_of().folder == Path.home() / ".mrx" / str(MEMBER)
    monkeypatch.setenv("MRX_MEMBER_PROFILE", str(write(tmp_path / "alpha.json", PROFILE)))
    assert settings_of().client_id == "client"


def test_a_member_is_found_in_a_stacks_credentials(tmp_path: Path) -> None:
    member = {
        name: PROFILE[name]
        for name in ("member_id", "kafka_username", "kafka_password", "client_id", "client_secret")
    }
    credentials = write(
        tmp_path / "credentials.json",
        {
            "registry_url": PROFILE["registry_url"],
            "aggregation_url": PROFILE["aggregation_url"],
            "report_request_url": "http://127.0.0.1:4",
            "exchange_adapter_url": "http://127.0.0.1:5",
            "kafka": {
                "bootstrap_servers": "127.0.0.1:3",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "x",
            },
            "members": {"Alpha": member},
        },
    )
    settings = settings_of(credentials=credentials, member="Alpha")
    assert (settings.id, settings.kafka_bootstrap_servers) == (MEMBER, "127.0.0.1:3")
    assert settings.report_request_url == "http://127.0.0.1:4"
    assert settings.exchange_adapter_url == "http://127.0.0.1:5"
    write(tmp_path / "members" / "alpha.json", PROFILE)
    assert settings_of(credentials=credentials, member="Alpha").folder == tmp_path / "members" / "here"
    with pytest.raises(Unknown, match="Beta") as refused:
        settings_of(credentials=credentials, member="Beta")
    assert "Alpha" in str(refused.value.remedy)


def test_what_is_missing_is_named_when_it_is_used() -> None:
    with pytest.raises(Invalid, match="kafka_bootstrap_servers") as refused:
        _ = open_backend().topics
    assert "MRX_MEMBER_KAFKA_BOOTSTRAP_SERVERS" in str(refused.value.remedy)


def test_an_older_profile_serves_until_an_address_is_needed_that_it_lacks(tmp_path: Path) -> None:
    requests = open_backend(profile=write(tmp_path / "alpha.json", PROFILE)).requests
    with pytest.raises(Invalid, match="report_request_url is not set") as refused:
        asyncio.run(requests.numbers())
    assert "add it to the profile" in str(refused.value.remedy)


def test_a_wrong_value_is_named_but_not_shown(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"^id is not an id") as refused:
        settings_of(write(tmp_path / "alpha.json", PROFILE | {"member_id": "hush-id"}))
    assert "hush" not in str(refused.value)
    with pytest.raises(Invalid, match=r"none\.json"):
        settings_of(tmp_path / "none.json")


def test_secrets_do_not_show(tmp_path: Path) -> None:
    profile = write(tmp_path / "alpha.json", PROFILE)
    backend = open_backend(profile=profile)
    shown = f"{settings_of(profile)!r} {vars(backend.topics)} {vars(backend.services)}"
    assert "hush" not in shown


def test_every_setting_stands_in_the_readme() -> None:
    readme = (Path(__file__).resolve().parents[3] / "services" / "member" / "README.md").read_text(
        encoding="utf-8"
    )
    settings = settings_of()
    assert [name for name in type(settings).model_fields if f"MRX_MEMBER_{name.upper()}" not in readme] == []


def test_a_program_opens_the_same_desk(tmp_path: Path) -> None:
    client = MemberClient.open(profile=write(tmp_path / "alpha.json", PROFILE))
    suppliers = tmp_path / "suppliers.csv"
    suppliers.write_text("supplier_ref,site_name,country\ns1,Alpha,China\n", encoding="utf-8")
    own = tmp_path / "own.csv"
    own.write_text("site_name,country\nAlpha,China\n", encoding="utf-8")
    released = tmp_path / "list.csv"
    released.write_text("entry_id,site_name,country\ne1,ALPHA,CN\n", encoding="utf-8")
    findings = client.check(suppliers, own=own, released=released)
    assert len(findings.findings) == 1
