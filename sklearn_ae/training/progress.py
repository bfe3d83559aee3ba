"""The progress bar of a run: epochs, losses, PCA's loss and the time that is left."""

from __future__ import annotations

import sys

__all__ = ["SilentBar", "announce", "progress_bar", "show_epoch"]


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

    def update(self, n_steps: int = 1) -> None:
        """Show no progress."""

    def close(self) -> None:
        """Do nothing."""

    def __enter__(self) -> SilentBar:
        """Begin to show nothing."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""


def progress_bar(n_steps: int, purpose: str | None, verbose: int, unit: str = "epoch"):
    """Return a bar on stderr, or a widget in notebooks; a silent one if not verbose."""
    if not verbose:
        return SilentBar()
    from tqdm.auto import tqdm

    return tqdm(total=n_steps, desc=purpose, unit=unit)


def show_epoch(bar, record: dict, reference: float | None) -> None:
    """Move a bar on by one epoch, whose losses are in ``record``."""
    if bar.disable:
        return
    shown = {"loss": record["train_loss"], "validation": record.get("valid_loss")}
    shown["PCA"] = reference
    shown = {name: f"{loss:.4g}" for name, loss in shown.items() if loss is not None}
    bar.set_postfix(shown, refresh=False)
    bar.update()
