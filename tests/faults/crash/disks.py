"""File systems of a test's own: small ones, read-only ones, and copies of their disks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TOOLS = ("mkfs.ext4", "mount", "umount", "e2fsck", "losetup")
SYSTEM = ("/usr/sbin", "/sbin")  # not on everybody's PATH


class NoMountError(Exception):
    """This machine lets nobody mount; says why."""


def tool(name: str) -> str:
    """Where a program of the system is; raises ``NoMountError`` if it is nowhere."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM]))
    if found is None:
        raise NoMountError(f"{name} is not installed")
    return found


def run(name: str, *arguments: str) -> str:
    """Run a program of the system; raises ``NoMountError`` with its words if it fails."""
    done = subprocess.run([tool(name), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoMountError(f"{name} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def make_ext4(image: Path, megabytes: int) -> None:
    """An empty ext4 file system in a file, without room kept for root."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    run("mkfs.ext4", "-q", "-F", "-m", "0", str(image))


@contextmanager
def mounted(image: Path, at: Path, options: str = "loop") -> Iterator[Path]:
    """An image, mounted; the journal is replayed by that."""
    at.mkdir(exist_ok=True)
    run("mount", "-o", options, str(image), str(at))
    try:
        yield at
    finally:
        run("umount", str(at))


def is_clean(image: Path) -> bool:
    """Whether e2fsck finds nothing to repair; to be asked once the journal was replayed."""
    done = subprocess.run(
        [tool("e2fsck"), "-f", "-n", str(image)], capture_output=True, check=False
    )
    return done.returncode == 0


def copy(image: Path, to: Path) -> None:
    """What the disk holds now, and not what the kernel has yet to write to it."""
    subprocess.run(["cp", "--reflink=auto", "--sparse=auto", str(image), str(to)], check=True)


def why_no_mounts(directory: Path) -> str | None:
    """Why nothing can be mounted here; None if it can."""
    image = directory / "probe.img"
    try:
        make_ext4(image, 8)
        with mounted(image, directory / "probe"):
            return None
    except NoMountError as error:
        return str(error)
    finally:
        image.unlink(missing_ok=True)
