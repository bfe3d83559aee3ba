"""The skorch net that trains an autoencoder.

skorch's own defaults are replaced here, in one place: AdamW instead of SGD, batches
cut from one tensor instead of a DataLoader, one synchronisation per epoch instead of
one per batch, no silent hold-out and nothing printed. Callbacks of skorch work: those
of the epoch always, those of the batch from the moment one is given.

The net sees scaled rows, which only the estimator can make. So ``fit``, ``predict`` and
the like refuse other rows, and name the estimator's method.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np
import torch
from skorch import NeuralNet
from skorch.callbacks import Callback
from skorch.history import History
from torch import nn

from ..exceptions import DivergenceWarning, OutOfMemoryWarning, warn_user
from ..nn.dense import TransposedLinear
from ..nn.linear_path import LinearPath
from ..nn.randomness import may_draw, redirected_draws
from .batches import Rows
from .checkpoint import BestState
from .checkpointing import Checkpoint
from .flat import FlatParameters
from .interrupt import Interrupt, signals_as_interrupts
from .isolation import isolated
from .memory import in_parts, is_out_of_memory, make_room
from .precision import autocast, training_dtype
from .progress import progress_bar, show_epoch
from .run_state import capture, restore

__all__ = [
    "AutoencoderNet",
    "EpochReport",
    "Outcome",
    "TrainingPlan",
    "check_callbacks",
]

_BATCH_HOOKS = ("on_batch_begin", "on_batch_end", "on_grad_computed")
_MAX_RESTARTS = 3
# Layers whose parameters training steps may see in bfloat16; autocast would convert
# them one by one, in each step. The others stay in float32.
_MULTIPLYING = (nn.Linear, TransposedLinear, nn.Conv2d, nn.ConvTranspose2d)
_WARM_UP = 0.2

# What does in the estimator what these verbs of skorch do in a net.
_REMEDIES = {
    "fit": "fit(X)",
    "partial_fit": "partial_fit(X)",
    "fit_loop": "fit(X)",
    "predict": "reconstruct(X)",
    "predict_proba": "reconstruct(X)",
    "forward": "transform(X) or reconstruct(X)",
    "forward_iter": "transform(X) or reconstruct(X)",
    "score": "score(X)",
}


@dataclass(frozen=True)
class TrainingPlan:
    """How long to train, and when to stop earlier.

    Parameters
    ----------
    n_epochs : int
        Passes over the rows at most.
    patience : int or None
        Epochs without progress on the validation rows after which training stops;
        None never stops.
    tol : float
        Share of the best validation loss that counts as progress.
    one_cycle : bool
        Raise the learning rate to its value and lower it to zero again within
        ``n_epochs``; otherwise keep it constant.
    warm_up : float
        Share of the epochs in which the objective is not what validation rows are
        evaluated with, so that slow progress is no sign of the end.
    reference : float or None
        Loss shown beside the losses in the progress bar.
    purpose : str
        Name of the progress bar.
    """

    n_epochs: int
    patience: int | None = None
    tol: float = 0.0
    one_cycle: bool = True
    warm_up: float = 0.0
    reference: float | None = None
    purpose: str = "training"


class TrainingRows(Protocol):
    """Rows that a net can train on."""

    device: torch.device

    def __len__(self) -> int:
        """Return the number of rows of an epoch."""

    def shuffled_batches(
        self, batch_size: int, generator: torch.Generator
    ) -> Iterator[Any]:
        """Yield an epoch in random order."""

    def blocks(self) -> Iterator[Any]:
        """Yield all rows in order."""


class EpochReport(Protocol):
    """What is told of each epoch."""

    def begin_epoch(self) -> None:
        """Take note that an epoch begins."""

    def end_epoch(self) -> bool:
        """Take note that it has ended, and return whether training shall end."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to: the epoch that was kept, and whether a signal ended it."""

    best_epoch: int
    interrupted: bool


class AutoencoderNet(NeuralNet):
    """skorch net for a module whose output is ``(raw reconstruction, ...)``.

    Parameters
    ----------
    module : torch.nn.Module
        Module instance.
    criterion : torch.nn.Module
        Instance, called with the module's output and the target rows. Its attribute
        ``progress`` is the share of the run that is done.
    lr : float
        Peak learning rate.
    weight_decay : float
        Decoupled weight decay of the weight matrices outside the linear path.
    batch_size : int
        Rows per step.
    precision : {"auto", "float32", "bfloat16"}
        Type of the matrix products in training steps.
    seed : int
        Seed of the order of the rows.
    callbacks : sequence of skorch callbacks
        Used as they are, not copied.
    device : torch.device
        Where to train.
    betas : tuple of two floats
        Decay rates of AdamW's running means.
    verbose : int
        1 shows a progress bar on stderr.
    history : sequence of dict
        Records of the epochs that the module was trained for.
    loss_name : str, default=None
        What the losses in the history are; None takes the criterion's name.
    """

    batch_size: int

    def __init__(
        self,
        module: nn.Module,
        criterion: nn.Module,
        *,
        lr: float,
        weight_decay: float,
        batch_size: int,
        precision: str,
        seed: int,
        callbacks: Sequence[Callback],
        device: torch.device,
        verbose: int,
        betas: tuple[float, float] = (0.9, 0.999),
        history: Sequence[dict] = (),
        loss_name: str | None = None,
    ) -> None:
        super().__init__(
            module,
            criterion,
            optimizer=torch.optim.AdamW,
            lr=lr,
            batch_size=batch_size,
            train_split=None,
            callbacks=list(callbacks),
            verbose=verbose,
            device=device,
            use_caching=False,  # callbacks that score evaluate rows anew
        )
        self.weight_decay = weight_decay
        self.precision = precision
        self.seed = seed
        self.betas = betas

        # A fitted model has a net that could be trained, but need not be.
        # skorch lets only its own initialisation assign modules.
        self.__dict__.update(module_=module, criterion_=criterion)
        self.history_ = History(history)
        self.loss_name = criterion.name if loss_name is None else loss_name

    @property
    def _default_callbacks(self) -> list[tuple[str, Callback]]:
        return []

    def initialize(self) -> AutoencoderNet:
        """Prepare module, optimizer and callbacks for :meth:`run`."""
        epochs = list(self.history_)  # skorch would forget them
        super().initialize()
        self.history_.extend(epochs)
        self.generator_ = torch.Generator().manual_seed(self.seed)
        self.may_draw_ = may_draw(self.module_, self.criterion_)
        self.has_batch_callbacks_ = any(
            getattr(type(callback), hook) is not getattr(Callback, hook)
            for _, callback in self.callbacks_
            for hook in _BATCH_HOOKS
        )
        return self

    def initialize_optimizer(self, triggered_directly: bool | None = None) -> None:
        """Create a fused AdamW over flat parameters."""
        self.training_dtype_ = training_dtype(
            self.precision, torch.device(self.device), self.module_
        )
        multiplied = {
            id(parameter)
            for part in self.module_.modules()
            if isinstance(part, _MULTIPLYING)
            for parameter in part.parameters(recurse=False)
        }
        in_linear_path = {
            id(parameter)
            for part in self.module_.modules()
            if isinstance(part, LinearPath)
            for parameter in part.linear.parameters()
        }
        groups: dict[tuple[float, torch.dtype], list[nn.Parameter]] = {}
        for parameter in self.module_.parameters():
            if not parameter.requires_grad:
                continue
            decays = parameter.ndim > 1 and id(parameter) not in in_linear_path
            decay = self.weight_decay if decays else 0.0
            dtype = (
                self.training_dtype_ if id(parameter) in multiplied else torch.float32
            )
            groups.setdefault((decay, dtype), []).append(parameter)
        self.flat_ = [FlatParameters(group, key[1]) for key, group in groups.items()]
        self.optimizer_ = self.optimizer(
            [
                {"params": [flat.values], "weight_decay": decay}
                for flat, (decay, _) in zip(self.flat_, groups, strict=True)
            ],
            lr=self.lr,
            betas=self.betas,
            fused=True,
        )

    def go_on_from(self, other: AutoencoderNet) -> None:
        """Take over the optimizer's running means and the order of rows from a net.

        Its options, the weight decay for one, may be others: what was learned of each
        parameter is taken over, and not how parameters were grouped.
        """
        if other.initialized_:
            self._load_means(other._running_means())
            self.generator_.set_state(other.generator_.get_state())

    def _running_means(self) -> dict[str, dict[str, torch.Tensor]]:
        """Return what the optimizer has learned of each parameter, by its name."""
        names = {id(p): name for name, p in self.module_.named_parameters()}
        means: dict[str, dict[str, torch.Tensor]] = {}
        for flat in self.flat_:
            for key, value in self.optimizer_.state.get(flat.values, {}).items():
                n_pieces = len(flat.parameters)
                pieces = flat.pieces(value) if value.ndim else [value] * n_pieces
                for parameter, piece in zip(flat.parameters, pieces, strict=True):
                    means.setdefault(names[id(parameter)], {})[key] = piece.clone()
        return means

    def _load_means(self, means: dict[str, dict[str, torch.Tensor]]) -> None:
        names = {id(p): name for name, p in self.module_.named_parameters()}
        for flat in self.flat_:
            parts = [means.get(names[id(p)], {}) for p in flat.parameters]
            if not all(parts):
                continue  # some of them have never learned: all start anew
            for key, value in parts[0].items():
                pieces = [part[key] for part in parts]
                whole = flat.join(pieces) if value.ndim else value
                self.optimizer_.state[flat.values][key] = whole

    def run(
        self,
        rows: TrainingRows,
        validation: TrainingRows | None,
        plan: TrainingPlan,
        report: EpochReport | None = None,
        checkpoint: Checkpoint | None = None,
        settle: Callable[[], None] | None = None,
    ) -> Outcome:
        """Train, and leave the module in the state that is kept.

        With validation rows that is the state of the lowest validation loss, the
        state before the first step included; without, it is the last state.

        Parameters
        ----------
        rows : Rows
            Training rows.
        validation : Rows or None
            Rows on which each epoch is evaluated.
        plan : TrainingPlan
            Length and stopping rule.
        report : EpochReport, default=None
            Is told of each epoch, and may end training.
        checkpoint : Checkpoint, default=None
            Where the run goes on from, and where its epochs are kept.
        settle : callable, default=None
            What is to be done to the state that is kept, before callbacks see it.

        Returns
        -------
        Outcome

        Raises
        ------
        ValueError
            If the loss is not finite in any epoch, or again and again; or if layers
            normalise over batches that hold one value.
        """
        self._check_normalised_batches(rows)
        start = math.inf if validation is None else self.evaluate(validation)
        n_before = len(self.history)
        best = BestState(self.module_, start, plan.tol, n_before)
        self.n_done_ = self.n_restarts_ = 0
        self._set_learning_rate(1.0)
        self.notify("on_train_begin", X=rows, y=None)
        known = None if checkpoint is None else checkpoint.begin_run()
        if known is not None:
            restore(self, best, n_before, known)

        def keep(stage: str) -> None:
            if checkpoint is not None:
                checkpoint.keep(capture(self, best, n_before, stage))

        interrupted = False
        if known is None or known["stage"] == "training":
            with checkpoint or nullcontext():
                interrupted = self._run_epochs(
                    rows, validation, plan, best, n_before, report, keep
                )
        if self.n_done_ and self.n_restarts_ == self.n_done_:
            raise _not_finite(self.lr * 0.1 ** (self.n_done_ - 1))
        kept = len(self.history)
        if validation is not None:
            best.restore()
            kept = best.epoch
        if not interrupted and (known is None or known["stage"] != "finished"):
            keep("finished")
        if settle is not None:
            settle()
        self.notify("on_train_end", X=rows, y=None)
        return Outcome(kept, interrupted)

    def _run_epochs(
        self,
        rows: TrainingRows,
        validation: TrainingRows | None,
        plan: TrainingPlan,
        best: BestState,
        n_before: int,
        report: EpochReport | None,
        keep: Callable[[str], None],
    ) -> bool:
        """Run the epochs that are left; return whether a signal ended them."""
        bar = progress_bar(plan.n_epochs, plan.purpose, self.verbose)
        bar.update(self.n_done_)
        try:
            with signals_as_interrupts():
                for epoch in range(self.n_done_, plan.n_epochs):
                    if report is not None:
                        report.begin_epoch()
                    stop = self._run_epoch(rows, validation, plan, epoch, best)
                    self.n_done_ += 1
                    if report is not None:
                        stop = report.end_epoch() or stop
                    show_epoch(bar, self.history[-1], plan.reference)
                    keep("stopped" if stop else "training")
                    if stop:
                        if epoch + 1 < plan.n_epochs:
                            bar.set_description(f"{plan.purpose}, stopped early")
                        break
        except KeyboardInterrupt:
            if len(self.history) > n_before and "dur" not in self.history[-1]:
                del self.history[-1]  # the epoch that was not finished
            return True
        finally:
            bar.total = bar.n  # or notebooks take an early stop for a failure
            bar.close()
        return False

    def _check_normalised_batches(self, rows: TrainingRows) -> None:
        """Raise a ValueError if layers cannot be trained on a batch of one row."""
        n_batches = -(-len(rows) // self.batch_size)
        self._set_training(True)
        layers = [
            part
            for part in self.module_.modules()
            if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training
        ]
        if len(rows) // n_batches > 1 or not layers:
            return
        self._set_training(False)
        hooks = [part.register_forward_pre_hook(_refuse_one_value) for part in layers]
        batch = next(rows.shuffled_batches(1, torch.Generator()))
        redirected = redirected_draws(may_draw(self.module_, self.criterion_))
        try:
            with isolated(self.seed), torch.inference_mode(), redirected:
                self.module_(batch)
        finally:
            for hook in hooks:
                hook.remove()

    def evaluate(self, rows: TrainingRows) -> float:
        """Return the mean loss of the rows, in float32 and evaluation mode.

        What is random in it is the same in each call.
        """
        self._set_training(False)
        total = 0.0
        redirected = redirected_draws(may_draw(self.module_, self.criterion_))
        with isolated(self.seed), torch.inference_mode(), redirected:
            for block in rows.blocks():
                total += in_parts(self._losses, block).sum().item()
        return total / len(rows)

    def _losses(self, block: Any) -> torch.Tensor:
        return self.criterion_.per_row(self.module_(block), block)

    def _run_epoch(
        self,
        rows: TrainingRows,
        validation: TrainingRows | None,
        plan: TrainingPlan,
        epoch: int,
        best: BestState,
    ) -> bool:
        """Train for one epoch and record it; return whether to stop."""
        started = time.perf_counter()
        datasets = {"dataset_train": rows, "dataset_valid": validation}
        self.notify("on_epoch_begin", **datasets)
        losses = {"train_loss": self._train_in_memory(rows, plan, epoch)}
        if validation is not None:
            losses["valid_loss"] = self.evaluate(validation)
        monitored = losses.get("valid_loss", losses["train_loss"])
        if not all(map(math.isfinite, losses.values())):
            self._restart(best)
        is_best = best.update(monitored, len(self.history))
        self._record(losses, rows, validation)
        self.history.record("valid_loss_best", is_best and validation is not None)
        self.history.record("dur", time.perf_counter() - started)
        try:
            self.notify("on_epoch_end", **datasets)
        except Interrupt:
            raise
        except KeyboardInterrupt:
            # This is how skorch's callbacks, EarlyStopping for one, end training.
            return True
        if validation is None or plan.patience is None:
            return False
        # While the learning rate still rises, slow progress is no sign of the end.
        warm_up = max(plan.warm_up, _WARM_UP if plan.one_cycle else 0)
        risen = warm_up * plan.n_epochs
        return min(best.n_stalled, epoch + 1 - risen) >= plan.patience

    def _record(
        self,
        losses: dict[str, float],
        rows: TrainingRows,
        validation: TrainingRows | None,
    ) -> None:
        """Record the losses of an epoch, and of its rows as if they were one batch.

        So that callbacks that look for batches find one where none is observed.
        """
        if not self.has_batch_callbacks_:
            self.history.new_batch()
        for name, loss in losses.items():
            self.history.record(name, loss)
            if not self.has_batch_callbacks_ or name == "valid_loss":
                self.history.record_batch(name, loss)
        if not self.has_batch_callbacks_:
            self.history.record_batch("train_batch_size", len(rows))
        if validation is not None:
            self.history.record_batch("valid_batch_size", len(validation))

    def _train_in_memory(
        self, rows: TrainingRows, plan: TrainingPlan, epoch: int
    ) -> float:
        """Train for one epoch, in smaller batches if the device's memory asks for it.

        An epoch that ran out of memory begins again, with the weights that it reached.
        """
        while True:
            try:
                return self._train_epoch(rows, plan, epoch)
            except RuntimeError as error:
                if not is_out_of_memory(error) or self.batch_size == 1:
                    raise
            before = min(self.batch_size, len(rows))
            self.batch_size = max(1, before // 2)
            self._check_normalised_batches(rows)
            self.history[-1]["batches"].clear()
            make_room()
            warn_user(
                f"The memory of {self.device} is too small for batches of {before} "
                f"rows; training goes on with {self.batch_size}. Set batch_size="
                f"{self.batch_size} to begin with them.",
                OutOfMemoryWarning,
            )

    def _train_epoch(self, rows: TrainingRows, plan: TrainingPlan, epoch: int) -> float:
        """Take one step per batch and return the mean loss of the rows."""
        self._set_training(True)
        step = self._observed_step if self.has_batch_callbacks_ else self._step
        n_batches = -(-len(rows) // self.batch_size)
        total = torch.zeros((), device=rows.device)
        batches = rows.shuffled_batches(self.batch_size, self.generator_)
        with ExitStack() as stack:
            for flat in self.flat_:
                flat.hold_frozen()
                stack.enter_context(flat.in_training_type())
            for index, batch in enumerate(batches):
                done = (epoch + index / n_batches) / plan.n_epochs
                # A single pass is one of many, with no schedule of its own.
                self.criterion_.progress = done if plan.n_epochs > 1 else 1.0
                if plan.one_cycle:
                    self._set_learning_rate(one_cycle(done))
                total.add_(step(batch), alpha=len(batch))
        return total.item() / len(rows)

    def _set_learning_rate(self, share: float) -> None:
        rate = self.lr * share * 0.1**self.n_restarts_
        for group in self.optimizer_.param_groups:
            group["lr"] = rate

    def _step(self, batch: torch.Tensor) -> torch.Tensor:
        loss, _ = self._gradients(batch)
        self._update()
        return loss

    def _update(self) -> None:
        for flat in self.flat_:
            flat.before_step()
        self.optimizer_.step()
        for flat in self.flat_:
            flat.after_step()

    def _gradients(
        self, batch: torch.Tensor
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        for flat in self.flat_:
            flat.zero_grad()
        with redirected_draws() if self.may_draw_ else nullcontext():
            with autocast(torch.device(self.device), self.training_dtype_):
                output = self.module_(batch)
            loss = self.criterion_(output, batch)
        loss.backward()
        return loss.detach(), output

    def _observed_step(self, batch: torch.Tensor) -> torch.Tensor:
        """Take a step that tells skorch's batch callbacks about itself."""
        pair = (batch, batch)
        self.notify("on_batch_begin", batch=pair, training=True)
        loss, output = self._gradients(batch)
        self.notify(
            "on_grad_computed",
            named_parameters=list(self.get_all_learnable_params()),
            batch=pair,
            training=True,
        )
        self._update()
        self.history.record_batch("train_loss", loss.item())
        self.history.record_batch("train_batch_size", len(batch))
        self.notify(
            "on_batch_end", batch=pair, training=True, loss=loss, y_pred=output[0]
        )
        return loss

    def _restart(self, best: BestState) -> None:
        """Go back to the best state with a smaller step, or give up."""
        best.restore()
        if self.n_restarts_ == _MAX_RESTARTS:
            raise _not_finite(self.lr * 0.1**self.n_restarts_)
        self.n_restarts_ += 1
        self.initialize_optimizer()
        rate = self.lr * 0.1**self.n_restarts_
        self._set_learning_rate(1.0)
        warn_user(
            f"The training loss became non-finite in epoch {len(self.history)}; "
            f"training goes on from the best state with learning rate {rate:.1e}. "
            "Set a smaller learning_rate to avoid this.",
            DivergenceWarning,
        )

    # ------------------------------------------------ skorch's verbs, which are refused

    def _refuse(self, verb: str) -> NoReturn:
        raise TypeError(
            f"net_.{verb} needs rows as the estimator scales them; got rows in the "
            f"units of X. Call {_REMEDIES[verb]} of the estimator instead."
        )

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> NoReturn:
        """Refuse: the estimator fits."""
        self._refuse("fit")

    def partial_fit(
        self, X: Any, y: Any = None, classes: Any = None, **fit_params: Any
    ) -> NoReturn:
        """Refuse: the estimator fits."""
        self._refuse("partial_fit")

    def fit_loop(self, X: Any, y: Any = None, **fit_params: Any) -> NoReturn:
        """Refuse: the estimator fits."""
        self._refuse("fit_loop")

    def forward_iter(
        self, X: Any, training: bool = False, device: str = "cpu"
    ) -> Iterator[torch.Tensor]:
        """Yield raw output for scaled rows, as callbacks have them."""
        if not isinstance(X, Rows):
            self._refuse("forward_iter")
        self._set_training(training)
        with torch.set_grad_enabled(training):
            for block in X.blocks():
                yield self.module_(block)[0].to(device)

    def forward(
        self, X: Any, training: bool = False, device: str = "cpu"
    ) -> torch.Tensor:
        """Return raw output for scaled rows, as callbacks have them."""
        if not isinstance(X, Rows):
            self._refuse("forward")
        return torch.cat(list(AutoencoderNet.forward_iter(self, X, training, device)))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return raw output for scaled rows, as callbacks have them."""
        if not isinstance(X, Rows):
            self._refuse("predict_proba")
        return self.forward(X).numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return raw output for scaled rows, as callbacks have them."""
        if not isinstance(X, Rows):
            self._refuse("predict")
        return self.predict_proba(X)

    def score(self, X: Any, y: Any = None) -> float:
        """Return minus the mean loss of scaled rows, as callbacks have them."""
        if not isinstance(X, Rows):
            self._refuse("score")
        return -self.evaluate(X)


def _not_finite(learning_rate: float) -> ValueError:
    return ValueError(
        "the training loss must stay finite; it did not, even at a learning rate of "
        f"{learning_rate:.1e}. Set scaling='global' or 'per_feature', or a smaller "
        "learning_rate."
    )


def _refuse_one_value(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Raise a ValueError if a row has but one value for each mean of a layer."""
    (values,) = inputs
    if values.numel() == values.shape[1]:
        raise ValueError(
            "a layer that normalises over a batch needs more than one value of each "
            "channel; got a batch of one row, and maps of one value. Set another "
            "batch_size, or leave that layer out (normalization='group' or None)."
        )


def check_callbacks(callbacks: Sequence) -> None:
    """Raise a TypeError unless all are skorch callbacks or (name, callback) pairs."""
    for entry in callbacks:
        callback = entry[1] if isinstance(entry, tuple) and len(entry) == 2 else entry
        is_class = isinstance(callback, type) and issubclass(callback, Callback)
        if not (is_class or isinstance(callback, Callback)):
            raise TypeError(
                "callbacks must hold skorch callbacks, or pairs of a name and one; got "
                f"{entry!r}. Derive it from skorch.callbacks.Callback."
            )


def one_cycle(done: float) -> float:
    """Return the share of the peak learning rate once a share of the run is done.

    Half a cosine up from 4 % within the first fifth, half a cosine down to zero
    within the rest [1]_.

    References
    ----------
    .. [1] Smith, L. N. & Topin, N. (2018). Super-convergence: very fast training of
       neural networks using large learning rates. arXiv:1708.07120.
    """
    if done < _WARM_UP:
        return 0.04 + 0.96 * (0.5 - 0.5 * math.cos(math.pi * done / _WARM_UP))
    return 0.5 + 0.5 * math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))
