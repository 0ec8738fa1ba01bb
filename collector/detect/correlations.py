"""In: a correlation document. Out: what its window asks, or RuleError for what can never be, or never be known in time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from collector.detect import lint
from collector.detect.overrides import milliseconds
from collector.detect.patterns import number_of
from collector.detect.rule import Correlation
from collector.errors import RuleError
from collector.model.strict_yaml import did_you_mean

if TYPE_CHECKING:
    from collector.detect.documents import CorrelationDocument
    from collector.detect.overrides import Override
    from collector.model.catalogue import Catalogue
    from collector.model.strict_yaml import Document

_COUNTING = ("event_count", "value_count", "value_sum")
_SEQUENCES = ("temporal", "temporal_ordered")
_LATER = ("value_avg", "value_percentile")
_NEEDS_END = ("lt", "lte", "eq", "neq")
_SECOND = 1000


def window(source: Document, document: CorrelationDocument, bases: tuple[str, ...], catalogue: Catalogue, override: Override) -> Correlation:
    """Read ``correlation:``; ``bases`` are the names of its rules."""
    block = document.correlation
    at = source.at("correlation", "type")
    if block.type in _LATER:
        raise RuleError(f"{block.type} is not built yet", at, f"there are {', '.join((*_COUNTING, *_SEQUENCES))}")
    if block.type not in (*_COUNTING, *_SEQUENCES):
        raise RuleError(f"unknown type {block.type}{did_you_mean(block.type, (*_COUNTING, *_SEQUENCES))}", at)
    kind = cast("Any", block.type)
    timespan = milliseconds(block.timespan, override.timespan, document.name, source.at("correlation", "timespan"))
    if timespan < _SECOND:
        raise RuleError("a timespan is at least 1s", source.at("correlation", "timespan"))
    if kind in _SEQUENCES:
        if block.condition is not None or len(bases) < 2:  # noqa: PLR2004 - one thing makes no sequence
            raise RuleError(f"{kind} takes two or more rules and no condition", source.at("correlation"))
        override.refuse(document.name, "threshold")
        return Correlation(kind, bases, block.group_by, timespan, len(bases))
    field = _field(source, document, catalogue)
    key, value = _comparison(source, document)
    wanted = value if override.threshold is None else override.threshold
    if not isinstance(wanted, (int, float)) or number_of(wanted) is None:
        raise RuleError(f"{key}: a number is expected", source.at("correlation", "condition", key))
    strict = key == "gt"
    if kind != "value_sum":
        wanted, strict = math.floor(wanted) + 1 if strict else math.ceil(wanted), False
    correlation = Correlation(kind, bases, block.group_by, timespan, wanted, strict, field)
    lint.check_threshold(correlation, catalogue, source.at("correlation", "condition"))
    return correlation


def _field(source: Document, document: CorrelationDocument, catalogue: Catalogue) -> str | None:
    """Return the field that is counted or summed."""
    block = document.correlation
    field = (block.condition or {}).get("field")
    if (field is not None) != (block.type != "event_count"):
        raise RuleError(f"{block.type} takes {'no' if field is not None else 'a'} field", source.at("correlation", "condition"))
    if field is None:
        return None
    catalogue.field(str(field), source.at("correlation", "condition", "field"), RuleError)
    return str(field)


def _comparison(source: Document, document: CorrelationDocument) -> tuple[str, Any]:
    """Return gt or gte, and its value."""
    condition = {key: value for key, value in (document.correlation.condition or {}).items() if key != "field"}
    for key in condition:
        at = source.at("correlation", "condition", key)
        if key in _NEEDS_END:
            raise RuleError(f"{key} is known only when a window is over", at, "gt or gte; for silence: mailvigil.stateful absence")
        if key not in ("gt", "gte"):
            raise RuleError(f"unknown key {key}{did_you_mean(key, ('gt', 'gte', 'field'))}", at)
    if len(condition) != 1:
        raise RuleError("one of gt and gte is expected", source.at("correlation", "condition"))
    return next(iter(condition.items()))
