"""In: one YAML document of a rule file. Out: its model: a detection, a correlation or a filter with its ``mailvigil:`` block."""

from __future__ import annotations

import re
from datetime import date as Day  # noqa: N812 - a key of Sigma is called date
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, field_validator

from collector.detect.rule import RuleTest, Span
from collector.model.strict_yaml import Strict

Level = Literal["informational", "low", "medium", "high", "critical"]
Status = Literal["stable", "test", "experimental", "deprecated", "unsupported"]
Words = tuple[str, ...] | str

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class SuppressBlock(Strict):
    """How often a rule speaks; ``by`` defaults to the group-by, else host.name."""

    by: tuple[str, ...] | None = None
    for_: Span = Field(default="1h", alias="for")
    repeat: tuple[Span, ...] = ()


class StatefulBlock(Strict):
    """What Sigma lacks, on a detection."""

    type: str
    by: tuple[str, ...] = Field(min_length=1)
    window: Span
    expect: str = "always"


class Extension(Strict):
    """The ``mailvigil:`` block of a detection or correlation."""

    version: int = Field(default=1, ge=1)
    tier: Literal["core", "extended"] = "core"
    playbook: str | None = None
    risk_score: int | None = Field(default=None, ge=0, le=100)
    suppress: SuppressBlock = SuppressBlock()
    stateful: StatefulBlock | None = None
    tests: tuple[RuleTest, ...] = ()
    needs: dict[str, str] | Words = ()
    owner: str | None = None
    do_not_alert_when: Words = ()
    changelog: Words = ()


class ExceptionBlock(Strict):
    """The ``mailvigil:`` block of a filter document. Only one that ships with the product may stand without an end."""

    expires: Day | None = None
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)


class CorrelationBlock(Strict):
    """Sigma's ``correlation:``."""

    type: str
    rules: tuple[str, ...] = Field(min_length=1)
    group_by: tuple[str, ...] = Field(default=(), alias="group-by")
    timespan: Span
    condition: dict[str, Any] | None = None
    generate: bool | None = None


class _Common(Strict):
    title: str = Field(min_length=1, max_length=256)
    id: str
    name: str
    status: Status = "stable"
    description: str = ""
    references: tuple[str, ...] = ()
    author: Words = ()
    date: Day | None = None
    modified: Day | None = None
    tags: tuple[str, ...] = ()
    falsepositives: Words = ()
    fields: tuple[str, ...] = ()
    taxonomy: str = "ecs"
    related: tuple[dict[str, str], ...] = ()
    license: str | None = None
    scope: tuple[str, ...] = ()

    @field_validator("id")
    @classmethod
    def _uuid(cls, value: str) -> str:
        try:
            return str(UUID(value))
        except ValueError:
            raise ValueError("a UUID is expected") from None

    @field_validator("name")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("a name is lower-case letters, digits and underscores")
        return value


class DetectionDocument(_Common):
    """A Sigma rule."""

    logsource: dict[str, str]
    detection: dict[str, Any]
    level: Level
    mailvigil: Extension = Extension()


class CorrelationDocument(_Common):
    """A Sigma correlation."""

    correlation: CorrelationBlock
    level: Level
    mailvigil: Extension = Extension()


class FilterDocument(_Common):
    """A Sigma filter: an exception."""

    logsource: dict[str, str]
    filter: dict[str, Any]
    level: Level | None = None
    mailvigil: ExceptionBlock
