"""Text of strangers on its way to a terminal or a page. Standard library only."""

import re

# Controls of a terminal (ESC and others of C0 and C1), ends of lines and paragraphs, halves of characters, and what
# turns the direction of the text after it. Marks inside of words, such as joiners, stay.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    r"""Return text with its control characters as escapes, such as \u001b, which mean the same in JSON."""
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
