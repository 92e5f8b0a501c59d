"""What the console says to people, by language; one table, so that a translation is one more."""

LANGUAGES = ("en",)

_TEXTS = {
    "en": {
        "help": "Words: help, status, language. For everything else use firmware-tools.",
        "language": "Languages: %s.",
        "unknown": "? Type help.",
        "status": (
            "%(endpoint_id)s is %(state)s.\n"
            "Connection: %(link)s since %(since_s)s s. Last error: %(error)s\n"
            "Events waiting for the controller: %(journal_pending)s. Clock: %(clock)s\n"
        ),
        "none": "none",
    },
}


def text(language: str, key: str) -> str:
    return _TEXTS[language][key]
