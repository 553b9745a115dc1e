"""Assemble the tree that the image has, in ``deploy/Dockerfile`` or on a machine without Docker.

    scripts/image_root.py DIR [--wheel FILE]

DIR then holds ``opt/tailsampler`` (the program and its dependencies, by the versions and hashes of
``requirements.lock``), ``usr/local/bin/tailsampler``, the default configuration, and an SBOM. It is
made by the Python that is to run it. Without ``--wheel`` one is built, which needs Rust.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

try:
    from scripts.sbom import sbom
except ImportError:  # run as a program, which has its own folder on the path
    from sbom import sbom  # type: ignore[import-not-found,no-redef] # the same module

ROOT: Final = Path(__file__).parent.parent
_LAUNCHER: Final = """\
#!/bin/sh
# -P: a file in the working directory is no module of ours.
root=$(dirname "$(readlink -f "$0")")/../../..
PYTHONPATH="$root/opt/tailsampler" exec python3 -P -m tailsampler "$@"
"""
_NAME: Final = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==", re.MULTILINE)


def normal(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(lock: str) -> Iterator[tuple[str, str]]:
    """Name and text of every requirement of a lock, with its hashes."""
    for text in re.split(r"\n(?=\S)", lock):
        found = _NAME.match(text)
        if found:
            yield normal(found[1]), text.strip("\n")


def locked(lock: str, names: Collection[str]) -> str:
    """The part of a lock that these distributions need.

    Raises:
        SystemExit: one of them is not in it.
    """
    by_name = dict(blocks(lock))
    missing = sorted(name for name in names if normal(name) not in by_name)
    if missing:
        sys.exit(f"requirements.lock lacks {', '.join(missing)}; run make lock")
    return "\n".join(by_name[normal(name)] for name in sorted(names)) + "\n"


def run(*command: str | Path) -> None:
    """A step; the first that fails ends the whole."""
    done = subprocess.run(list(map(str, command)), check=False)
    if done.returncode:
        sys.exit(f"image_root: {' '.join(map(str, command[:4]))} ... failed; see above")


def build_wheel(into: Path) -> Path:
    """The wheel, stripped; maturin comes from the lock."""
    tools = into / "tools"
    run(sys.executable, "-m", "venv", tools)
    wanted = into / "maturin.txt"
    wanted.write_text(locked((ROOT / "requirements.lock").read_text(), ["maturin"]))
    pip: list[str | Path] = [tools / "bin" / "python", "-m", "pip", "install", "--quiet"]
    run(*pip, "--require-hashes", "--no-deps", "--requirement", wanted)
    manifest = ROOT / "crates" / "py" / "Cargo.toml"
    run(tools / "bin" / "maturin", "build", "--release", "--strip", "--out", into,
        "--manifest-path", manifest)  # fmt: skip
    [wheel] = into.glob("*.whl")
    return wheel


def needed(wheel: Path, constraints: Path) -> list[str]:
    """Every distribution that the wheel needs here, itself excluded."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--constraint", str(constraints), "--report", "-", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"image_root: pip cannot resolve what {wheel.name} needs\n{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    names = [each["metadata"]["name"] for each in report["install"]]
    return [name for name in names if normal(name) != "tailsampler"]


def install(wheel: Path, into: Path, work: Path) -> None:
    """The wheel and what it needs; each file of others is held to the hash of the lock."""
    lock = (ROOT / "requirements.lock").read_text()
    constraints = work / "constraints.txt"
    constraints.write_text("\n".join(_pins(lock)) + "\n")
    wanted = work / "requirements.txt"
    wanted.write_text(locked(lock, needed(wheel, constraints)))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"]
    run(*pip, "--target", into, "--require-hashes", "--only-binary", ":all:", "-r", wanted)
    run(*pip, "--target", into, "--upgrade", wheel)
    # Programs of dependencies and a note of where the wheel lay: both name paths of this machine.
    shutil.rmtree(into / "bin", ignore_errors=True)
    for origin in into.glob("tailsampler-*.dist-info/direct_url.json"):
        origin.unlink()
    # Bytecode by content and not by time, so that a layer is the same at each build.
    root = into.parent.parent
    run(sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
        "-s", root, "-p", "/", into)  # fmt: skip


def _pins(lock: str) -> Iterator[str]:
    for _, text in blocks(lock):
        yield text.partition("\\")[0].strip()


def assemble(directory: Path, wheel: Path, work: Path) -> None:
    """Everything below the root that is ours."""
    program = directory / "opt" / "tailsampler"
    program.mkdir(parents=True)
    install(wheel, program, work)
    launcher = directory / "usr" / "local" / "bin" / "tailsampler"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(_LAUNCHER)
    launcher.chmod(0o755)
    shutil.copytree(ROOT / "config", directory / "etc" / "tailsampler" / "examples")
    (directory / "var" / "lib" / "tailsampler").mkdir(parents=True)
    share = directory / "usr" / "share" / "tailsampler"
    share.mkdir(parents=True)
    shutil.copy(ROOT / "LICENSE", share)
    bill = sbom(program, ROOT / "Cargo.lock")
    (share / "sbom.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")


def main() -> int:
    """Build what is missing, and assemble."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path, help="a new folder, which becomes the root")
    parser.add_argument("--wheel", type=Path, help="built already; otherwise one is, with Rust")
    arguments = parser.parse_args()
    directory: Path = arguments.directory.absolute()
    if directory.exists() and any(directory.iterdir()):
        sys.exit(f"image_root: {directory} is not empty; name a new folder")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        wheel = arguments.wheel.absolute() if arguments.wheel else build_wheel(work)
        assemble(directory, wheel, work)
    run(directory / "usr" / "local" / "bin" / "tailsampler", "version")
    print(f"{directory}: {sum(each.is_file() for each in directory.rglob('*'))} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
