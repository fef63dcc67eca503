"""`python -m edgepose` is the command `edgepose`."""

import sys

from edgepose.cli import main

if __name__ == "__main__":
    sys.exit(main())
