"""Settings: names, aliases, and what is wrong with a value."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from convocore_mcp.assembly import read_settings
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.settings import SERVERS, Settings, store_location

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Only what a test sets is set."""
    for name in os.environ:
        if name.startswith("CONVOCORE_") or name == "WORKSPACE_SECRET":
            monkeypatch.delenv(name)
    return monkeypatch


def read(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_the_vendors_names_are_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised by docs/contract.md, "Configuration"."""
    found = read(
        monkeypatch, WORKSPACE_SECRET=KEY, CONVOCORE_API_REGION="NA-gcp", CONVOCORE_AGENT_ID="a"
    )
    assert found.api_key is not None
    assert found.api_key.get_secret_value() == KEY
    assert (found.region, found.server) == ("na", SERVERS["na"])
    again = read(monkeypatch, CONVOCORE_API_BASE_URL="https://proxy.example/convocore/v3/")
    assert again.server == "https://proxy.example/convocore/v3"


def test_our_names_take_precedence_over_the_vendors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: a user who sets both means ours for this program."""
    found = read(
        monkeypatch, CONVOCORE_API_KEY="ours", WORKSPACE_SECRET="theirs",
        CONVOCORE_REGION="eu", CONVOCORE_API_REGION="na-gcp",
    )  # fmt: skip
    assert found.api_key is not None
    assert (found.api_key.get_secret_value(), found.region) == ("ours", "eu")


@pytest.mark.parametrize(
    ("text", "agents"),
    [("a", ("a",)), (" a, b ,a,,", ("a", "b")), ("", ()), (",", ()), ("[1]", ("[1]",))],
)
def test_several_agents_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, agents: tuple[str, ...]
) -> None:
    """Promised by docs/contract.md, "Configuration"."""
    assert read(monkeypatch, CONVOCORE_AGENT_ID=text).agent_id == agents


def test_an_empty_setting_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: `"CONVOCORE_REGION": ""` is what remains of a cleared entry."""
    found = read(monkeypatch, CONVOCORE_API_KEY=" ", CONVOCORE_REGION="", CONVOCORE_STORE="")
    assert (found.api_key, found.region, found.store) == (None, "eu", None)


@pytest.mark.parametrize("pasted", [f"Bearer {KEY}", f"  {KEY}\n", f"bearer  {KEY}"])
def test_a_key_may_be_pasted_with_blanks_or_bearer_around_it(
    monkeypatch: pytest.MonkeyPatch, pasted: str
) -> None:
    """Ours: users copy it from headers and dashboards."""
    found = read(monkeypatch, CONVOCORE_API_KEY=pasted).api_key
    assert found is not None
    assert found.get_secret_value() == KEY


@pytest.mark.parametrize(
    "wrong",
    [
        {"CONVOCORE_API_KEY": f"{KEY} {KEY}"},
        {"CONVOCORE_API_KEY": f"{KEY}\u200b"},
        {"CONVOCORE_API_KEY": f"{KEY}\nX-Header: 1"},
        {"CONVOCORE_API_KEY": KEY, "CONVOCORE_REGION": "us"},
        {"CONVOCORE_API_KEY": KEY, "CONVOCORE_BASE_URL": f"https://{KEY}@host/v3"},
        {"CONVOCORE_API_KEY": KEY, "CONVOCORE_INCREMENTAL_SYNC_SECONDS": "-1"},
    ],
)
def test_a_wrong_setting_is_named_and_no_key_is_shown(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    """Promised by docs/upstream.md, "Servers and credentials". Ours: the key is never shown."""
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, **wrong)
    with pytest.raises(NotConfiguredError) as caught:
        read_settings({})
    said = f"{refused.value!s} {refused.value!r} {caught.value.message} {caught.value.hint}"
    assert KEY not in said
    assert KEY not in repr(
        Settings(api_key=KEY, region="eu", base_url=None, incremental_sync_seconds=1)
    )


@pytest.mark.parametrize(
    ("given", "server"),
    [
        ("https://host.example", "https://host.example/v3"),
        ("https://host.example:8443/api/", "https://host.example:8443/api/v3"),
        (" HTTPS://Host.example/v3 ", "https://Host.example/v3"),
        ("http://localhost:8900", "http://localhost:8900/v3"),
        ("http://127.0.0.1:8900/v3", "http://127.0.0.1:8900/v3"),
        ("http://[::1]:8900/v3", "http://[::1]:8900/v3"),
        ("http://api.localhost", "http://api.localhost/v3"),
    ],
)
def test_a_base_url_ends_in_the_version(
    monkeypatch: pytest.MonkeyPatch, given: str, server: str
) -> None:
    """Ours: users write it with and without the version."""
    assert read(monkeypatch, CONVOCORE_BASE_URL=given).server == server


@pytest.mark.parametrize(
    "url",
    [
        "http://host.example/v3", "http://10.0.0.1/v3", "http://localhost.example/v3",
        "http://0.0.0.0/v3", "ftp://host/v3", "host.example/v3", "https:///v3", "https://:443/v3",
        "https://u:p@host/v3", "https://:@host/v3", "https://host/v3?x=1", "https://host/v3#x",
        "https://ho st/v3", "https://host:port/v3", "https://[::1/v3", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_server_that_must_not_see_the_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Ours: the key is never sent unencrypted, and only to a plain URL."""
    with pytest.raises(ValidationError):
        read(monkeypatch, CONVOCORE_BASE_URL=url)


@pytest.mark.parametrize(
    ("store", "location"),
    [
        ("memory", "memory"), (" MEMORY ", "memory"), (":memory:", "memory"),
        ("sqlite://", "memory"), ("sqlite:///:memory:", "memory"),
        ("/tmp/m.db", Path("/tmp/m.db")), ("m.db", Path("m.db")), (" m.db ", Path("m.db")),
        ("sqlite:////tmp/m.db", Path("/tmp/m.db")), ("sqlite:///m.db", Path("m.db")),
        ("~/m.db", Path.home() / "m.db"), ("a b?c#d%20.db", Path("a b?c#d%20.db")),
        ("postgres://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgresql://u:p@h:5432/d?sslmode=require",
         "postgresql+psycopg://u:p@h:5432/d?sslmode=require"),
        ("PostgreSQL+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("mysql://h/d", "mysql://h/d"),
    ],
)  # fmt: skip
def test_the_mirror_is_in_memory_in_a_file_or_in_postgresql(
    store: str, location: str | Path
) -> None:
    """Promised by docs/contract.md, "Configuration": `CONVOCORE_STORE`."""
    assert store_location(store, fingerprint="f") == location


@pytest.mark.parametrize("store", [None, "", " "])
def test_by_default_each_key_has_a_file_of_its_own_in_the_data_folder(store: str | None) -> None:
    """Promised by docs/contract.md, "Configuration": the default store."""
    one, other = (store_location(store, fingerprint=name) for name in ("one", "two"))
    assert isinstance(one, Path)
    assert one != other
    assert one.parent.name == "convocore-mcp"
