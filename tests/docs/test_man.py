"""The manual says what the commands do: the table, the parsers and the pages agree."""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.docs import mdoc
from tests.docs.source import ROOT
from tests.e2e import test_describe, test_ls
from tsm.commands import TABLE
from tsm.store.home import FILES

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path
    from types import ModuleType

    from tests.running import Tsm

MAN = ROOT / "man"
PAGES = sorted(MAN.glob("*.[157]"))

each_command = pytest.mark.parametrize("name", sorted(TABLE))


def _page(name: str) -> Path:
    return MAN / f"tsm-{name}.1"


def _module(name: str) -> ModuleType:
    return importlib.import_module(TABLE[name].source)


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """What `--help` shows of a parser and of the parsers below it."""
    found = set()
    for action in parser._actions:  # noqa: SLF001 # argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 # nor to tell these
            found |= {one for below in action.choices.values() for one in _options(below)}
        elif action.help != argparse.SUPPRESS:
            found |= set(action.option_strings)
    return found - {"-h", "--help"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the wheel that is built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    with ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert {page.name for page in MAN.glob("tsm-*.1")} == {_page(name).name for name in TABLE}


@each_command
def test_one_sentence_names_a_command_everywhere(name: str) -> None:
    sentence = TABLE[name].sentence
    assert TABLE[name].name == name
    assert (_module(name).__doc__ or "").splitlines()[0] == sentence
    assert mdoc.named(_page(name)).rstrip(".").lower() == sentence.rstrip(".").lower()


def test_help_lists_every_command_with_its_sentence(tsm: Tsm) -> None:
    said = " ".join(tsm("--help").out.split())
    assert [one.name for one in TABLE.values() if one.sentence.rstrip(".") not in said] == []


@each_command
def test_a_page_describes_the_options_of_its_parser(name: str) -> None:
    parser = argparse.ArgumentParser()
    _module(name).configure(parser)
    described = mdoc.options(_page(name))
    if name == "run":  # has those of the definition, which the page of start describes
        described |= mdoc.options(_page("start")) & _options(parser)
    assert described == _options(parser)


@pytest.mark.parametrize(("name", "keys"), [("describe", test_describe.KEYS), ("ls", test_ls.KEYS)])
def test_a_page_names_the_keys_of_its_object(name: str, keys: Collection[str]) -> None:
    assert set(keys) - mdoc.variables(_page(name)) == set()


@each_command
def test_every_command_has_its_test(name: str) -> None:
    module = TABLE[name].source.rpartition(".")[2]
    assert (ROOT / "tests/e2e" / f"test_{module}.py").is_file()


def test_the_manual_lists_the_files_that_the_store_keeps() -> None:
    described = mdoc.files(MAN / "tsm-runtime.5") | mdoc.files(MAN / "tsm-db.5")
    assert described == set(FILES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_finds_nothing_to_warn_of(page: Path) -> None:
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (lint.stdout, lint.stderr, lint.returncode) == ("", "", 0)


def test_the_wheel_holds_every_page(wheel: set[str]) -> None:
    shared = f"{_stem(wheel)}.data/data/share/man/man"
    held = {name.removeprefix(shared) for name in wheel if name.startswith(shared)}
    assert held == {f"{page.suffix[1:]}/{page.name}" for page in PAGES}


def test_the_wheel_holds_every_file_of_the_package(wheel: set[str]) -> None:
    kept = {path for path in (ROOT / "tsm").rglob("*") if "__pycache__" not in path.parts}
    assert {str(path.relative_to(ROOT)) for path in kept if path.is_file()} <= wheel


def _stem(wheel: set[str]) -> str:
    """The `tsm_toolkit-VERSION` that the wheel's own folders begin with."""
    (record,) = (name for name in wheel if name.endswith(".dist-info/RECORD"))
    return record.removesuffix(".dist-info/RECORD")
