"""What all tests share: simulated evidence, made once a run, and a cache of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A machine that is busy with something else makes no test fail.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

Truth = dict[str, Any]


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Rules that tests read are kept in a folder of the run, not in the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROKENSEAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Truth]]:
    """``simulated(scenario, **arguments)`` → (evidence folder, truth); the same arguments give the same folder."""
    from brokenseal.simulate import simulate

    made: dict[str, Path] = {}

    def make(scenario: str, **arguments: Any) -> tuple[Path, Truth]:
        arguments = {"users": 3, "days": 4, "start": date(2021, 2, 27), **arguments}
        key = json.dumps([scenario, arguments], default=str, sort_keys=True)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("simulated") / scenario
            simulate(made[key], scenario, **arguments)
        return made[key] / "evidence", json.loads((made[key] / "truth.json").read_text("utf-8"))

    return make
