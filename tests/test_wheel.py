"""What a wheel holds: the package alone; benchmarks and tests stay in the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAKE = (
    "import sys; from scikit_build_core.build import build_wheel\n"
    "build_wheel(sys.argv[1], {'wheel.cmake': 'false'})"  # without the compiler: seconds
)


def test_the_wheel_holds_the_package_and_no_benchmarks(tmp_path: Path) -> None:
    pytest.importorskip("scikit_build_core", reason="a wheel is built with scikit-build-core")
    command = [sys.executable, "-c", MAKE, str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = [Path(name).parts for name in zipfile.ZipFile(wheel).namelist()]
    rooms = {parts[1] for parts in names if parts[0] == "gatewise" and len(parts) > 2}
    assert {"cli", "data", "engines", "estimators"} <= rooms
    assert not rooms & {"bench", "benchmarks", "against_peers", "tests"}
    others = {parts[0] for parts in names} - {"gatewise"}
    assert all(name.endswith(".dist-info") for name in others)
