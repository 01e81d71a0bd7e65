"""Words that come from people's data: harmless in a terminal and in a page, and never too long."""

from __future__ import annotations

import re
import unicodedata

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a terminal's cursor, turns the writing direction of what follows, or is no character at all."""


def clean(text: str) -> str:
    """The text without control characters: each becomes U+FFFD, tabs and line ends become spaces.

    An escape character in a label could rewrite a terminal; a direction override would mirror the sentence
    around it. Letters of all scripts stay.
    """
    return _CONTROL.sub("\ufffd", text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def clip(text: str, most: int) -> str:
    """At most so many characters, the cut marked; a combining mark is not parted from its letter."""
    if len(text) <= most:
        return text
    end = most - 1
    while end > 1 and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].rstrip() + "…"


def label(text: object, most: int = 60) -> str:
    """A name for a table or a chart: cleaned and clipped; a blank one is made visible."""
    return clip(clean(str(text)).strip(), most) or "(blank)"
