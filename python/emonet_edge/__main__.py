"""`python -m emonet_edge` is `emonet-edge`."""

import sys

from emonet_edge.cli import main

if __name__ == "__main__":
    sys.exit(main())
