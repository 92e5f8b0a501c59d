"""Every message of every page has its words in every language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from fleet_server.domain.campaign import ADVICE
from fleet_server.domain.errors import RuleError
from fleet_server.domain.policy import SETTINGS
from fleet_server.domain.swap_remark import SENTENCES
from fleet_server.services.accounts import LANGUAGES
from fleet_server.services.command_orders import RESERVED
from fleet_server.web import application
from fleet_server.web.i18n import choose_language, translations
from fleet_server.web.labels_campaign import CAMPAIGN_WORDS
from fleet_server.web.labels_command import COMMAND_WORDS
from fleet_server.web.labels_people import PEOPLE_WORDS
from fleet_server.web.labels_registry import REGISTRY_WORDS
from fleet_server.web.labels_repair import REPAIR_WORDS
from fleet_server.web.labels_service import SERVICE_WORDS
from fleet_server.web.labels_steps import STEP_WORDS
from fleet_server.web.labels_swap import SWAP_WORDS

WEB = Path(application.__file__).parent
SOURCES = [("**.py", "python"), ("templates/**.html", "jinja2")]
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]")
CYRILLIC = re.compile(r"[\u0400-\u04ff]")
SERVER = "fleet_server"
RULES_IN = ("domain", "services", "web")
TRANSLATED = [language for language in LANGUAGES if language != "en"]


def messages() -> set[str]:
    """What the templates and the code ask the catalogs for, and what the settings do."""
    keywords: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None}
    found = extract_from_dir(WEB, SOURCES, keywords=keywords)
    asked_for = {str(message) for _file, _line, message, _comments, _context in found}
    told = {setting.effect for setting in SETTINGS.values()} | set(SENTENCES.values())
    told |= set(ADVICE.values()) | set(RESERVED.values())
    return asked_for | told | set(refusals())


def refusals() -> Iterator[str]:
    """The sentences with which rules refuse a form."""
    for path in files_behind_pages():
        for said in said_by_rules(path):
            if isinstance(said, ast.Constant):
                yield str(said.value)


def said_by_rules(path: Path) -> Iterator[ast.expr]:
    """What stands as the sentence of a rule's error in a file, be it a sentence or not.

    Kinds that make their text themselves are left out: pages have words of their own for them.
    """
    kinds = rule_errors(RuleError)
    takes_sentence = {kind.__name__ for kind in kinds if "__init__" not in vars(kind)}
    takes_sentence.add(RuleError.__name__)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and name_of(node.func) in takes_sentence:
            yield node.args[0]


@cache
def files_behind_pages() -> list[Path]:
    """The files with rules that the pages import, directly or through others.

    The rules of the rest meet only callers of the API, devices and command lines: in English.
    """
    found: set[Path] = set()
    to_read = sorted(WEB.glob("*.py"))
    while to_read:
        path = to_read.pop()
        if path not in found:
            found.add(path)
            to_read += imported_by(path)
    return sorted(path for path in found if path.relative_to(WEB.parent).parts[0] in RULES_IN)


def imported_by(path: Path) -> Iterator[Path]:
    """The files of the server that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(SERVER):
            names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            files = (WEB.parent.parent / f"{name.replace('.', '/')}.py" for name in names)
            yield from (file for file in files if file.exists())


def rule_errors(kind: type[RuleError]) -> set[type[RuleError]]:
    """All kinds of errors of rules, of the modules that the pages import."""
    return {kind}.union(*(rule_errors(derived) for derived in kind.__subclasses__()))


def name_of(called: ast.expr) -> str:
    if isinstance(called, ast.Attribute):
        return called.attr
    return called.id if isinstance(called, ast.Name) else ""


def catalog(language: str) -> Catalog:
    with (WEB / "translations" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def test_the_pages_have_messages_at_all() -> None:
    assert len(messages()) > 100


def test_a_rule_behind_the_pages_refuses_with_a_sentence_that_can_be_looked_up() -> None:
    said = [(path.name, one) for path in files_behind_pages() for one in said_by_rules(path)]
    assert [
        (name, ast.unparse(one)) for name, one in said if not isinstance(one, ast.Constant)
    ] == []
    assert len(said) > 200


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_has_a_translation_and_no_translation_is_left_over(language: str) -> None:
    translated = {str(entry.id) for entry in catalog(language) if entry.id and entry.string}
    assert translated == messages()


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_agree(language: str) -> None:
    differing = [
        entry.id
        for entry in catalog(language)
        if sorted(PLACEHOLDER.findall(str(entry.id)))
        != sorted(PLACEHOLDER.findall(str(entry.string)))
    ]
    assert differing == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_marked_as_unsure(language: str) -> None:
    assert [entry.id for entry in catalog(language) if entry.id and entry.fuzzy] == []


def test_serbian_is_in_latin_script() -> None:
    assert [e.id for e in catalog("sr") if CYRILLIC.search(str(e.string))] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Power lost"), ("sq", "Ndërprerje e rrymës"), ("sr", "Nestanak struje")],
)
def test_a_power_cut_has_the_trades_word(language: str, words: str) -> None:
    assert translations(language).gettext("Power lost") == words


@pytest.mark.parametrize(
    ("account", "cookie", "header", "language"),
    [
        ("sr", "sq", "en", "sr"),
        ("", "sr", "en", "sr"),
        ("", "xx", "en", "en"),
        ("", "", "de, sr-Latn-RS;q=0.8, en;q=0.5", "sr"),
        ("", "", "en;q=0.4, sq-XK;q=0.9", "sq"),
        ("", "", "en-GB,en", "en"),
        ("", "", "", "sq"),
        ("", "", "de-AT, fr;q=0.5", "sq"),
        ("", "", "en;q=high, ;;;, sr;q=0.1", "sr"),
    ],
)
def test_the_language_is_the_persons_then_the_browsers(
    account: str, cookie: str, header: str, language: str
) -> None:
    assert choose_language(account, cookie, header) == language


def test_no_subject_of_labels_takes_the_place_of_another() -> None:
    files = (
        CAMPAIGN_WORDS,
        COMMAND_WORDS,
        PEOPLE_WORDS,
        REGISTRY_WORDS,
        REPAIR_WORDS,
        SERVICE_WORDS,
        STEP_WORDS,
        SWAP_WORDS,
    )
    subjects = [subject for words in files for subject in words]
    assert len(subjects) == len(set(subjects))
