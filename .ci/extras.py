"""Print the requirements of the installed package's extras: extras.py EXTRA..."""

from __future__ import annotations

import sys
from importlib.metadata import requires

for requirement in requires("emonet-edge") or ():
    spec, _, marker = requirement.partition(";")
    wanted = any(f'extra == "{extra}"' in marker.replace("'", '"') for extra in sys.argv[1:])
    if wanted and not spec.startswith("emonet-edge"):
        print(spec.strip())
