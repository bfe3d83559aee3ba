"""The VAE's negative log-likelihood on dynamically binarised MNIST.

784-200-200-50 with the layers of Burda et al. (2015), arXiv:1509.00519, who report
86.76 nats for one draw per row and 84.78 for 50; GELU instead of their tanh. Pixels are
probabilities from which 0 and 1 are drawn anew for each batch; test pixels are drawn
once.

    SKLEARN_AE_DATA=... python benchmarks/vae_mnist.py
    SKLEARN_AE_DATA=... python benchmarks/vae_mnist.py --epochs 2000 --draws 5000
"""

from __future__ import annotations

import argparse
import time

import matplotlib as mpl
import numpy as np
import pandas as pd
import torch
from common import RESULTS, load_images, save
from skorch.callbacks import Callback

from sklearn_ae import VAE


class Binarize(Callback):
    """Draw 0 and 1 from each training batch of probabilities, in place."""

    def on_batch_begin(self, net, batch=None, training=None, **kwargs) -> None:
        """Replace the values of the batch."""
        rows, _ = batch
        rows.copy_(torch.bernoulli(rows))


def fit(train: np.ndarray, args: argparse.Namespace) -> tuple[VAE, float]:
    """Train on all images, and return the model and the seconds that took."""
    vae = VAE(
        50,
        likelihood="bernoulli",
        hidden_layer_sizes=(200, 200),
        activation=args.activation,
        init=args.init,
        scaling=None,
        learning_rate=args.learning_rate,
        batch_size=args.batch_size,
        max_iter=args.epochs,
        n_importance_samples=args.importance_samples,
        kl_warmup=args.kl_warmup,
        early_stopping=False,
        callbacks=[Binarize()],
        random_state=0,
    )
    start = time.perf_counter()
    vae.fit(train)
    return vae, time.perf_counter() - start


def parse() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=150)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=5e-3)
    parser.add_argument("--activation", default="gelu")
    parser.add_argument("--init", default="random")
    parser.add_argument("--importance-samples", type=int, default=1)
    parser.add_argument("--kl-warmup", type=float, default=0.3)
    parser.add_argument("--test-images", type=int, default=10000)
    parser.add_argument("--name", default="vae_mnist")
    return parser.parse_args()


def main() -> None:
    """Train, estimate, and write table and curve."""
    args = parse()
    rng = np.random.RandomState(0)
    train, test = (images.X for images in load_images("mnist"))
    test = rng.binomial(1, test[: args.test_images]).astype(np.float32)
    vae, seconds = fit(train, args)
    start = time.perf_counter()
    nats = -float(vae.log_likelihood(test, args.draws).mean(dtype=np.float64))
    estimated = time.perf_counter() - start
    bound = -float(vae.elbo(test, 10).mean(dtype=np.float64))
    results = {
        "epochs": vae.n_iter_,
        "training bound": vae.loss_curve_[-1],
        "test bound": bound,
        "negative log-likelihood": nats,
        "draws": args.draws,
        "test images": len(test),
        "active components": vae.n_active_components_,
        "minutes": seconds / 60,
        "minutes to estimate": estimated / 60,
        "device": vae.device_,
    }
    text = pd.Series(results).to_string()
    print(text)
    (RESULTS / f"{args.name}.txt").write_text(text + "\n")
    content = {"options": vars(args), **results, "curve": vae.loss_curve_}
    save(args.name, "python benchmarks/vae_mnist.py", content)
    plot(vae.loss_curve_, args.name)


def plot(curve: list[float], name: str) -> None:
    """Draw the training bound."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    axes.plot(np.arange(1, len(curve) + 1), curve)
    axes.set(xlabel="epoch", ylabel="negative bound [nats per image]", ylim=(80, 130))
    axes.set_title("VAE 784-200-200-50, binarised MNIST, training images")
    figure.savefig(RESULTS / f"{name}.png", dpi=150)


if __name__ == "__main__":
    main()
