"""How many values of a YAML file say in their comment that they are still to be calibrated. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import yaml

WORD = "calibrate"


def values_to_calibrate(text: str) -> list[str]:
    """Return the keys, as `steering.delay_s`, of the values on whose line a comment says `calibrate`.

    Raises yaml.YAMLError.
    """
    noted = {line for line, comment in _comments(text).items() if WORD in comment.lower()}
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return [key for key, line in _scalars(root, "") if line in noted] if root is not None else []


def _comments(text: str) -> dict[int, str]:
    """Return what stands behind the last token of every line, by line from 0: YAML leaves comments to the reader."""
    ends: defaultdict[int, int] = defaultdict(int)
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if token.start_mark.index == token.end_mark.index:  # an end that is not written, as that of the file
            continue
        ends[token.end_mark.line] = max(ends[token.end_mark.line], token.end_mark.column)
    behind = {number: line[ends[number] :].strip() for number, line in enumerate(text.splitlines())}
    return {number: rest for number, rest in behind.items() if rest.startswith("#")}


def _scalars(node: yaml.Node, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(value, f"{path}.{key.value}" if path else str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _scalars(value, f"{path}[{number}]")
    else:
        yield path, node.end_mark.line
