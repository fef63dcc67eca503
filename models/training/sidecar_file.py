"""Writes sidecars: the YAML file next to every network. Needs nothing but PyYAML."""

from pathlib import Path
from typing import Any

import yaml


def write(path: Path, sidecar: dict[str, Any]) -> None:
    """Writes `sidecar` as YAML."""
    path.write_text(yaml.dump(sidecar, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True))


def write_new(path: Path, sidecar: dict[str, Any]) -> None:
    """Writes the sidecar of a network just made; figures of the very same file are kept."""
    old = yaml.safe_load(path.read_text()) if path.is_file() else {}
    same = old.get("sha256") == sidecar["sha256"]
    write(path, sidecar | {"metrics": old["metrics"] if same else []})


class _Dumper(yaml.SafeDumper):
    """Lists of plain values stand on one line, all else has a line an entry."""

    def represent_list(self, values: Any) -> Any:
        plain = all(isinstance(value, str | int | float) for value in values)
        return self.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=plain)


_Dumper.add_representer(list, _Dumper.represent_list)


def add_metrics(path: Path, metrics: dict[str, Any]) -> None:
    """Puts measured figures into a sidecar, in place of older ones of the same set."""
    sidecar = yaml.safe_load(path.read_text())
    kept = [old for old in sidecar["metrics"] if old["set"] != metrics["set"]]
    write(path, sidecar | {"metrics": [*kept, metrics]})
