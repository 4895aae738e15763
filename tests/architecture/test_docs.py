"""Every public name is documented, with an example that runs.

The examples themselves are run by pytest (`--doctest-modules`); here it is checked that they are there and not skipped.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

PACKAGE_FOLDER = Path(__file__).resolve().parents[2] / "python"
PARSER = doctest.DocTestParser()
SKIP = doctest.OPTIONFLAGS_BY_NAME["SKIP"]


class Public(NamedTuple):
    """One documented thing: its full name, itself, and the class that holds it."""

    name: str
    value: Any
    owner: type | None


def exported() -> Iterator[Public]:
    """What the packages export and is written here: functions and classes, each once."""
    seen = set()
    for path in sorted(PACKAGE_FOLDER.rglob("__init__.py")):
        package = ".".join(path.relative_to(PACKAGE_FOLDER).parent.parts)
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            home = getattr(value, "__module__", "") or ""
            is_ours = home.split(".")[0] == "lakebed" and home != "lakebed._core"
            if is_ours and (inspect.isfunction(value) or inspect.isclass(value)) and id(value) not in seen:
                seen.add(id(value))
                yield Public(f"{home}.{value.__qualname__}", value, None)


def members(public: Public) -> Iterator[Public]:
    """The public methods and properties that a class itself defines."""
    for name, value in vars(public.value).items():
        plain = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        is_documentable = inspect.isfunction(plain) or isinstance(plain, property)
        if is_documentable and not name.startswith("_"):
            yield Public(f"{public.name}.{name}", plain, public.value)


EXPORTED = sorted(exported(), key=lambda public: public.name)
CLASSES = [public for public in EXPORTED if inspect.isclass(public.value)]
MEMBERS = [member for public in CLASSES for member in members(public)]
CALLABLES = [public for public in (*EXPORTED, *MEMBERS) if inspect.isfunction(public.value)]


def ids(publics: list[Public]) -> list[str]:
    return [public.name.removeprefix("lakebed.") for public in publics]


def test_public_names_are_found() -> None:
    assert len(EXPORTED) > 20, ids(EXPORTED)
    assert len(CLASSES) > 10, ids(CLASSES)
    assert len(MEMBERS) > 20, ids(MEMBERS)


@pytest.mark.parametrize("public", [*EXPORTED, *MEMBERS], ids=ids([*EXPORTED, *MEMBERS]))
def test_it_has_a_docstring(public: Public) -> None:
    assert (public.value.__doc__ or "").strip(), f"{public.name} has no docstring"


@pytest.mark.parametrize("public", CALLABLES, ids=ids(CALLABLES))
def test_its_arguments_and_result_are_described(public: Public) -> None:
    doc = inspect.getdoc(public.value) or ""
    parameters = [name for name in inspect.signature(public.value).parameters if name not in {"self", "cls"}]
    if parameters:
        assert "Args:" in doc, f"{public.name} takes {parameters} and does not describe them"
        undescribed = [name for name in parameters if f"{name}:" not in doc]
        assert undescribed == [], f"parameters of {public.name} without a description"
    if returns_something(public.value):
        assert "Returns:" in doc or "Yields:" in doc or not parameters, f"{public.name} does not describe its result"


def returns_something(function: Callable[..., Any]) -> bool:
    result = inspect.get_annotations(function).get("return")
    return result not in {None, "None", "Self", "NoReturn"}


def needs_example(public: Public) -> bool:
    """Functions, classes and methods do; errors, protocols and properties show themselves elsewhere."""
    if inspect.isclass(public.value):
        return not (issubclass(public.value, BaseException) or getattr(public.value, "_is_protocol", False))
    return inspect.isfunction(public.value) and not (public.owner and issubclass(public.owner, BaseException))


WITH_EXAMPLE = [public for public in (*EXPORTED, *MEMBERS) if needs_example(public)]


@pytest.mark.parametrize("public", WITH_EXAMPLE, ids=ids(WITH_EXAMPLE))
def test_it_has_an_example_that_runs(public: Public) -> None:
    assert examples(public.value) or is_shown_by_its_class(public), (
        f"{public.name} has no `Example:` with a `>>>` line, nor does the example of its class use it"
    )


def examples(value: object) -> list[doctest.Example]:
    """The examples of a docstring that doctest runs."""
    found = PARSER.get_examples(inspect.getdoc(value) or "")
    return [example for example in found if not example.options.get(SKIP)]


def is_shown_by_its_class(public: Public) -> bool:
    if public.owner is None:
        return any(examples(member.value) for member in members(public)) if inspect.isclass(public.value) else False
    method = public.name.rsplit(".", 1)[-1]
    return any(f".{method}(" in example.source for example in examples(public.owner))


def test_no_example_is_skipped() -> None:
    documented = [*EXPORTED, *MEMBERS]
    sources = {public.name: inspect.getdoc(public.value) or "" for public in documented}
    assert sum(">>>" in text for text in sources.values()) > 10, "hardly any examples found"
    assert [name for name, text in sources.items() if "doctest: +SKIP" in text] == []


def test_every_module_says_what_it_is_for() -> None:
    paths = sorted(PACKAGE_FOLDER.rglob("*.py"))
    assert len(paths) > 10, f"found only {paths}"
    silent = [
        str(path.relative_to(PACKAGE_FOLDER)) for path in paths if not path.read_text().startswith(('"""', 'r"""'))
    ]
    assert silent == []
