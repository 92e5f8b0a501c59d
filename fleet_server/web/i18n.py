"""The languages of the console: catalogs, and which one a request gets.

Messages are English in the code; `translations/<language>.po` holds the others and is read as
it is, so no compiled file has to be kept in step. A person's own choice comes first, then the
browser's choice kept in a cookie, then what the browser asks for, then Albanian.
"""

from __future__ import annotations

import gettext
import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

from fleet_server.services.accounts import LANGUAGES

DEFAULT_LANGUAGE = LANGUAGES[0]
SOURCE_LANGUAGE = "en"
LANGUAGE_COOKIE = "language"
# Each language under its own name, for the switch and its `lang` attributes.
LANGUAGE_NAMES = {"sq": "Shqip", "sr": "Srpski", "en": "English"}
HTML_LANGUAGES = {"sq": "sq", "sr": "sr-Latn", "en": "en"}

_FOLDER = Path(__file__).parent / "translations"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalog of `language`; English is what the code says."""
    if language == SOURCE_LANGUAGE:
        return NullTranslations()
    with (_FOLDER / f"{language}.po").open("rb") as file:
        catalog = read_po(file, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def choose_language(account_choice: str, cookie: str, accept_language: str) -> str:
    """The language of one answer, one of LANGUAGES."""
    for choice in (account_choice, cookie):
        if choice in LANGUAGES:
            return choice
    return _accepted(accept_language)


def _accepted(header: str) -> str:
    best, best_weight = DEFAULT_LANGUAGE, 0.0
    for part in header.split(",")[:20]:
        tag, _, weight_text = part.strip().partition(";q=")
        language = tag.split("-")[0].lower()
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and weight > best_weight:
            best, best_weight = language, weight
    return best
