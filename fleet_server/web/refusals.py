"""Why a rule refuses, in the reader's language: the sentence from the catalogs, filled in anew."""

from __future__ import annotations

from dataclasses import dataclass
from gettext import NullTranslations

from fleet_server.domain.errors import RuleError
from fleet_server.web.labels import label

# Values that are codes, or comma lists of codes, and the subject of their labels.
_CODES = {
    "unit_state": "unit_state",
    "next_unit_state": "unit_state",
    "unit_states": "unit_state",
    "product_class": "product_class",
    "taken_class": "product_class",
    "other_class": "product_class",
    "wanted_class": "product_class",
    "taken_classes": "product_class",
    "campaign_state": "campaign_state",
    "command_state": "command_state",
    "operation_state": "operation_state",
    "service_state": "contract_state",
    "next_service_state": "contract_state",
    "service_states": "contract_state",
    "ground": "state_ground",
    "grounds": "state_ground",
    "case_state": "case_state",
    "next_case_state": "case_state",
    "case_states": "case_state",
    "cover_state": "cover_state",
    "found_cover_state": "cover_state",
    "proposal_subject": "proposal_subject",
    "choices": "choice",
    "reasons": "owed_reason",
    "decision": "charge_decision",
    "cause": "cause",
    "person_field": "person_field",
    "role": "role",
    "purpose": "purpose",
}


@dataclass(frozen=True, slots=True)
class InWords:
    """`is_english`: the catalog of another language does not have the sentence."""

    text: str
    is_english: bool


def refusal_in_words(catalog: NullTranslations, error: RuleError) -> InWords:
    sentence = catalog.gettext(error.message) if error.message else ""
    values = {name: _value_in_words(catalog, name, value) for name, value in error.values.items()}
    if "part" in values:
        values["part"] = part_in_words(catalog, str(values["part"]))
    return InWords(sentence % values if values else sentence, sentence == error.message)


def _value_in_words(catalog: NullTranslations, name: str, value: str | int) -> str | int:
    if name == "advice":
        return catalog.gettext(str(value))
    if name not in _CODES:
        return value
    codes = (code.strip() for code in str(value).split(","))
    return ", ".join(label(catalog, _CODES[name], code) for code in codes)


def part_in_words(catalog: NullTranslations, part: str) -> str:
    """As the form calls it; of a part of a selection also where in it that is."""
    name = part.rpartition(".")[2]
    if label(catalog, "campaign_part", name) != name:
        return label(catalog, "campaign_part", name)
    whole = part.partition(".")[0]
    words = label(catalog, "campaign_part", whole)
    return part if words == whole else f"{words} ({part})"
