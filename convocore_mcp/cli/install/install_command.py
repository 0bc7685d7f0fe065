"""The commands `install` and `uninstall`: connect an MCP client, and take it back."""

import os
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from convocore_mcp.cli.error_reports import with_error_reports
from convocore_mcp.cli.install.client_file import ClientFile
from convocore_mcp.cli.install.clients import TITLES, ClientName, Machine
from convocore_mcp.cli.install.receipts import Receipt, Receipts, digest
from convocore_mcp.cli.install.server_entry import DEMO, DEMO_NAME, KEY, NAME, ServerEntry, entry_of
from convocore_mcp.cli.replaced_file import replaced_file
from convocore_mcp.cli.terminal import ask_text, output, write_lines, write_wrapped
from convocore_mcp.configuration import add_stored_key, read_settings
from convocore_mcp.errors import ConvocoreError, NotConfiguredError
from convocore_mcp.settings import Settings, default_folder

Client = Annotated[ClientName, typer.Argument(help="The client, e.g. claude-desktop.")]
KEY_PLACEHOLDER = "your workspace secret"
WITHOUT_KEY = (
    "The key is not in it. Without --print, install keeps the key in this machine's keyring; else "
    "set CONVOCORE_API_KEY where the client starts, or use --key-in-file for a place to put it."
)


def keyring_module() -> ModuleType:
    """The module for the keyring, imported by name: only some commands need the library."""
    return import_module("convocore_mcp.stored_key")


@with_error_reports
def install(
    client: Client,
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="The sandbox's data: no account is needed.")
    ] = False,
    only_print: Annotated[
        bool, typer.Option("--print", help="Show the entry, and write nothing.")
    ] = False,
    key_in_file: Annotated[
        bool,
        typer.Option("--key-in-file", help="Write the key into the client's file, as plain text."),
    ] = False,
) -> None:
    """Connect an MCP client: write the entry that starts this server into its configuration.

    Agent, region and all other settings are those of the environment (CONVOCORE_*); what is missing
    is asked for. The key goes into this machine's keyring.
    """
    file = ClientFile.of(client, this_machine())
    if only_print:
        entry = DEMO if demo else _printable(_settings(key_needed=False), key_in_file=key_in_file)
        # Of the file, only the entry: others in it may hold secrets.
        output().write(replace(file, content=None).with_entry(entry.name, entry.for_client(client)))
        write_wrapped(f"Add this to {file.path}; nothing was written.", err=True)
        if not demo and not key_in_file:
            write_wrapped(WITHOUT_KEY, err=True)
        return
    if demo:
        _write(file, DEMO, account=None)
        return
    settings = _settings(key_needed=True)
    entry = entry_of(settings, key_in_file=key_in_file)
    file.with_entry(entry.name, entry.for_client(client))  # fails before anything is stored
    _write(file, entry, account=None if key_in_file else _stored(settings))


def this_machine() -> Machine:
    """This machine."""
    try:
        home = Path.home()
    except RuntimeError:
        home = None
    return Machine(sys.platform, os.environ, home)


def receipts() -> Receipts:
    """The receipts of this user."""
    return Receipts(default_folder() / "installed.json")


def _settings(*, key_needed: bool) -> Settings:
    """The settings of the environment; a person at a terminal is asked for what is missing.

    Raises:
        NotConfiguredError: something is missing or wrong.
    """
    settings = add_stored_key(read_settings({}))
    given: dict[str, str] = {}
    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if not settings.agent_id and at_terminal:
        given["agent_id"] = ask_text("Your agent's ID (or several, separated by commas)")
        given["region"] = ask_text("Region (eu or na)", default=settings.region)
    if settings.api_key is None and key_needed:
        given |= {"api_key": ask_text("Workspace secret", secret=True)} if at_terminal else {}
    if given:
        settings = add_stored_key(read_settings(given))
    if not settings.agent_id or (settings.api_key is None and key_needed):
        raise NotConfiguredError(
            "The key or the agent is missing.",
            hint="Set CONVOCORE_API_KEY and CONVOCORE_AGENT_ID, or run this in a terminal, "
            "where it asks for them. Without an account: --demo.",
        )
    return settings


def _printable(settings: Settings, *, key_in_file: bool) -> ServerEntry:
    """The entry with words in place of the key: what is printed is often pasted elsewhere."""
    entry = entry_of(settings, key_in_file=key_in_file)
    environment = dict(entry.environment or {})
    return replace(entry, environment=environment | ({KEY: KEY_PLACEHOLDER} if key_in_file else {}))


def _stored(settings: Settings) -> str:
    """Store the key in the keyring; returns what it is stored under.

    Raises:
        NotConfiguredError: there is no keyring, or it fails.
    """
    assert settings.api_key is not None  # noqa: S101  `_settings` has checked it
    stored_key = keyring_module()
    account: str = stored_key.account_of(settings)
    if not stored_key.store_key(account, settings.api_key.get_secret_value()):
        raise NotConfiguredError(
            "This machine has no keyring to keep the key in.",
            hint="Use --key-in-file to have it in the client's file as plain text, or set "
            "CONVOCORE_API_KEY in the environment that starts the client.",
        )
    return account


def _write(file: ClientFile, entry: ServerEntry, *, account: str | None) -> None:
    """Write the entry, keep a backup and a receipt, and tell what to do next."""
    content = file.with_entry(entry.name, entry.for_client(file.client))
    title, path = TITLES[file.client], file.path
    if content == file.content or file.entries().get(entry.name) == entry.for_client(file.client):
        write_lines(f"{title} is connected already: {entry.name!r} in {path}.")
        return
    earlier = receipts().find(file.client, entry.name)
    if earlier and file.content is not None and digest(file.content) == earlier.after:
        receipt = replace(earlier, after=digest(content), account=account)
    else:
        mixed = earlier is not None and entry.name in file.entries()
        receipt = _receipt(file, content, account, mixed=mixed)
    _replace(file, content)
    receipts().keep(file.client, entry.name, receipt)
    write_lines(f"{title} is connected: {entry.name!r} in {path}.")
    if receipt.backup:
        write_lines(f"The file as it was: {receipt.backup}")
    if account:
        write_lines("The key is in this machine's keyring, and in no file.")
    check = "" if entry.name == DEMO_NAME else " convocore-mcp doctor checks the rest."
    write_lines(f"Restart {title}, and ask it who your hot leads are.{check}")


def _receipt(file: ClientFile, content: bytes, account: str | None, *, mixed: bool) -> Receipt:
    """Back up the file; `mixed`: it holds an older entry of ours beside what others wrote since."""
    backup = None
    if file.content is not None:
        backup = _free_name(file.path)
        with replaced_file(backup) as copy:
            copy.write(file.content)
    return Receipt(
        path=str(file.path),
        after=digest(content),
        before=None if file.content is None or mixed else digest(file.content),
        existed=file.content is not None,
        had_section=bool(file.entries()),
        backup=str(backup) if backup else None,
        account=account,
    )


def _free_name(path: Path) -> Path:
    """A name for a backup beside `path` that no file has."""
    names = (path.with_name(f"{path.name}.backup{n or ''}") for n in range(1_000))
    return next(name for name in names if not name.exists())


def _replace(file: ClientFile, content: bytes) -> None:
    """Write the file, unless the client has written it meanwhile.

    Raises:
        ConvocoreError: it has, or the folder can't be written.
    """
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        now = file.path.read_bytes() if file.path.exists() else None
        if now != file.content:
            raise ConvocoreError(
                f"{file.path} has just been changed by somebody else.", hint="Run this again."
            )
        with replaced_file(file.path) as target:
            target.write(content)
    except OSError as error:
        raise ConvocoreError(
            f"{file.path} can't be written ({error.strerror}).", hint="Check its owner and mode."
        ) from None


@with_error_reports
def uninstall(
    client: Client,
    *,
    demo: Annotated[bool, typer.Option("--demo", help="The entry for the sandbox's data.")] = False,
) -> None:
    """Take back what install wrote: the entry, and the key if no other entry uses it."""
    name = DEMO_NAME if demo else NAME
    file = ClientFile.of(client, this_machine())
    receipt = receipts().find(client, name)
    if receipt is None or name not in file.entries():
        receipts().keep(client, name, None)
        write_lines(f"Nothing to take back: install has written no {name!r} into {file.path}.")
        return
    unchanged = file.content is not None and digest(file.content) == receipt.after
    backup = Path(receipt.backup) if receipt.backup else None
    original = backup.read_bytes() if backup and backup.exists() else None
    if unchanged and not receipt.existed:
        file.path.unlink()
        write_lines(f"Deleted {file.path}, which install had made.")
    elif unchanged and original is not None and digest(original) == receipt.before:
        _replace(file, original)
        write_lines(f"{file.path} is as it was before.")
    else:
        content = file.without_entry(name, drop_section=not receipt.had_section)
        if receipt.existed or content.split() not in ([], [b"{}"]):
            _replace(file, content)
        else:
            file.path.unlink()
        write_lines(f"Removed {name!r} from {file.path}; everything else stays as it is now.")
        backup = None  # it may hold what is not in the file any more
    if backup:
        backup.unlink(missing_ok=True)
    receipts().keep(client, name, None)
    if receipt.account and receipt.account not in receipts().accounts():
        keyring_module().delete_key(receipt.account)
        write_lines("The key is no longer in this machine's keyring.")
    write_lines(f"Restart {TITLES[client]}.")
