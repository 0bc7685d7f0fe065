"""Numbers with their nouns, as people write them."""


def counted(number: int, one: str, several: str = "") -> str:
    """`1 lead`, `2 leads`; `several` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
