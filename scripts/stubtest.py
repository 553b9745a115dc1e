"""Compare ``tailsampler/_core.pyi`` with the compiled module, and refuse unexplained exceptions."""

import subprocess
import sys
from pathlib import Path

ALLOWLIST = Path(__file__).with_name("stubtest-allowlist.txt")


def unexplained(lines: list[str]) -> list[str]:
    """The allowlist entries that carry no reason, as ``line number: text``."""
    found = []
    for number, line in enumerate(lines, start=1):
        entry, _, reason = line.partition("#")
        if entry.strip() and not reason.strip():
            found.append(f"{number}: {line}")
    return found


def main() -> int:
    """Run stubtest; the exit status is its own, or 1 for an entry without a reason."""
    if bad := unexplained(ALLOWLIST.read_text().splitlines()):
        print(f"{ALLOWLIST}: say why, behind a '#', in line", *bad, sep="\n  ")
        return 1
    command = [sys.executable, "-m", "mypy.stubtest", "tailsampler._core"]
    command += ["--mypy-config-file", "pyproject.toml", "--allowlist", str(ALLOWLIST)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
