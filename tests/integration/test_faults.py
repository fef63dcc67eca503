"""Half a minute of misfortune; tests/bench/faults.py is the long one."""

import os
import random
from pathlib import Path

import pytest

from tests.faults import FaultRun, assert_good

pytestmark = pytest.mark.broker


def test_no_alarm_is_lost_whatever_happens(tmp_path: Path):
    seed = int(os.environ.get("EDGEPOSE_SEED", random.randrange(2**32)))
    print(f"EDGEPOSE_SEED={seed}")
    run = FaultRun(tmp_path, random.Random(seed))
    try:
        made = run.run(faults=10, least_s=25)
        print("\n".join(made.lines()))
        assert_good(made)
        assert "Traceback" not in run.daemon.log
    finally:
        run.close()
