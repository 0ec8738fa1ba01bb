"""In: the catalogue, the parsers, the rules, the settings' models, the verbs' options. Out: the pages of docs/reference/ (run by ``make docs``)."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from collector import content, errors
from collector.agent import assembly
from collector.cli.main import VERBS
from collector.config import load, settings
from collector.model.json import dumps
from collector.model.moment import in_words
from collector.parse.binding import LINE
from collector.parse.derive import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pydantic.fields import FieldInfo

    from collector.agent.assembly import Content
    from collector.detect.loader import Rules
    from collector.detect.playbooks import Playbook
    from collector.detect.rule import Exemption, Rule
    from collector.model.catalogue import ActionDef, Catalogue
    from collector.parse.binding import Entry

HERE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py; `make docs` writes it anew. -->"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    loaded = assembly.load_content()
    return {
        "actions.md": _page("Actions", actions(loaded)),
        "errors.md": _page("Errors and exit codes", failures()),
        "events.md": _page("Events of lines", events(loaded)),
        "fields.md": _page("Fields", fields(loaded.catalogue)),
        "functions.md": _page("Functions of parsers", functions()),
        "rules.md": _page("Rules and playbooks", rules(loaded.rules)),
        "settings.md": _page("Settings", options()),
        "verbs.md": _page("Verbs", verbs()),
    }


def _page(title: str, paragraphs: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE, *paragraphs]) + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


def _code(value: Any) -> str:
    text = value if isinstance(value, str) else dumps(value).decode()
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _codes(values: Iterable[Any]) -> str:
    return ", ".join(map(_code, values))


# what flows


def fields(catalogue: Catalogue) -> Iterator[str]:
    """Every field; the closed lists stand below."""
    yield "Every name that an event, a document or a rule may use ([fields.yaml](../../collector/model/fields.yaml)). *hidden*: rules see it, no document carries it."
    rows = []
    for name, field in catalogue.fields.items():
        kind = f"{field.type}{', list' if field.array else ''}{'' if field.ship else ', hidden'}"
        rows.append((_code(name), kind, "ECS" if field.source == "ecs" else "own", field.doc))
    yield _table(("field", "type", "", "meaning"), rows)
    yield "## Closed lists"
    yield "What stands in no list is refused in a parser or a rule; a foreign word becomes `other` where the list has it."
    yield _table(("field", "values"), ((_code(name), _codes(field.values)) for name, field in catalogue.fields.items() if field.values))


def actions(loaded: Content) -> Iterator[str]:
    """Every event.action, those that nothing says yet at the end."""
    yield "`event.action` says what happened, and fixes what every event of that name is ([actions.yaml](../../collector/model/actions.yaml))."
    yield "*Outcome* `by-text`: the line decides, as the meaning says; `absent`: the question makes no sense."
    yield f"Every event may also carry what is common to all: {_codes(sorted(loaded.catalogue.common))}."
    shapes: dict[str, list[str]] = {}
    for shape in loaded.parsers.shapes:
        shapes.setdefault(shape.action, []).append(shape.name)
    modules = "\n".join(path.read_text("utf-8") for path in sorted(Path(content.__file__).parent.rglob("*.py")))
    spoken = {name for name in loaded.catalogue.actions if name in shapes or f'"{name}"' in modules}
    for name in loaded.catalogue.actions:
        if name in spoken:
            yield f"## {name}"
            yield _action(loaded.catalogue.actions[name])
            if name in shapes:
                yield f"Shapes: {_codes(shapes[name])}."
    yield "## Not said yet"
    yield "These names are kept for what is still to come; nothing writes such an event."
    yield _table(("action", "meaning"), ((_code(name), action.doc) for name, action in loaded.catalogue.actions.items() if name not in spoken))


def _action(action: ActionDef) -> str:
    facts = [("kind", action.kind), ("category", _codes(action.category)), ("type", _codes(action.type)), ("outcome", action.outcome)]
    facts += [("stream", _codes(action.stream)), ("said by", action.producer), ("always", _codes(action.fields.sure)), ("perhaps", _codes(action.fields.may))]
    return f"{action.doc}.\n\n{_table(('', ''), [fact for fact in facts if fact[1]])}"


def events(loaded: Content) -> Iterator[str]:
    """Every shape of every parser file, with the line of its first sample."""
    yield "One row a shape: which lines there are, what they become, and which fields an event of the shape may carry besides what its action fixes."
    yield f"Not repeated in each row: {_codes(LINE)}, and what the envelope knows (host, program, pid, file)."
    bare = []
    for program in loaded.parsers.programs:
        if not program.entries:
            bare.append((program.product, _codes(program.globs)))
            continue
        first = program.entries[0]
        yield f"## {first.shape.name.rpartition('.')[0]}"
        yield f"[{first.at.file}](../../{first.at.file}) reads {_codes(program.globs)}."
        yield _table(("shape", "action", "line", "fields"), [_event(entry, loaded.catalogue) for entry in program.entries])
    yield "## Known by name only"
    yield "Lines of these programs are `unparsed-line` events."
    yield _table(("product", "programs"), bare)


def _event(entry: Entry, catalogue: Catalogue) -> tuple[str, str, str, str]:
    said = " and ".join(_code(shape.action) for shape in (entry.shape, *(further.shape for further in entry.further)))
    fixed = catalogue.shape("", entry.shape.action, entry.shape.stream).static
    given = {name: f"{name}: {value if isinstance(value, str) else dumps(value).decode()}" for name, value in entry.shape.static.items() if name not in fixed}
    names = sorted({*entry.shape.fields, *given} - set(LINE))
    return _code(entry.shape.name.rpartition(".")[2]), said, _code(entry.samples[0].all_lines[-1]), _codes(given.get(name, name) for name in names)


def functions() -> Iterator[str]:
    """Every name that a shape may write under derive."""
    yield "What a shape may name under `derive` ([parsers/README.md](../../parsers/README.md)). A name with `_` in front is a part, for the shape alone."
    rows = [(_code(name), _first_line(one.function.__doc__).replace("``", "`"), _codes(one.gives)) for name, one in FUNCTIONS.items()]
    yield _table(("function", "what it does", "gives"), rows)


# what judges


def rules(loaded: Rules) -> Iterator[str]:
    """Every rule that speaks, the building blocks, the playbooks."""
    yield "Rules that alert, by folder; then the blocks that only feed them, and the playbooks. How to write one: [rules/README.md](../../rules/README.md)."
    speaking = sorted((rule for rule in loaded.rules.values() if rule.speaks), key=lambda rule: (rule.facts.category, rule.name))
    for category, some in groupby(speaking, key=lambda rule: rule.facts.category):
        yield f"## {category}"
        for rule in some:
            yield f"### {rule.name}"
            yield f"**{rule.facts.title}.** {rule.facts.description}"
            yield _table(("", ""), ((name, text) for name, text in _rule(rule, on=rule.name in loaded.active) if text))
    yield "## Building blocks"
    blocks = [rule for rule in loaded.rules.values() if not rule.speaks]
    yield _table(("name", "what", "events"), ((_code(rule.name), rule.facts.description or rule.facts.title, _codes(sorted(rule.actions))) for rule in blocks))
    yield "## Exceptions"
    yield "Filters that ship and hold for the rules they name."
    yield _table(("name", "what", "rules", "file"), map(_exception, loaded.exemptions))
    yield "## Playbooks"
    yield _table(("playbook", "title", "rules", "owner"), map(_playbook, sorted(loaded.playbooks.values(), key=lambda playbook: playbook.id)))


def _rule(rule: Rule, *, on: bool) -> Iterator[tuple[str, str]]:
    own = rule.document.mailvigil
    yield "level", rule.facts.level
    yield "by default", "on" if on else "off (extended)"
    yield "events", _codes(sorted(rule.actions))
    yield "fires", _window(rule)
    yield "one episode a", f"{_codes(rule.suppress.by)}, until {in_words(rule.suppress.quiet)} of quiet"
    yield "playbook", f"[{rule.playbook.id}](../../{rule.playbook.at.file})" if rule.playbook else ""
    yield "ATT&CK", ", ".join(tag.removeprefix("attack.") for tag in rule.facts.tags)
    yield "false positives", _words(rule.document.falsepositives)
    yield "needs", _words(own.needs)
    yield "file", f"[{rule.at.file}](../../{rule.at.file}), id {rule.facts.uuid}, version {rule.facts.version}"


def _words(given: str | tuple[str, ...] | dict[str, str]) -> str:
    if isinstance(given, str):
        return given
    return "; ".join(given if isinstance(given, tuple) else map(": ".join, given.items()))


def _window(rule: Rule) -> str:
    one = rule.correlation
    if rule.absence is not None:
        return f"no event of one {_codes(rule.absence.by)} for {in_words(rule.absence.window)}"
    if one is None:
        return "at every such event"
    key, time = _codes(one.group_by), in_words(one.timespan)
    if one.type.startswith("temporal"):
        return f"all of {_codes(one.bases)}{' in this order' if one.type == 'temporal_ordered' else ''} in {time}, for one {key}"
    what = {"event_count": "events", "value_count": f"different {_code(one.field)}", "value_sum": f"as the sum of {_code(one.field)}"}[one.type]
    return f"{'more than' if one.strict else 'at least'} {one.threshold:g} {what} of {_codes(one.bases)} in {time}, for one {key}"


def _exception(one: Exemption) -> tuple[str, str, str, str]:
    return _code(one.name), f"{one.title}: {one.reason}", _codes(one.rules) or "all", f"[{one.at.file}](../../{one.at.file})"


def _playbook(playbook: Playbook) -> tuple[str, str, str, str]:
    return f"[{playbook.id}](../../{playbook.at.file})", playbook.title, _codes(playbook.applies_to), playbook.owner


# what people type


def options() -> Iterator[str]:
    """Every key of the settings and of overlay.yaml."""
    yield f"TOML: `{load.DEFAULT}`, then `conf.d/*.toml` beside it in order of name, then variables: `MAILVIGIL_SPOOL__MAX_BYTES='2 GiB'` is `max_bytes` of `[spool]`."
    yield "Everything has a default. `MAILVIGIL_DEBUG=1` shows where a fault of mailvigil itself happened. A span is a number and `s`, `m`, `h` or `d`."
    yield 'A secret is a text, `{ file = "/path" }` (refused where everybody may read it) or `{ credential = "name" }` (systemd\'s `LoadCredential=`).'
    yield from _section("", settings.Settings)
    yield "## overlay.yaml"
    yield "The file of an `--overlay` folder: YAML, with facts and numbers for `replay`, `explain`, tests. `site`, `probe` and `rules` hold what the tables of these names hold."
    yield _table(("key", "type", "default", "meaning"), [_option("enable", settings.Overlay.model_fields["enable"])])


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    rows, below = [], []
    for key, info in model.model_fields.items():
        inner = next((one for one in _models(info.annotation) if one.__module__ == settings.__name__), None)
        if inner is None:
            rows.append(_option(info.alias or key, info))
        else:
            below.append((_heading(name, key, info.annotation), inner))
    if rows:
        about = _first_line((model.__doc__ or "").removeprefix("``").partition("``")[2].lstrip(":;. "))
        yield from filter(None, (f"## {name}", about) if name else ())
        yield _table(("key", "type", "default", "meaning"), rows)
    for heading, inner in below:
        yield from _section(heading, inner)


def _first_line(text: str | None) -> str:
    first = (text or "").partition("\n")[0]
    return first[:1].upper() + first[1:]


def _heading(above: str, key: str, annotation: Any) -> str:
    path = f"{above.strip('[]')}.{key}".removeprefix(".")
    return {tuple: f"[[{path}]]", dict: f"[{path}.NAME]"}.get(get_origin(annotation), f"[{path}]")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _option(key: str, info: FieldInfo) -> tuple[str, str, str, str]:
    default = "" if info.is_required() or info.default in (None, "") else _code(info.default)
    return _code(key), _kind(info.annotation), "must be given" if info.is_required() else default, info.description or ""


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(map(_code, arguments))
    if origin is tuple:
        return f"list of {_kind(arguments[0])}s"
    if origin is dict:
        return f"table of {_kind(arguments[1])}s"
    plain = [one for one in arguments if one is not type(None)] or [annotation]
    if any(True for _ in _models(annotation)):
        return "secret"
    names: Mapping[Any, str] = {str: "text", bool: "true or false", int: "number", float: "number"}
    return names.get(plain[0]) or _kind(plain[0])


def verbs() -> Iterator[str]:
    """Every verb with its options, and the exit codes."""
    yield "Each verb says the same at `mailvigil VERB --help`."
    for verb, text in VERBS.items():
        parser = argparse.ArgumentParser(f"mailvigil {verb}")
        import_module(f"collector.cli.{verb}_cmd").arguments(parser)
        yield f"## {verb}"
        yield f"{text.capitalize()}."
        yield _table(("option", "meaning"), map(_argument, parser._actions))  # noqa: SLF001 - argparse has no other list of them
    yield "## Exit codes"
    yield _table(("code", "error", "meaning"), [("0", "", "Fine."), *_codes_of(errors.CollectorError)])
    yield "1 is also what a verb gives that found something: a failed test, a remark of `check`. `run --once` gives 6 where something stays unsent."
    yield "What to do: [errors](errors.md)."


def failures() -> Iterator[str]:
    """Every error, its exit code and what to do about it."""
    yield "An error is one sentence on standard error, its place before it where there is one (`file:line:column`), and what to do below it."
    yield "A line that nothing understands is no error but an `unparsed-line` event; a document that a server refuses is kept as a dead letter; neither stops anything."
    yield f"```text\n{chr(10).join(_tree(errors.CollectorError))}\n```"
    yield "## What to do"
    yield "An error that knows better says so itself. Below is what stands there otherwise."
    for error in _all(errors.CollectorError):
        yield f"### {error.__name__}"
        yield f"{_first_line(error.__doc__).replace('``', '`')}"
        yield f"Exit code {error.exit_code}. What to do: {error.advice}."


def _all(error: type[errors.CollectorError]) -> Iterator[type[errors.CollectorError]]:
    yield error
    for further in error.__subclasses__():
        yield from _all(further)


def _tree(error: type[errors.CollectorError], depth: int = 0) -> Iterator[str]:
    yield f"{'    ' * depth + error.__name__:<28}{error.exit_code}"
    for further in error.__subclasses__():
        yield from _tree(further, depth + 1)


def _argument(action: argparse.Action) -> tuple[str, str]:
    shown = action.metavar or (f"{{{','.join(action.choices)}}}" if action.choices else action.dest.upper() if action.nargs != 0 else "")
    return (_code(", ".join(action.option_strings) + (f" {shown}" if shown else "")) if action.option_strings else _code(shown or action.dest)), action.help or ""


def _codes_of(error: type[errors.CollectorError]) -> Iterator[tuple[str, str, str]]:
    for one in _all(error):
        yield str(one.exit_code), _code(one.__name__), _first_line(one.__doc__).replace("``", "`")


def main() -> int:
    """Write the pages."""
    HERE.mkdir(exist_ok=True)
    for name, text in pages().items():
        HERE.joinpath(name).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
