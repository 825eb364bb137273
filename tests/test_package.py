"""What is installed is whole: content, schema and the type marker come with the code."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

import brokenseal


@pytest.mark.parametrize(
    "part",
    [
        "py.typed",
        "report/incident.schema.json",
        "content/hafnium-2021/campaign.yaml",
        "content/hafnium-2021/rules/httpproxy_forged_mail_read.yml",
        "content/builds/exchange_builds.csv",
        "content/attack/LICENSE.txt",
    ],
)
def test_data_is_installed_with_the_code(part: str) -> None:
    assert files("brokenseal").joinpath(part).is_file()


def test_the_version_is_the_distributions() -> None:
    assert brokenseal.__version__ == version("brokenseal")


@pytest.mark.skipif("BROKENSEAL_TESTED_WHEEL" not in os.environ, reason="not run against the wheel (make test does)")
def test_the_tests_run_against_the_wheel_and_not_the_source_tree() -> None:
    assert "src" not in Path(brokenseal.__file__).parts


def test_importing_the_package_is_cheap() -> None:
    heavy = "('duckdb', 'pyarrow', 'numpy', 'sigma', 'rich')"
    program = f"import sys, brokenseal; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
