"""What importing the library costs, and what it leaves out."""

import subprocess
import sys


def test_heavy_optional_libraries_are_not_imported():
    # skorch imports some of them (pandas is one): only what we add counts.
    program = (
        "import sys, skorch, sklearn.decomposition\n"
        "before = set(sys.modules)\n"
        "import sklearn_ae\n"
        "added = set(sys.modules) - before\n"
        "print({'matplotlib', 'pandas', 'rich', 'PIL', 'polars'} & added)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
