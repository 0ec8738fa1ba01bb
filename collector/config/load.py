"""In: TOML files, a folder of more, MAILVIGIL_* variables, systemd credentials. Out: Settings, and where each key came from.

Later wins: the file, then conf.d in order of name, then the environment. A secret is ``{ file = "..." }`` or
``{ credential = "..." }``; a file that others may read is refused.
"""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from collector.config.settings import Overlay, Settings
from collector.errors import ConfigError, Location
from collector.model import strict_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

DEFAULT = Path("/etc/mailvigil/mailvigil.toml")
PREFIX = "MAILVIGIL_"
NOT_SETTINGS = frozenset({"MAILVIGIL_DEBUG"})


@dataclass(slots=True)
class Loaded:
    """The settings and the origin of every key that is not a default: dotted key -> file or variable."""

    settings: Settings
    origins: dict[str, str] = field(default_factory=dict)


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read and merge; without ``path`` the default file is read if it is there. Raises ConfigError with the key and its origin."""
    variables = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for file in _files(path):
        _merge(merged, _toml(file), (), str(file), origins)
    for name, value in sorted(variables.items()):
        if name.startswith(PREFIX) and name not in NOT_SETTINGS:
            _set(merged, tuple(name.removeprefix(PREFIX).lower().split("__")), _variable(value), name, origins)
    _secrets(merged, (), variables)
    try:
        return Loaded(Settings.model_validate(merged), origins)
    except ValidationError as error:
        raise _fault(error, Settings, origins) from error


def _files(path: Path | None) -> Iterator[Path]:
    main = DEFAULT if path is None else path
    try:
        here = main.is_file()
    except OSError as error:
        raise ConfigError(f"{main} cannot be read: {error.strerror}", hint="run it as the user of the service, or name another configuration with --config") from error
    if here:
        yield main
    elif path is not None:
        raise ConfigError(f"no such file: {path}", hint="name the configuration with --config, or leave it out: everything has a default")
    more = main.parent / "conf.d"
    try:
        # listed by name: a glob would take a folder that may not be read for an empty one, and its sinks for removed
        yield from sorted(more / name for name in os.listdir(more) if name.endswith(".toml"))  # noqa: PTH208 - Path.iterdir is not lazy about its errors
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{more} cannot be read: {error.strerror}", hint="run it as the user of the service") from error


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"no TOML: {error}", Location(str(file))) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", Location(str(file))) from error


def _merge(into: dict[str, Any], table: dict[str, Any], path: tuple[str, ...], origin: str, origins: dict[str, str]) -> None:
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict) and isinstance(into.setdefault(key, {}), dict):
            _merge(into[key], value, here, origin, origins)
        elif isinstance(into.get(key), list) and isinstance(value, list) and all(isinstance(row, dict) for row in (*into[key], *value)):
            into[key] = [*into[key], *value]  # [[source.file]] in conf.d adds to the others
        else:
            into[key] = value
            origins[".".join(here)] = origin


def _set(into: dict[str, Any], path: tuple[str, ...], value: Any, origin: str, origins: dict[str, str]) -> None:
    place = into
    for part in path[:-1]:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise ConfigError(f"{origin}: {part} is no table")
    place[path[-1]] = value
    origins[".".join(path)] = origin


def _variable(text: str) -> Any:
    """Read a variable's text as TOML where that works (numbers, true, lists), else take it as it is."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _secrets(table: dict[str, Any], path: tuple[str, ...], variables: Mapping[str, str]) -> None:
    """Turn ``{ credential = ... }`` into the file that systemd made of it, and refuse a secret file that others may read."""
    for key, value in table.items():
        here = ".".join((*path, key))
        if isinstance(value, dict) and len(value) == 1 and path[:1] == ("sink",) and isinstance(name := next(iter(value.values())), str):
            if "credential" in value:
                table[key] = {"file": str(_credential(here, name, variables))}
            elif "file" in value:
                _private(here, Path(name))
        elif isinstance(value, dict):
            _secrets(value, (*path, key), variables)


def _credential(key: str, name: str, variables: Mapping[str, str]) -> Path:
    folder = variables.get("CREDENTIALS_DIRECTORY")
    if folder is None:
        raise ConfigError(f"{key}: there are no systemd credentials here", hint="run under systemd with LoadCredential=, or use { file = ... }")
    return Path(folder, name)


def _private(key: str, file: Path) -> None:
    try:
        mode = file.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{key}: {file} cannot be read: {error}") from error
    if mode & stat.S_IROTH:
        raise ConfigError(f"{key}: everybody may read {file}", hint=f"chmod 0600 {file}")


def _fault(error: ValidationError, model: type[BaseModel], origins: Mapping[str, str]) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    origin = next((origins[name] for name in origins if name == key or name.startswith(f"{key}.") or key.startswith(f"{name}.")), None)
    at = Location(origin) if origin else None
    return ConfigError(strict_yaml.in_words(first, model), at)


def overlay(folder: Path) -> Overlay:
    """Read ``overlay.yaml`` of an overlay folder; an absent file is an empty one."""
    file = folder / "overlay.yaml"
    if not folder.is_dir():
        raise ConfigError(f"no such folder: {folder}")
    if not file.is_file():
        return Overlay()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", Location(str(file))) from error
    return strict_yaml.validate(Overlay, strict_yaml.document(text, str(file)))
