"""Progress bars: of a run, with losses and PCA's loss, and of many fits."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

__all__ = ["SilentBar", "announce", "progress_bar", "show_epoch", "track"]


def announce(text: str, verbose: int) -> None:
    """Say on stderr what is about to happen, if verbose."""
    if verbose:
        sys.stderr.write(f"{text}\n")


class SilentBar:
    """A bar that shows nothing; one of tqdm would start a thread all the same."""

    disable = True
    n = total = 0

    def set_description(self, text: str) -> None:
        """Show no text."""

    set_postfix_str = set_description

    def update(self, n: int = 1) -> None:
        """Show no progress."""

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> SilentBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def progress_bar(total: int, purpose: str | None, verbose: int, unit: str = "epoch"):
    """Return a bar on stderr, or a widget in notebooks; a silent one if not verbose."""
    if not verbose:
        return SilentBar()
    from tqdm.auto import tqdm

    return tqdm(total=total, desc=purpose, unit=unit)


def track(items: Sequence, unit: str, verbose: int) -> Iterator:
    """Yield items, with a bar of those that are done if verbose."""
    with progress_bar(len(items), None, verbose, unit) as bar:
        for item in items:
            yield item
            bar.update()


def show_epoch(bar, record: dict, reference: float | None) -> None:
    """Move a bar on by one epoch, whose losses are in ``record``."""
    if bar.disable:
        return
    shown = {"loss": record["train_loss"], "validation": record.get("valid_loss")}
    shown["PCA"] = reference
    shown = {name: f"{loss:.4g}" for name, loss in shown.items() if loss is not None}
    bar.set_postfix(shown, refresh=False)
    bar.update()
