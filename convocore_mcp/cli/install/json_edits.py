"""Entries in a JSON file that people edit: comments, blanks and everything else stay as they are.

The file is parsed for the positions of its parts, and only the text of one entry is changed.
"""

import json
import re
from collections.abc import Iterator, Mapping

import tree_sitter_json
from tree_sitter import Language, Node, Parser, Tree

from convocore_mcp.errors import InvalidArgumentError

_PARSER = Parser(Language(tree_sitter_json.language()))
_BYTE_ORDER_MARK = "\ufeff"
"""Some editors on Windows write it at the beginning of a file."""


def entries_in(text: str, section: str) -> dict[str, object]:
    """The entries of a section, by name.

    Raises:
        InvalidArgumentError: the text is not a JSON object, or the section is not one.
    """
    root = _root(_parsed(text.removeprefix(_BYTE_ORDER_MARK)))
    found = _object_at(root, section) if root else None
    return {_name(pair): _value(_part(pair, "value")) for pair in _pairs(found)} if found else {}


def with_entry(text: str, section: str, name: str, entry: Mapping[str, object]) -> str:
    """`text` with the entry in its section; both are added where they are missing.

    Raises:
        InvalidArgumentError: as `entries_in`.
    """
    mark, source = _split_byte_order_mark(text)
    newline = "\r\n" if "\r\n" in source else "\n"
    root = _root(_parsed(source))
    if root is None:
        content = json.dumps({section: {name: entry}}, indent=2, ensure_ascii=False)
        return f"{mark}{source}{content}\n".replace("\n", newline)
    indent = _indent(source, root)
    found = _object_at(root, section)
    if found is None:
        edited = _inserted(source, root, section, {name: entry}, indent, newline, depth=1)
    elif pair := _pair(found, name):
        value = _dumped(entry, indent, newline, depth=2)
        edited = _replaced(source, _part(pair, "value"), value)
    else:
        edited = _inserted(source, found, name, entry, indent, newline, depth=2)
    return mark + edited


def without_entry(text: str, section: str, name: str, *, drop_section: bool = False) -> str:
    """`text` without the entry; with `drop_section` also without its section, if that is empty.

    Raises:
        InvalidArgumentError: as `entries_in`.
    """
    mark, source = _split_byte_order_mark(text)
    root = _root(_parsed(source))
    found = _object_at(root, section) if root else None
    if found is None or _pair(found, name) is None:
        return text
    edited = _removed(source, found, name)
    root = _root(_parsed(edited))
    if drop_section and root and (rest := _object_at(root, section)) and not list(_pairs(rest)):
        edited = _removed(edited, root, section)
    return mark + edited


def _split_byte_order_mark(text: str) -> tuple[str, str]:
    return (_BYTE_ORDER_MARK, text[1:]) if text.startswith(_BYTE_ORDER_MARK) else ("", text)


def _parsed(source: str) -> Tree:
    tree = _PARSER.parse(source.encode())
    for node in _syntax_errors(tree.root_node):
        row, column = node.start_point
        raise InvalidArgumentError(
            f"It is not valid JSON at line {row + 1}, column {column + 1}.",
            hint="Correct the file first; nothing was changed.",
        )
    return tree


def _syntax_errors(node: Node) -> Iterator[Node]:
    """What is no JSON below `node`, except commas behind a last item, which many clients accept."""
    if not node.has_error:
        return
    for index, child in enumerate(node.children):
        following = node.children[index + 1] if index + 1 < len(node.children) else None
        closes = following is not None and following.type in {"}", "]"}
        if following is not None and following.type == "comment":
            closes = all(c.type in {"comment", "}", "]"} for c in node.children[index + 1 :])
        trailing = (child.is_error and child.text == b",") or child.is_missing
        if trailing and closes and index and node.children[index - 1].type not in {"{", "["}:
            continue
        if child.is_error or child.is_missing:
            yield child
        else:
            yield from _syntax_errors(child)


def _root(tree: Tree) -> Node | None:
    """The object that the file is; `None` of an empty one."""
    values = [child for child in tree.root_node.children if child.type != "comment"]
    if not values:
        return None
    if len(values) != 1 or values[0].type != "object":
        raise InvalidArgumentError(
            "It holds no JSON object.", hint="Correct the file first; nothing was changed."
        )
    return values[0]


def _object_at(parent: Node, name: str) -> Node | None:
    pair = _pair(parent, name)
    if pair is None:
        return None
    value = _part(pair, "value")
    if value.type != "object":
        raise InvalidArgumentError(
            f"Its {name!r} is not an object.", hint="Correct the file first; nothing was changed."
        )
    return value


def _pairs(parent: Node) -> Iterator[Node]:
    return (child for child in parent.children if child.type == "pair")


def _pair(parent: Node, name: str) -> Node | None:
    """The pair of this name; of several the last one, which is the one that counts."""
    return next((p for p in reversed(list(_pairs(parent))) if _name(p) == name), None)


def _part(pair: Node, part: str) -> Node:
    found = pair.child_by_field_name(part)
    assert found is not None  # noqa: S101  the grammar has no pair without them
    return found


def _name(pair: Node) -> str:
    return str(_value(_part(pair, "key")))


def _value(node: Node) -> object:
    if node.type == "object":
        return {_name(pair): _value(_part(pair, "value")) for pair in _pairs(node)}
    if node.type == "array":
        items = (c for c in node.named_children if c.type != "comment" and not c.is_missing)
        return [_value(item) for item in items]
    return json.loads(node.text or b"null")


def _dumped(value: object, indent: str, newline: str, *, depth: int) -> str:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text.replace("\n", f"{newline}{indent * depth}")


def _indent(source: str, root: Node) -> str:
    """One step of indentation, as the file has it."""
    first = next(_pairs(root), None)
    found = (
        re.search(r"\n([ \t]+)$", _text(source, root.start_byte, first.start_byte))
        if first
        else None
    )
    return found[1] if found else "  "


def _text(source: str, begin: int, end: int) -> str:
    return source.encode()[begin:end].decode()


def _replaced(source: str, node: Node, text: str) -> str:
    return _spliced(source, node.start_byte, node.end_byte, text)


def _spliced(source: str, begin: int, end: int, text: str) -> str:
    data = source.encode()
    return (data[:begin] + text.encode() + data[end:]).decode()


def _inserted(
    source: str, parent: Node, name: str, value: object, indent: str, newline: str, *, depth: int
) -> str:
    """`source` with one more pair at the end of the object `parent`, which is `depth` deep."""
    line = f"{newline}{indent * depth}"
    pair = f"{json.dumps(name)}: {_dumped(value, indent, newline, depth=depth)}"
    last = next(reversed(list(_pairs(parent))), None)
    if last is None:
        end = parent.end_byte - 1
        inner = _text(source, parent.start_byte + 1, end)
        begin = end - len(inner.encode()) + len(inner.rstrip().encode())
        return _spliced(source, begin, end, f"{line}{pair}{newline}{indent * (depth - 1)}")
    comma = _comma_after(parent, last)
    end = _line_end(parent, comma or last)
    edited = _spliced(source, end, end, f"{line}{pair}{',' if comma else ''}")
    return edited if comma else _spliced(edited, last.end_byte, last.end_byte, ",")


def _line_end(parent: Node, part: Node) -> int:
    """Where `part` ends, with the comments behind it in the same line: they are about it."""
    end, row = part.end_byte, part.end_point.row
    for child in parent.children:
        if child.type == "comment" and child.start_byte >= end and child.start_point.row == row:
            end, row = child.end_byte, child.end_point.row
    return end


def _comma_after(parent: Node, pair: Node) -> Node | None:
    """The comma that follows a pair; after the last pair it is a node for an error."""
    for child in parent.children:
        if child.start_byte >= pair.end_byte and child.text == b",":
            return child
        if child.start_byte >= pair.end_byte and child.type == "pair":
            return None
    return None


def _removed(source: str, parent: Node, name: str) -> str:
    """`source` without the pair `name` of `parent`, and without the comma that it needed."""
    pairs = list(_pairs(parent))
    index = max(index for index, pair in enumerate(pairs) if _name(pair) == name)
    pair, comma = pairs[index], _comma_after(parent, pairs[index])
    end = comma.end_byte if comma else pair.end_byte
    begin = pair.start_byte - _blanks_in_front(source, pair.start_byte, end)
    if len(pairs) == 1:
        inner = _text(source, parent.start_byte + 1, begin) + _text(
            source, end, parent.end_byte - 1
        )
        if not inner.strip():
            begin, end = parent.start_byte + 1, parent.end_byte - 1
    elif index == 0:
        rest = _text(source, end, parent.end_byte)
        begin, end = pair.start_byte, end + len(rest) - len(rest.lstrip())
    edited = _spliced(source, begin, end, "")
    if index and comma is None:  # it was the last: the comma in front of it goes, too
        before = _comma_after(parent, pairs[index - 1])
        assert before is not None  # noqa: S101  two pairs have a comma between them
        edited = _spliced(edited, before.start_byte, before.end_byte, "")
    return edited


def _blanks_in_front(source: str, begin: int, end: int) -> int:
    """How many blanks before `begin` can go with what stands there.

    Where something follows in the same line, the line break stays: a comment may end with it.
    """
    in_front, behind = _text(source, 0, begin), source.encode()[end:].decode()
    alone = not behind.strip(" \t").strip("\r") or behind.lstrip(" \t\r").startswith("\n")
    commented = re.search(r"//[^\n]*\s*$", in_front) is not None
    return len(in_front) - len(in_front.rstrip()) if alone or not commented else 0
