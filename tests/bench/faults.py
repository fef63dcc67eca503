"""Two hundred faults over ten minutes: `python tests/bench/faults.py [--faults N] [--seconds S] [--seed X]`."""

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults import FaultRun, assert_good


def main() -> int:
    """Run, print the figures, and fail where an alarm was lost or came out of order, or the state is not the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = FaultRun(Path(folder), random.Random(args.seed))
        try:
            made = run.run(args.faults, args.seconds)
            print("\n".join(made.lines()))
            print(f"tracebacks in the daemon's log: {run.daemon.log.count('Traceback')}")
            assert_good(made)
            print("the retained state is the truth")
        except BaseException:
            print(run.daemon.log[-5000:], file=sys.stderr)
            raise
        finally:
            run.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
