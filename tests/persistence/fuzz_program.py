"""Load changed files: python fuzz_program.py FOLDER FIRST LAST.

Changes are of bytes, lengths, the safetensors header, and the structure of the
description; the last with a checksum that fits again, as a stranger would send it.
Writes a line of JSON for each fault, and one with the totals at the end.
"""

import copy
import json
import pickle
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn import config_context
from sklearn.datasets import load_digits

sys.path.insert(0, str(Path(__file__).parent))

import hostile

import sklearn_ae

LIMIT_S, LIMIT_BYTES = 2.0, 50e6

# Values that a stranger may put in the place of others.
VALUES = [
    *(None, True, -1, 0, 1, 2, 10**9, 10**30, 1e300, -0.5, "", "auto", "cuda:7"),
    *("../../etc/passwd", "__class__", "os.system", "\0", [], {}, [[]], {"a": 1}),
    *({"custom": "system"}, {"class": "Popen"}, {"device": "meta"}),
    *({"float": "nan"}, {"tuple": []}, {"dict": [[1, 2]]}, {"array": "missing"}),
    *({"object": [{"kind": "Model"}, {}]}, {"object": [{"kind": "Recipe"}, {}]}),
    *({"values": ["<U9999999", [1], ["a"]]}, {"scalar": ["object", 1]}),
    *({"random_state": [1]}, {"bytes": "x"}, {"values": ["float64", [10**9], [1]]}),
]


class Canary:
    """A pickle that leaves a trace if it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def told(model):
    """Return a model with what scikit-learn's methods leave on it."""
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(groups="subject", X_val=False)
    return model.set_output(transform="pandas")


def make_files(folder):
    """Return the bytes of small files of several kinds."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:80, 20:32], (y[:80] % 3).astype(str)
    short = {"max_iter": 1, "random_state": 0, "device": "cpu"}
    small = {"hidden_layer_sizes": (4,), **short}
    models = [
        sklearn_ae.AutoencoderTransformer(2, init="random", **small).fit(X),
        sklearn_ae.AutoencoderTransformer(2, nested=True, **short).fit(X),
        sklearn_ae.ConvAutoencoderTransformer(
            2, image_shape=(3, 4), channels=(2,), init="random", **short
        ).fit(X),
        sklearn_ae.DenoisingAE(2, **small).fit(X),
        sklearn_ae.SparseAE(8, init="random", **small).fit(X),
        sklearn_ae.VAE(2, likelihood="negative_binomial", **small).fit(X),
        sklearn_ae.PretrainedClassifier(
            sklearn_ae.DenoisingAE(2, init="random", **small),
            max_iter=1,
            random_state=0,
        ).fit(X, y),
        told(sklearn_ae.VAE(random_state=np.random.RandomState(0))),
    ]
    path = folder / "whole"
    for model in models:
        sklearn_ae.save(model, path)
        yield path.read_bytes()


# ---------------------------------------------------------------------------- changes


def change_bytes(data, rng):
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        data[rng.randint(len(data))] = rng.randint(256)
    return bytes(data)


def cut(data, rng):
    start, end = sorted(rng.randint(0, len(data), 2))
    return [data[:end], data[start:], data[:start] + data[end:]][rng.randint(3)]


def change_length(data, rng):
    lengths = [0, 1, 2**63, 2**64 - 1, len(data), rng.randint(len(data))]
    return struct.pack("<Q", lengths[rng.randint(len(lengths))]) + data[8:]


def change_header(data, rng):
    def change(header):
        names = [name for name in header if name != "__metadata__"]
        if not names:
            header["more"] = {"dtype": "F64", "shape": [10**9], "data_offsets": [0, 0]}
            return
        entry = header[names[rng.randint(len(names))]]
        part = ["dtype", "shape", "data_offsets"][rng.randint(3)]
        values = ["F64", "I8", "BF16", [], [10**12], [2, 3], [0, 10**9], [-1, 5], None]
        entry[part] = values[rng.randint(len(values))]

    return hostile.with_header(data, change)


def hide_pickle(data, rng, canary):
    pickled = pickle.dumps(Canary(canary))
    at = rng.randint(len(data))
    return [pickled, data[:8] + pickled, data[:at] + pickled + data[at:]][
        rng.randint(3)
    ]


def places(tree, found):
    """Collect all pairs of a container and a key in it."""
    keys = range(len(tree)) if isinstance(tree, list) else list(tree)
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], list | dict):
            places(tree[key], found)
    return found


def change_structure(data, rng):
    description, arrays = hostile.take_apart(data)
    description = copy.deepcopy(description)
    for _ in range(rng.randint(1, 3)):
        found = places(description, [])
        tree, key = found[rng.randint(len(found))]
        other, other_key = found[rng.randint(len(found))]
        kind = rng.randint(5)
        if kind <= 1:
            tree[key] = copy.deepcopy(VALUES[rng.randint(len(VALUES))])
        elif kind == 2:
            tree[key] = copy.deepcopy(other[other_key])
        elif kind == 3 and isinstance(tree, dict):
            tree[f"{key}x"] = tree.pop(key)
        elif kind == 4:
            del tree[key]
    return hostile.put_together(description, arrays)


def change_arrays(data, rng):
    description, arrays = hostile.take_apart(data)
    if not arrays:
        return data[:-1]
    name = sorted(arrays)[rng.randint(len(arrays))]
    value = arrays[name]
    changed = [
        value.astype(np.float16),
        value[:0],
        value.ravel(),
        np.concatenate([value, value]),
        np.full(value.shape, np.nan),
        np.full(value.shape, np.inf, np.float32),
        np.zeros((2, 0, 3)),
        value.view(np.uint8),
        None,
    ][rng.randint(9)]
    arrays = {k: v for k, v in arrays.items() if k != name}
    if changed is not None:
        arrays[name] = np.ascontiguousarray(changed)
    return hostile.put_together(description, arrays)


CHANGES = {
    "bytes": (change_bytes, 25),
    "cut": (cut, 15),
    "length": (change_length, 5),
    "header": (change_header, 15),
    "structure": (change_structure, 30),
    "arrays": (change_arrays, 10),
}


def peak():
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(folder, first, last):
    warnings.simplefilter("ignore")
    canary = folder / "canary"
    files = list(make_files(folder))
    path = folder / "changed"
    kinds = [kind for kind, (_, share) in CHANGES.items() for _ in range(share)]
    counts, slowest, n_faults = Counter(), 0.0, 0
    path.write_bytes(files[0])
    sklearn_ae.load(path)
    before = peak()
    for number in range(first, last):
        rng = np.random.RandomState(number)
        data, kind = files[rng.randint(len(files))], kinds[rng.randint(len(kinds))]
        change, _ = CHANGES[kind]
        if number % 50 == 0:
            kind, data = "pickle", hide_pickle(data, rng, canary)
        else:
            data = change(data, rng)
        path.write_bytes(data)
        start, fault = time.process_time(), None
        try:
            loaded = sklearn_ae.load(path)
            outcome = "read"
            if not isinstance(loaded.get_params(), dict):
                fault = "no estimator"
        except sklearn_ae.ModelFileError:
            outcome = "refused"
        except Exception as error:
            outcome, fault = "fault", f"{type(error).__name__}: {error}"
        seconds = time.process_time() - start
        slowest = max(slowest, seconds)
        counts[kind, outcome] += 1
        if seconds > LIMIT_S:
            fault = f"{seconds:.1f} s"
        elif canary.exists():
            fault = "executed"
            canary.unlink()
        elif peak() - before > 2 * len(data) + LIMIT_BYTES:
            fault, before = f"{peak() - before:.0f} bytes", peak()
        if fault is not None:
            n_faults += 1
            print(json.dumps({"fault": fault, "kind": kind, "number": number}))
    totals = {" ".join(key): count for key, count in sorted(counts.items())}
    print(
        json.dumps(
            {
                "n_files": last - first,
                "n_faults": n_faults,
                "slowest_s": round(slowest, 3),
                "more_memory_mb": round((peak() - before) / 1e6, 1),
                **totals,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
