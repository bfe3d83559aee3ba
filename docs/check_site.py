"""Check the built site: every link, anchor and image, and in a browser its widths.

``python docs/check_site.py docs/_build/html`` looks at links. ``--browser chromium``
also opens each page at 1400 and 400 pixels, to find sideways scrolling and broken
images.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

WIDTHS = (1400, 400)

# Loads page after page into a frame of a width, and writes down what is wrong.
_PROBE = """<!DOCTYPE html><body><pre id="out">running</pre><script>
const jobs = {jobs}, wrong = [];
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {{
  for (const [page, width] of jobs) {{
    const frame = document.createElement("iframe");
    frame.style.cssText = `width:${{width}}px;height:900px;border:0`;
    const loaded = new Promise((done) => (frame.onload = done));
    frame.src = page;
    document.body.append(frame);
    await Promise.race([loaded, wait(10000)]);
    await wait(150);
    const root = frame.contentDocument.documentElement;
    if (root.scrollWidth > width)
      wrong.push(`${{page}} at ${{width}}: ${{root.scrollWidth}} pixels wide`);
    for (const image of frame.contentDocument.images)
      if (image.loading !== "lazy" && image.complete && !image.naturalWidth)
        wrong.push(`${{page}}: image ${{image.src}}`);
    frame.remove();
  }}
  document.getElementById("out").textContent =
    "checked " + jobs.length + "\\n" + wrong.join("\\n");
}})();
</script></body>"""


class Page(HTMLParser):
    """Anchors of a page, and what it points to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.targets = {"", "top"}, []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        """Note ids, links and sources."""
        given = dict(attrs)
        self.anchors |= {given.get("id"), given.get("name")} - {None}
        self.targets += [given[k] for k in ("href", "src") if given.get(k)]


def _pages(site: Path) -> list[Path]:
    """Return the pages; what the theme brings is none."""
    return sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)


def broken_links(site: Path) -> list[str]:
    """Return what leads nowhere within the site."""
    pages = {path.resolve(): Page(path) for path in _pages(site)}
    wrong = []
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (
                (path.parent / unquote(parts.path)).resolve() if parts.path else path
            )
            anchor = unquote(parts.fragment)
            lost = there in pages and anchor not in pages[there].anchors
            if not there.exists() or lost:
                wrong.append(f"{path.relative_to(site.resolve())}: {target}")
    return wrong


def seen_in(browser: str, site: Path) -> list[str]:
    """Return what a browser finds wrong with the pages."""
    pages = [path.resolve().as_uri() for path in _pages(site)]
    jobs = [(page, width) for page in pages for width in WIDTHS]
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    flags += ["--allow-file-access-from-files", "--window-size=1500,1000"]
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.html"
        probe.write_text(_PROBE.format(jobs=json.dumps(jobs)))
        time = f"--virtual-time-budget={2000 * len(jobs)}"
        done = subprocess.run(
            [browser, *flags, time, probe.as_uri()],
            capture_output=True,
            text=True,
            check=True,
        )
    text = done.stdout.partition('<pre id="out">')[2].partition("</pre>")[0]
    first, *wrong = text.splitlines()
    print(f"{browser}: {first} of {len(jobs)}")
    return (
        wrong if first == f"checked {len(jobs)}" else [*wrong, "not all were checked"]
    )


def main() -> None:
    """Check a site and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("--browser", help="also look with this program")
    given = parser.parse_args()
    wrong = broken_links(given.site)
    if given.browser:
        wrong += seen_in(given.browser, given.site)
    sys.exit("\n".join(wrong) if wrong else 0)


if __name__ == "__main__":
    main()
