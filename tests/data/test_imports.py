"""Neither pandas nor polars is imported before a file or a frame of theirs asks for it."""

from __future__ import annotations

import subprocess
import sys


def test_no_frame_library_is_imported_with_the_room():
    code = (
        "import sys, gatewise.data; "
        "print([name for name in ('pandas', 'polars', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
