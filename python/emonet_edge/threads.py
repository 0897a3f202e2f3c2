"""placeholder until the encoder branch lands."""
import os
def thread_budget() -> int:
    return os.cpu_count() or 1
