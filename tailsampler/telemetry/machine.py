"""What the machine gives this process: descriptors, memory, room on the disk. Linux's own words."""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from tailsampler.settings.filesystem import filesystem_of, lives_in_memory
from tailsampler.settings.machine import memory_limit

_CONTAINERS: Final = {"/.dockerenv": "Docker", "/run/.containerenv": "Podman"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """None is "cannot be found out" everywhere; sizes are in bytes."""

    open_files: int | None = None
    """The soft RLIMIT_NOFILE of the process."""
    memory_limit: int | None = None
    """The tightest memory limit of its control groups; None also where there is none."""
    disk_free: int | None = None
    """What the process may still write where the data directory stands."""
    data_bytes: int | None = None
    """What the data directory holds already."""
    filesystem: str | None = None
    """Of the data directory."""
    in_memory: bool = False
    """Whether that file system ends with the machine or the pod."""
    container: str | None = None
    """``Kubernetes``, ``Docker``, ``Podman``."""

    def as_json(self) -> dict[str, Any]:
        """Plain data, which ``of`` reads back."""
        return asdict(self)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """Read ``as_json``; keys of a newer version are left alone."""
        return cls(**{key: found[key] for key in cls.__slots__ if key in found})


def look(data_directory: Path, environ: Mapping[str, str] | None = None) -> Machine:
    """Ask the operating system about this process and the disk below ``data_directory``."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Machine(
        open_files=None if limit == resource.RLIM_INFINITY else limit,
        memory_limit=memory_limit(),
        disk_free=disk_free(data_directory),
        data_bytes=data_bytes(data_directory),
        filesystem=filesystem_of(data_directory),
        in_memory=lives_in_memory(data_directory),
        container=container(os.environ if environ is None else environ),
    )


def disk_free(directory: Path) -> int | None:
    """Bytes that an ordinary user may still write there; None if the disk does not say."""
    for place in (directory, *directory.absolute().parents):
        try:
            found = os.statvfs(place)
        except OSError:
            continue  # not made yet: it will stand where its parent does
        return found.f_bavail * found.f_frsize
    return None


def data_bytes(directory: Path) -> int | None:
    """Bytes on the disk below a directory, holes left out; 0 if it is not there yet."""
    total = 0
    try:
        for place, _, names in os.walk(directory):
            for name in names:
                try:
                    total += os.lstat(Path(place) / name).st_blocks * 512
                except FileNotFoundError:
                    continue  # a segment that was freed meanwhile
    except OSError:
        return None
    return total


def container(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """What kind of container this process runs in; None if in none, as far as can be seen."""
    if "KUBERNETES_SERVICE_HOST" in environ:
        return "Kubernetes"
    marks = ((root / mark.lstrip("/"), name) for mark, name in _CONTAINERS.items())
    return next((name for mark, name in marks if mark.exists()), None)
