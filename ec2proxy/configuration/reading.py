"""From the command line and the configuration file to settings; every mistake is found, not only the first."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from attrs import define, evolve, field, frozen

from ec2proxy.configuration.settings import Settings, field_of, table
from ec2proxy.toml import Document, Path, TomlError


class ConfigurationError(Exception):
    """The daemon cannot be had as it was described.

    :ivar mistakes: one line for each; there is at least one. None shows a secret.
    """

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__(mistakes[0])
        self.mistakes = tuple(mistakes)


@frozen
class File:
    """A configuration file that was read; an empty one stands for none."""

    path: str = ""
    document: Document = field(factory=lambda: Document({}, {}))

    @classmethod
    def read(cls, path: str) -> "File":
        """Read it.

        :raises ConfigurationError: it cannot be read, or is not TOML.
        """
        try:
            with open(path, "rb") as stream:
                return cls(path, Document.of(stream.read().decode()))
        except OSError as error:
            raise ConfigurationError([f"--config: {path}: {error.strerror}"]) from None
        except TomlError as error:
            raise ConfigurationError([f"{path}:{error.line}: {error}"]) from None
        except UnicodeDecodeError:
            raise ConfigurationError([f"--config: {path}: it is not UTF-8"]) from None

    def where(self, *keys: str | int) -> str:
        """What a message about a value begins with: file, line and key."""
        return f"{self.path}:{self.document.line(*keys)}: {_dotted(keys)}"


@define
class Reader:
    """Puts settings together, and gathers the mistakes.

    :ivar said: where each setting was said, for messages about it.
    """

    file: File
    mistakes: list[str] = field(factory=list)
    said: dict[str, str] = field(factory=dict)

    def wrong(self, where: str, why: object) -> None:
        """Note a mistake."""
        self.mistakes.append(f"{where}: {why}")

    def settings(self, command_line: Mapping[str, Sequence[str]], tables: Sequence[str]) -> Settings:
        """The settings of the whole daemon: the command line's, else the file's, else the defaults.

        :param command_line: the texts that were given, by names of settings.
        :param tables: other keys that the file may have.
        """
        found = self.of_table(Settings(), self.file.document.values, (), (*table(), *tables), tables)
        values: dict[str, Any] = {}
        for name, texts in command_line.items():
            self.said[name] = f"--{name}"
            kind = table()[name].kind
            try:
                values[field_of(name)] = tuple(kind.read(text) for text in texts) if kind.many else kind.read(texts[-1])
            except ValueError as error:
                self.wrong(f"--{name}", error)
        return evolve(found, **values)

    def of_table(
        self, base: Settings, values: Mapping[str, Any], path: Path, known: Sequence[str], left: Sequence[str]
    ) -> Settings:
        """Settings with those that a table of the file has.

        :param base: what they are where the table says nothing.
        :param path: the way to the table.
        :param known: the keys that it may have.
        :param left: those of them that are no settings.
        """
        found: dict[str, Any] = {}
        for name, value in values.items():
            where = self.file.where(*path, name)
            if name not in known:
                self.wrong(where, f"this is not known{hint(name, known)}")
            elif name not in left:
                if not path:
                    self.said[name] = where
                try:
                    found[field_of(name)] = _from_toml(name, value)
                except ValueError as error:
                    self.wrong(where, error)
        return evolve(base, **found)

    def where(self, name: str) -> str:
        """What a message about a setting of the whole daemon begins with."""
        return self.said.get(name, f"--{name}")


def hint(name: str, known: Sequence[str]) -> str:
    """``; did you mean …?``, if anything is like it."""
    near = get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _from_toml(name: str, value: Any) -> Any:
    kind = table()[name].kind
    if not kind.many:
        return kind.from_toml(value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"it is not {kind.noun}")
    return tuple(kind.from_toml(one) for one in values)


def _dotted(keys: Sequence[str | int]) -> str:
    return ".".join(str(key) for key in keys if isinstance(key, str))
