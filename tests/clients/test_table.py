"""docs/clients.md is what the command writes."""

from tests.clients.clients import CLIENTS, TRANSPORTS
from tests.clients.table import PAGE, render, rows_of


def test_the_page_has_the_form_and_the_versions_of_the_last_run() -> None:
    """Ours: a version that was never tried stands nowhere."""
    page = PAGE.read_text()
    rows = list(rows_of(page).values())
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]

    assert page == render(rows)
    assert [(row[0], row[1]) for row in cells] == [(c.name, c.version) for c in CLIENTS]
    for client, row in zip(CLIENTS, cells, strict=True):
        assert row[2:4] == [client.failures.get(name, "yes") for name in TRANSPORTS]
