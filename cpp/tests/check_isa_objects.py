"""Check that an ISA's object holds no instruction of a wider ISA, and shares no function.

usage: check_isa_objects.py OBJECT...   (needs objdump and nm)

A kernel that ran one EVEX instruction on Alder Lake-N would kill the process there, on a machine
that no test has. A weak symbol (an inline function of a header) compiled with AVX flags could be
the copy that the linker keeps for everybody.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# What must not stand in the disassembly. Registers 16 to 31 exist in EVEX encodings only, and
# objdump marks the VEX form of an instruction that also has an EVEX form with {vex}.
EVEX = r"%[xyz]mm(1[6-9]|2[0-9]|3[01])|%zmm|%k[1-7]"
FORBIDDEN = {
    "portable": rf"{EVEX}|%ymm|\bv[a-z]+.*%xmm",
    "avx2": rf"{EVEX}|vpdp",
    "avx_vnni": rf"{EVEX}|(?<!\{{vex\}} )vpdp",
    "avx512_vnni": r"vp2intersect|vdpbf16|%tmm|vfmadd[0-9a-z]*ph",
}
REQUIRED = {"avx_vnni": r"\{vex\} vpdpwssd", "avx512_vnni": r"vpdpwssd .*%zmm"}


def output_of(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def faults_of(path: Path) -> list[str]:
    isa = path.name.split(".")[0]
    code = output_of("objdump", "-d", "--no-show-raw-insn", str(path))
    found = [line.strip() for line in code.splitlines() if re.search(FORBIDDEN[isa], line)]
    faults = [f"{isa}: wider than its ISA: {line}" for line in found[:5]]
    if isa in REQUIRED and not re.search(REQUIRED[isa], code):
        faults.append(f"{isa}: its own instruction {REQUIRED[isa]} is nowhere")
    symbols = output_of("nm", "-C", "--defined-only", str(path)).splitlines()
    faults += [f"{isa}: shared symbol: {line}" for line in symbols if re.search(r" [WVu] ", line)]
    return faults


def main() -> int:
    objects = [Path(name) for name in sys.argv[1:] if Path(name).name.split(".")[0] in FORBIDDEN]
    if len(objects) != len(FORBIDDEN):
        print(f"expected the objects of {', '.join(FORBIDDEN)}; got {sys.argv[1:]}")
        return 1
    faults = [fault for path in objects for fault in faults_of(path)]
    print("\n".join(faults) or f"{len(objects)} passed, 0 failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
