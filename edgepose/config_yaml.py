"""Reads the YAML configuration and finds everything that is wrong with it, each with its line.

msgspec alone stops at the first mistake and knows no lines, so the tree of YAML nodes is walked beside the types.
"""

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from edgepose.config import Config
from edgepose.errors import ConfigError
from edgepose.section import Section
from edgepose.sidecar import nearest


@dataclass(frozen=True)
class Problem:
    """One mistake in a configuration file."""

    line: int
    """Counted from 1."""
    path: str
    """Dotted, such as cameras.bedroom.source; empty for the file as a whole."""
    what: str
    """What is wrong, with the nearest valid name where there is one."""

    def text(self, file: Path | str) -> str:
        """`FILE:LINE: PATH: WHAT`, as compilers write it."""
        return f"{file}:{self.line}: {self.path + ': ' if self.path else ''}{self.what}"


def load_config(path: Path) -> Config:
    """The configuration of a file. Raises ConfigError with every problem, a line each."""
    config, problems = read_config(path)
    if config is None:
        raise ConfigError("\n".join(problem.text(path) for problem in problems))
    return config


def read_config(path: Path) -> tuple[Config | None, tuple[Problem, ...]]:
    """The configuration, or None and all problems in the order of their lines. Raises ConfigError if unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path} can't be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} is not UTF-8 text") from exc
    return parse_config(text)


def parse_config(text: str) -> tuple[Config | None, tuple[Problem, ...]]:
    """The same for a text."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        return None, (Problem(mark.line + 1 if mark else 1, "", f"not YAML: {exc.problem or exc.context}"),)
    except (yaml.YAMLError, RecursionError) as exc:
        return None, (Problem(1, "", f"not YAML: {' '.join(str(exc).split())}"),)
    if node is None:
        return None, (Problem(1, "", "the file is empty; it needs at least `node` and `cameras`"),)
    problems = sorted(_Walk().problems(node, Config, ""), key=lambda p: p.line)
    if problems:
        return None, tuple(problems)
    config = msgspec.convert(_value(node), Config)
    problems = sorted(_contradictions(config, node), key=lambda p: p.line)
    return (None, tuple(problems)) if problems else (config, ())


class _Walk:
    """Compares nodes with types, guarding against anchors that contain themselves."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def problems(self, node: yaml.Node, wanted: Any, path: str) -> Iterator[Problem]:
        """Every problem of a node that should be of a type."""
        if id(node) in self._open:
            yield Problem(_line(node), path, "an anchor that contains itself")
            return
        self._open.add(id(node))
        yield from self._inside(node, wanted, path)
        self._open.discard(id(node))

    def _inside(self, node: yaml.Node, wanted: Any, path: str) -> Iterator[Problem]:
        sections = [option for option in _options(wanted) if _is_section(option)]
        base, arguments = _bare(wanted), typing.get_args(_bare(wanted))
        if typing.get_origin(base) is dict:
            yield from self._dictionary(node, arguments, wanted, path)
        elif sections and not (_is_null(node) and type(None) in _options(wanted)):
            yield from self._section(node, sections, path)
        else:
            yield from _leaf(node, wanted, path)

    def _dictionary(self, node: yaml.Node, arguments: tuple[Any, ...], wanted: Any, path: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.MappingNode):
            yield Problem(_line(node), path, f"expected a mapping of names, got {_kind(node)}")
            return
        if not node.value and any(meta.min_length for meta in _metas(wanted)):
            yield Problem(_line(node), path, "needs at least one entry")
        yield from _duplicates(node, path)
        for key, value in node.value:
            yield from _leaf(key, arguments[0], _join(path, _text(key)))
            yield from self.problems(value, arguments[1], _join(path, _text(key)))

    def _section(self, node: yaml.Node, sections: list[type[Section]], path: str) -> Iterator[Problem]:
        if not isinstance(node, yaml.MappingNode):
            yield Problem(_line(node), path, f"expected a mapping, got {_kind(node)}")
            return
        yield from _duplicates(node, path)
        entries = {_text(key): (key, value) for key, value in node.value}
        section, problem = _chosen(sections, entries, node, path)
        if section is None:
            if problem:
                yield problem
            return
        fields = {field.name: field for field in msgspec.structs.fields(section)}
        tag = section.__struct_config__.tag_field
        for name, (key, value) in entries.items():
            if name == tag:
                continue
            if name not in fields:
                known = sorted({*fields, *([tag] if tag else [])})
                hint = nearest(name, known) or f"; the keys here are {', '.join(known)}"
                yield Problem(_line(key), _join(path, name), f"unknown key{hint}")
            else:
                yield from self.problems(value, fields[name].type, _join(path, name))
        for field in fields.values():
            if field.required and field.name not in entries:
                yield Problem(_line(node), _join(path, field.name), "is missing")


def _chosen(
    sections: list[type[Section]], entries: dict[str, tuple[yaml.Node, yaml.Node]], node: yaml.Node, path: str
) -> tuple[type[Section] | None, Problem | None]:
    """The section that is meant: the only one, or the one that `type` names."""
    if len(sections) == 1:
        return sections[0], None
    tag = str(sections[0].__struct_config__.tag_field)
    tags = {str(section.__struct_config__.tag): section for section in sections}
    if tag not in entries:
        return None, Problem(_line(node), _join(path, tag), f"is missing; one of {', '.join(tags)}")
    value = entries[tag][1]
    if _text(value) not in tags:
        hint = nearest(_text(value), list(tags)) or f"; one of {', '.join(tags)}"
        return None, Problem(_line(value), _join(path, tag), f"unknown type {_text(value)!r}{hint}")
    return tags[_text(value)], None


def _leaf(node: yaml.Node, wanted: Any, path: str) -> Iterator[Problem]:
    """At most one problem: what msgspec says of the plain value."""
    try:
        value = _value(node)
        msgspec.convert(value, wanted)
    except yaml.YAMLError as exc:
        yield Problem(_line(node), path, " ".join(str(getattr(exc, "problem", exc)).split()))
    except (ValueError, RecursionError) as exc:
        yield Problem(_line(node), path, _plain(str(exc), node, wanted))


def _plain(message: str, node: yaml.Node, wanted: Any) -> str:
    """The message of msgspec for somebody who writes YAML, not Python."""
    choices = [str(v) for option in _options(wanted) for v in typing.get_args(option) if _is_literal(option)]
    if choices:
        return f"{_text(node)!r} is not one of {', '.join(choices)}{nearest(_text(node), choices)}"
    described = [m.extra_json_schema or m.description for m in _metas(wanted) if m.description]
    if described and "regex" in message:
        return f"{_text(node)!r} must be {described[0]}"
    text = message.split(" - at ", maxsplit=1)[0].split(", got ", maxsplit=1)[0]
    for python, yaml_name in _YAML_NAMES.items():
        text = text.replace(f"`{python}`", yaml_name)
    return f"{text[0].lower()}{text[1:]}, got {_kind(node)}"


_YAML_NAMES = {
    "int": "a whole number",
    "float": "a number",
    "str": "text (put it in quotes)",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
    "int | null": "a whole number",
    "float | null": "a number",
    "str | null": "text (put it in quotes)",
}


def _contradictions(config: Config, node: yaml.Node) -> Iterator[Problem]:
    """What each value alone can't tell."""
    mqtt = config.mqtt
    if mqtt.tls and bool(mqtt.tls.cert_file) != bool(mqtt.tls.key_file):
        missing = "key_file" if mqtt.tls.cert_file else "cert_file"
        yield Problem(_line_of(node, "mqtt", "tls"), f"mqtt.tls.{missing}", "cert_file and key_file go together")
    if mqtt.password_file and not mqtt.username:
        yield Problem(_line_of(node, "mqtt"), "mqtt.username", "is missing; password_file needs it")
    if config.http and not 1 <= config.http.address[1] <= 65535:
        yield Problem(_line_of(node, "http", "bind"), "http.bind", "the port must be one of 1 to 65535")


def _line_of(node: yaml.Node, *path: str) -> int:
    """The line of the value at a path that is known to be there."""
    for name in path:
        node = next(value for key, value in node.value if _text(key) == name)
    return _line(node)


def _duplicates(node: yaml.MappingNode, path: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for key, _ in node.value:
        if _text(key) in seen:
            yield Problem(_line(key), _join(path, _text(key)), "stands here twice")
        seen.add(_text(key))


def _value(node: yaml.Node) -> Any:
    """The plain Python value of a node."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _bare(wanted: Any) -> Any:
    """A type without its Annotated wrapper."""
    return typing.get_args(wanted)[0] if typing.get_origin(wanted) is typing.Annotated else wanted


def _options(wanted: Any) -> tuple[Any, ...]:
    """The members of a union, or the type alone."""
    bare = _bare(wanted)
    if typing.get_origin(bare) in (typing.Union, types.UnionType):
        return tuple(_bare(option) for option in typing.get_args(bare))
    return (bare,)


def _metas(wanted: Any) -> list[Any]:
    found = []
    for option in (wanted, *typing.get_args(wanted)):
        if typing.get_origin(option) is typing.Annotated:
            found += [meta for meta in option.__metadata__ if isinstance(meta, msgspec.Meta)]
    return found


def _is_section(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, Section)


def _is_literal(option: Any) -> bool:
    return typing.get_origin(option) is typing.Literal


def _is_null(node: yaml.Node) -> bool:
    return node.tag == "tag:yaml.org,2002:null"


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "nothing" if _is_null(node) else repr(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def _text(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else _kind(node)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
