"""Lists what a deployment installs, as a CycloneDX document: for whoever must know whether a vulnerability is theirs.

    python -m supply.sbom      writes sbom.cdx.json

It is made of the lock files alone and says nothing about when and where: the same locks give the same bytes, and a test
holds it to them. It names each lock file with its digest, which holds the digests of the packages. What the tests need
besides is not deployed, and not listed; what builds this checkout is there, as `excluded` from what runs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toybackend import __version__

ROOT = Path(__file__).resolve().parents[1]
SBOM = "sbom.cdx.json"
LOCKS = ("requirements.txt", "package-lock.json", "ffmpeg/source.sha256")
SHIPPED = ("jsqr", "lit-html")
"""What `vendor.sh` copies for the pages."""
OURSELVES = f"toybackend@{__version__}"

_PINNED = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)
_WANTED_BY = re.compile(r"^ +# +(?:via )?(?!via$)([a-z0-9-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Part:
    """A component."""

    kind: str
    """`library` or `application`."""
    name: str
    version: str = ""
    purl: str = ""
    needs: tuple[str, ...] = ()
    """The `ref` of other parts."""
    is_direct: bool = False
    """We ourselves need it."""
    is_running: bool = True
    digest: tuple[str, str] | None = None
    """Algorithm and hexadecimal digits."""

    @property
    def ref(self) -> str:
        return self.purl or f"{self.name}@{self.version}".removesuffix("@")

    def component(self) -> dict[str, Any]:
        given = {"type": self.kind, "bom-ref": self.ref, "name": self.name, "version": self.version, "purl": self.purl}
        component: dict[str, Any] = {key: value for key, value in given.items() if value}
        if self.digest:
            component["hashes"] = [{"alg": self.digest[0], "content": self.digest[1]}]
        return component | {"scope": "required" if self.is_running else "excluded"}


@dataclass(frozen=True, slots=True)
class Pinned:
    """A line of requirements.txt."""

    version: str
    wanted_by: frozenset[str]
    """Names of packages; ours for what pyproject.toml asks for."""


def document(root: Path) -> str:
    """The whole of it, of the locks in this folder."""
    parts = sorted([*_python(root), *_pages(root), *_ffmpeg(root)], key=lambda one: one.ref)
    needs = {OURSELVES: [one.ref for one in parts if one.is_direct]} | {one.ref: list(one.needs) for one in parts}
    ourselves = {"type": "application", "bom-ref": OURSELVES, "name": "toybackend", "version": __version__}
    whole = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": ourselves | {"externalReferences": [_reference(root, name) for name in LOCKS]}},
        "components": [one.component() for one in parts],
        "dependencies": [{"ref": ref, "dependsOn": sorted(of)} for ref, of in sorted(needs.items())],
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _reference(root: Path, lock: str) -> dict[str, Any]:
    digest = hashlib.sha256((root / lock).read_bytes()).hexdigest()
    return {"type": "build-meta", "url": lock, "hashes": [{"alg": "SHA-256", "content": digest}]}


# ── Python ──


def read_requirements(text: str) -> dict[str, Pinned]:
    """What pip-compile wrote, by name."""
    starts = [*_PINNED.finditer(text)]
    ends = [one.start() for one in starts[1:]] + [len(text)]
    return {
        start[1]: Pinned(start[2], frozenset(_WANTED_BY.findall(text[start.end() : end])))
        for start, end in zip(starts, ends, strict=True)
    }


def _python(root: Path) -> Iterator[Part]:
    pinned = read_requirements((root / "requirements.txt").read_text())
    asked_for = _asked_for((root / "pyproject.toml").read_text())
    purls = {name: f"pkg:pypi/{name}@{one.version}" for name, one in pinned.items()}
    running = _reachable(asked_for & pinned.keys(), pinned)
    for name, one in pinned.items():
        yield Part(
            "library",
            name,
            one.version,
            purls[name],
            needs=tuple(purls[other] for other in pinned if name in pinned[other].wanted_by),
            is_direct=name in asked_for,
            is_running=name in running,
        )


def _asked_for(pyproject: str) -> set[str]:
    """The names that our package depends on, as they are written in requirements.txt."""
    dependencies = tomllib.loads(pyproject)["project"]["dependencies"]
    names = [re.match(r"[\w.-]+", one) for one in dependencies]
    return {re.sub(r"[._-]+", "-", name[0]).lower() for name in names if name}


def _reachable(names: Iterable[str], pinned: Mapping[str, Pinned]) -> set[str]:
    found, more = set[str](), set(names)
    while more:
        found |= more
        more = {name for name, one in pinned.items() if one.wanted_by & more} - found
    return found


# ── what is no Python ──


def _pages(root: Path) -> Iterator[Part]:
    locked = json.loads((root / "package-lock.json").read_text())["packages"]
    for name in SHIPPED:
        version, integrity = locked[f"node_modules/{name}"]["version"], locked[f"node_modules/{name}"]["integrity"]
        digest = base64.b64decode(integrity.removeprefix("sha512-")).hex()
        yield Part("library", name, version, f"pkg:npm/{name}@{version}", is_direct=True, digest=("SHA-512", digest))


def _ffmpeg(root: Path) -> Iterator[Part]:
    """Our build, of the pinned release or the distribution's package of it, with the distribution's libraries in it;
    `ffmpeg/bin/BUILD` says on each machine which they are."""
    digest, release = (root / "ffmpeg" / "source.sha256").read_text().split()
    flags = (root / "ffmpeg" / "configure-flags").read_text()
    libraries = tuple(re.findall(r"^--enable-(lib[\w-]+)$", flags, re.MULTILINE))
    version = release.removeprefix("ffmpeg-").removesuffix(".tar.xz")
    yield Part("application", "ffmpeg", version, needs=libraries, is_direct=True, digest=("SHA-256", digest))
    for name in libraries:
        yield Part("library", name)


def main() -> None:
    (ROOT / SBOM).write_text(document(ROOT))


if __name__ == "__main__":
    main()
