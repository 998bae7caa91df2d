"""Writes measured text into documents, so that no number in them can go stale.

A document holds it between two lines, the first of which says what measures it:

    <!-- measured NAME: COMMAND -->
    <!-- end NAME -->
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def write(document, name, text):
    """Puts `text` between the markers `name` of `document`, a path from the root of the repository."""
    path = ROOT / document
    pattern = re.compile(rf"(<!-- measured {re.escape(name)}: [^\n]* -->\n).*?(<!-- end {re.escape(name)} -->)", re.S)
    before = path.read_text()
    after, count = pattern.subn(lambda match: match[1] + text.rstrip("\n") + "\n" + match[2], before)
    if count != 1:
        raise SystemExit(f"expected the markers `{name}` once in `{path}`, got them {count} times")
    path.write_text(after)
