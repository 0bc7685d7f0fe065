"""The settings, under the vendor's names and ours."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from convocore_mcp.configuration import mirror_location, read_settings, time_zone
from convocore_mcp.errors import NotConfiguredError
from convocore_mcp.settings import SERVERS, Settings, store_location

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Removes every setting from the environment."""
    for name in os.environ:
        if name.startswith("CONVOCORE_") or name == "WORKSPACE_SECRET":
            monkeypatch.delenv(name)
    return monkeypatch


def read_with(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_vendor_names_are_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promised by docs/contract.md, "Configuration". Its users change one line.

    Holds docs/contract.md #settings.
    """
    settings = read_with(
        monkeypatch, WORKSPACE_SECRET=KEY, CONVOCORE_API_REGION="NA-gcp", CONVOCORE_AGENT_ID="a"
    )
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY
    assert (settings.region, settings.server) == ("na", SERVERS["na"])
    with_base_url = read_with(
        monkeypatch, CONVOCORE_API_BASE_URL="https://proxy.example/convocore/v3/"
    )
    assert with_base_url.server == "https://proxy.example/convocore/v3"


def test_our_names_take_precedence_over_vendor_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: a user who sets both names means ours for this program."""
    settings = read_with(
        monkeypatch, CONVOCORE_API_KEY="ours", WORKSPACE_SECRET="theirs",
        CONVOCORE_REGION="eu", CONVOCORE_API_REGION="na-gcp",
    )  # fmt: skip
    assert settings.api_key is not None
    assert (settings.api_key.get_secret_value(), settings.region) == ("ours", "eu")


@pytest.mark.parametrize(
    ("text", "agents"),
    [("a", ("a",)), (" a, b ,a,,", ("a", "b")), ("", ()), (",", ()), ("[1]", ("[1]",))],
)
def test_several_agents_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, agents: tuple[str, ...]
) -> None:
    """Promised by docs/contract.md, "Configuration". One or several, comma separated."""
    assert read_with(monkeypatch, CONVOCORE_AGENT_ID=text).agent_id == agents


def test_an_empty_setting_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: a user clears a setting by leaving `"CONVOCORE_REGION": ""` in the entry."""
    settings = read_with(
        monkeypatch, CONVOCORE_API_KEY=" ", CONVOCORE_REGION="", CONVOCORE_STORE=""
    )
    assert (settings.api_key, settings.region, settings.store) == (None, "eu", None)


@pytest.mark.parametrize("pasted", [f"Bearer {KEY}", f"  {KEY}\n", f"bearer  {KEY}"])
def test_a_key_may_be_pasted_with_bearer_and_blanks(
    monkeypatch: pytest.MonkeyPatch, pasted: str
) -> None:
    """Ours: users copy it from headers and dashboards."""
    api_key = read_with(monkeypatch, CONVOCORE_API_KEY=pasted).api_key
    assert api_key is not None
    assert api_key.get_secret_value() == KEY


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
    """Promised by docs/architecture.md, "Serving". No error or `repr` shows the key.

    Holds docs/contract.md #wrong-setting.
    """
    with pytest.raises(ValidationError) as invalid:
        read_with(monkeypatch, **wrong)
    with pytest.raises(NotConfiguredError) as not_configured:
        read_settings({})
    error = not_configured.value
    assert KEY not in f"{invalid.value!s} {invalid.value!r} {error.message} {error.hint}"
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
def test_a_base_url_gets_the_version_as_its_last_segment(
    monkeypatch: pytest.MonkeyPatch, given: str, server: str
) -> None:
    """Ours: users write the URL with and without the version."""
    assert read_with(monkeypatch, CONVOCORE_BASE_URL=given).server == server


@pytest.mark.parametrize(
    "url",
    [
        "http://host.example/v3", "http://10.0.0.1/v3", "http://localhost.example/v3",
        "http://0.0.0.0/v3", "ftp://host/v3", "host.example/v3", "https:///v3", "https://:443/v3",
        "https://u:p@host/v3", "https://:@host/v3", "https://host/v3?x=1", "https://host/v3#x",
        "https://ho st/v3", "https://host:port/v3", "https://[::1/v3", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_a_base_url_that_would_expose_the_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Ours: the key is sent only over https or to this machine, and only to a plain URL."""
    with pytest.raises(ValidationError):
        read_with(monkeypatch, CONVOCORE_BASE_URL=url)


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
        ("mysql://h/d", "mysql://h/d"), ("file:/tmp/m.db", "file:/tmp/m.db"),
    ],
)  # fmt: skip
def test_the_mirror_is_in_memory_in_a_file_or_in_postgresql(
    store: str, location: str | Path
) -> None:
    """Promised by docs/contract.md, "Configuration". `CONVOCORE_STORE`."""
    assert store_location(store, fingerprint="f") == location


@pytest.mark.parametrize("store", [None, "", " "])
def test_by_default_each_key_has_its_own_file_in_the_data_folder(store: str | None) -> None:
    """Promised by docs/contract.md, "Configuration". A SQLite file in the data folder."""
    first, second = (store_location(store, fingerprint=name) for name in ("one", "two"))
    assert isinstance(first, Path)
    assert first != second
    assert first.parent.name == "convocore-mcp"


def test_each_time_zone_has_a_mirror_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours: the mirror holds days of the zone as moments (docs/contract.md, "Fields")."""
    zones = ("UTC", "Europe/Berlin", "Asia/Kolkata")
    read = [read_with(monkeypatch, CONVOCORE_API_KEY=KEY, CONVOCORE_TIMEZONE=z) for z in zones]

    assert [str(time_zone(settings)) for settings in read] == list(zones)
    assert len({mirror_location(settings) for settings in read}) == len(zones)


@pytest.mark.parametrize("name", ["Berlin", "Mars/Olympus", "../etc/passwd", "GMT+99"])
def test_a_time_zone_that_does_not_exist_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Promised by docs/contract.md, "Configuration". A wrong setting is named as its variable."""
    monkeypatch.setenv("CONVOCORE_TIMEZONE", name)
    with pytest.raises(NotConfiguredError) as wrong:
        read_settings({})
    assert "CONVOCORE_TIMEZONE" in wrong.value.message


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CONVOCORE_API_KEY", "${CONVOCORE_API_KEY}", "nobody expanded"),
        ("CONVOCORE_API_KEY", "$KEY", "nobody expanded"),
        ("CONVOCORE_API_KEY", "%KEY%", "nobody expanded"),
        ("CONVOCORE_API_KEY", "your workspace secret", "placeholder"),
        ("CONVOCORE_API_KEY", "<your-key>", "placeholder"),
        ("CONVOCORE_API_KEY", "api-key-here", "placeholder"),
        ("CONVOCORE_API_KEY", f'"{KEY}"', "quotes"),
        ("CONVOCORE_API_KEY", f"{KEY} {KEY}", "characters that no key has"),
        ("WORKSPACE_SECRET", f"'{KEY}'", "quotes"),
        ("CONVOCORE_AGENT_ID", "your agent's ID", "placeholder"),
        ("CONVOCORE_AGENT_ID", 'abc,"def"', "quotes"),
        ("CONVOCORE_AGENT_ID", "abc,${AGENT}", "nobody expanded"),
        ("CONVOCORE_REGION", '"eu"', "quotes"),
        ("CONVOCORE_API_REGION", "europe", "'eu' or 'na'"),
        ("CONVOCORE_TIMEZONE", "${TZ}", "nobody expanded"),
        ("CONVOCORE_STORE", "${HOME}/mirror.db", "nobody expanded"),
        ("CONVOCORE_WAIT_SECONDS", "four", "valid number"),
        ("CONVOCORE_DETAILS", "some", "'auto', 'off' or 'all'"),
        ("CONVOCORE_AGENT_ID", "https://app.convocore.ai/agents/a1", "only the agent's ID"),
        ("CONVOCORE_AGENT_ID", "a1,app.convocore.ai/agents/a2", "only the agent's ID"),
        ("CONVOCORE_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("CONVOCORE_LOG_LEVEL", '"info"', "quotes"),
        ("CONVOCORE_PII", "some", "'full', 'masked' or 'none'"),
        ("CONVOCORE_STORE_SENSITIVE", "maybe", "boolean"),
        ("CONVOCORE_INCREMENTAL_SYNC_SECONDS", "inf", "less than or equal"),
        ("CONVOCORE_FULL_SYNC_SECONDS", "1e300", "less than or equal"),
        ("CONVOCORE_MAX_SYNC_SECONDS", "inf", "less than or equal"),
        ("CONVOCORE_BASE_URL", "http://127.0.0.1:99999/v3", "plain URL"),
        ("CONVOCORE_AUDIT_LOG", "stdout", "belongs to the protocol"),
        ("CONVOCORE_AUDIT_LOG", "-", "belongs to the protocol"),
    ],
)
def test_a_wrong_setting_is_named_as_its_variable_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    """Promised by docs/contract.md, "Configuration". What came along is told, not the value."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(NotConfiguredError) as raised:
        read_settings({})
    assert raised.value.message.startswith(f"A setting is wrong: {variable} ")
    assert message in raised.value.message
    assert KEY not in raised.value.message


@pytest.mark.parametrize(
    "agent",
    ["[1]", "agent-x", "todo-list-bot", "yourself", "a$b", "where", "100%", "x", "nobody-here"],
)
def test_an_agent_may_have_any_name(monkeypatch: pytest.MonkeyPatch, agent: str) -> None:
    """Ours: only what can't be meant is refused."""
    assert read_with(monkeypatch, CONVOCORE_AGENT_ID=agent).agent_id == (agent,)


@pytest.mark.parametrize(
    ("text", "level"),
    [("WARN", "warning"), (" info ", "info"), ("Critical", "error"), ("DEBUG", "debug"),
     (" ", "warning"), ("\t", "warning")],
)  # fmt: skip
def test_a_log_level_is_read_as_other_programs_write_it(
    monkeypatch: pytest.MonkeyPatch, text: str, level: str
) -> None:
    """Promised by docs/contract.md, "Configuration". Blanks came along, or mean nothing."""
    assert read_with(monkeypatch, CONVOCORE_LOG_LEVEL=text).log_level == level


@pytest.mark.parametrize(
    ("variable", "value", "attribute", "read"),
    [
        ("CONVOCORE_REGION", " NA ", "region", "na"),
        ("CONVOCORE_REGION", " ", "region", "eu"),
        ("CONVOCORE_DETAILS", " Off\n", "details", "off"),
        ("CONVOCORE_PII", " Masked", "pii", "masked"),
        ("CONVOCORE_WAIT_SECONDS", " 6 ", "wait_seconds", 6),
        ("CONVOCORE_STORE_SENSITIVE", " true ", "store_sensitive", True),
        ("CONVOCORE_BASE_URL", "  ", "base_url", None),
        ("CONVOCORE_AGENT_ID", "  ", "agent_id", ()),
        ("CONVOCORE_AUDIT_LOG", " STDERR ", "audit_log", "stderr"),
        ("CONVOCORE_AUDIT_LOG", " ~/audit.log", "audit_log", str(Path.home() / "audit.log")),
        ("CONVOCORE_API_KEY", " Bearer ", "api_key", None),
    ],
)
def test_blanks_around_any_setting_are_no_part_of_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, attribute: str, read: object
) -> None:
    """Promised by docs/contract.md, "Configuration". Blanks alone are a setting that is not set."""
    assert getattr(read_with(monkeypatch, **{variable: value}), attribute) == read
