"""What the process answers to the shell."""

from __future__ import annotations

from emonet_edge.exceptions import EmonetError, InputError, MediaError, UnknownNameError

FINE = 0
SOME_FAILED = 1
USAGE = 2
CANNOT_RUN = 3
INTERRUPTED = 130
READER_GONE = 141

EPILOG = """\
exit codes:
  0    everything was done
  1    some inputs failed (each has its line on stderr; the others are scored)
  2    wrong usage: an option or a name that does not exist
  3    the model directory, the device or the installation cannot do it
  130  interrupted (Ctrl-C)
  141  the reader of the output went away (| head)
"""


def of(error: EmonetError) -> int:
    """Return the code for an error that ended a command."""
    if isinstance(error, UnknownNameError):
        return USAGE
    if isinstance(error, (InputError, MediaError)):
        return SOME_FAILED
    return CANNOT_RUN
