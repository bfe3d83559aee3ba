"""What ``import sklearn_ae`` costs above ``import skorch, sklearn.decomposition``.

Fresh interpreters in turn; the figure is the difference of the medians.

    python benchmarks/import_time.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from common import save

PROGRAMS = {
    "without": "import skorch, sklearn.decomposition",
    "with": "import skorch, sklearn.decomposition, sklearn_ae",
}
ROUNDS = 9


def seconds(program: str) -> float:
    """Return the seconds that a fresh interpreter takes for a program."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Run the benchmark and write JSON."""
    runs = [{k: seconds(p) for k, p in PROGRAMS.items()} for _ in range(ROUNDS + 1)]
    medians = {k: statistics.median(r[k] for r in runs[1:]) for k in PROGRAMS}
    extra = medians["with"] - medians["without"]
    print(f"{medians['without']:.2f} s without, {extra:+.3f} s with sklearn_ae")
    results = {"median_seconds": medians, "extra_seconds": extra}
    save("import_time", "python benchmarks/import_time.py", results)


if __name__ == "__main__":
    main()
