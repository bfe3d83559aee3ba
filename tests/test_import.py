"""What importing the library costs, and what it leaves out."""

import subprocess
import sys


def test_heavy_optional_libraries_are_not_imported():
    program = (
        "import sys, sklearn_ae\n"
        "print({'matplotlib', 'pandas', 'rich', 'PIL', 'polars'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"
