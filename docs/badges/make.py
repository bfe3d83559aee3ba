"""Draw the badges of the README: ``python docs/badges/make.py``.

What they say is read from the project's files, and they are files of the repository, so
that the README needs no network. A test holds them equal to what this script draws.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[2]
_CHARACTER = 6.6  # pixels, on average, at the size below

_BADGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" '
    'aria-label="{label}: {value}">'
    '<rect width="{width}" height="20" rx="3" fill="#404040"/>'
    '<rect x="{left}" width="{right}" height="20" rx="3" fill="#0072B2"/>'
    '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" '
    'text-anchor="middle">'
    '<text x="{label_at}" y="14">{label}</text>'
    '<text x="{value_at}" y="14">{value}</text></g></svg>\n'
)


def draw(label: str, value: str) -> str:
    """Return the SVG of a badge with two fields."""
    left, right = (round(_CHARACTER * len(text)) + 12 for text in (label, value))
    return _BADGE.format(
        width=left + right,
        left=left,
        right=right,
        label_at=left / 2,
        value_at=left + right / 2,
        label=escape(label),
        value=escape(value),
    )


def badges() -> dict[str, str]:
    """Return the badges by file name, with values read from the project's files."""
    project = (ROOT / "pyproject.toml").read_text()
    package = (ROOT / "sklearn_ae" / "_version.py").read_text()
    checks = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))

    def find(pattern: str, text: str) -> str:
        return re.search(pattern, text, re.M).group(1)

    excused = "expected_failed_checks" in checks
    return {
        "version.svg": draw("version", find(r'^__version__ = "(.+)"', package)),
        "python.svg": draw("python", find(r'^requires-python = "(.+)"', project)),
        "license.svg": draw("licence", find(r'^license = "(.+)"', project)),
        "checks.svg": draw(
            "scikit-learn checks", "some are excused" if excused else "all pass"
        ),
    }


if __name__ == "__main__":
    for name, svg in badges().items():
        (Path(__file__).parent / name).write_text(svg)
