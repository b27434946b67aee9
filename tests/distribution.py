"""Build the wheel and the sdist, look at what is in them, and install the wheel as strangers do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path, PurePosixPath

from tests import installs
from tests.supported import ROOT, pyproject

PACKAGE = "django_iot_ingest"
SOURCE = f"src/{PACKAGE}/"

METADATA = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|#)[^)]*\)")
LITTER = {".pyc", ".sqlite3", ".log"}


def main(folder: str) -> None:
    """Build into ``folder`` and check it all; ends with a message at the first fault."""
    target = Path(folder)
    shutil.rmtree(target, ignore_errors=True)
    files = repository_files()
    wheel, sdist = build(ROOT, target)
    run(sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist))
    check_wheel(wheel, files)
    check_sdist(sdist, files)
    check_again(wheel, sdist, copy_of(files, target / "copy"))
    installs.main(wheel, target / "installs")


def build(tree: Path, target: Path, *options: str) -> tuple[Path, Path]:
    """Return a wheel and an sdist; without ``options`` the wheel is built from the sdist."""
    command = [sys.executable, "-m", "build", "--installer", "uv", *options]
    run(*command, "--outdir", str(target), str(tree))
    return only(target, "*.whl"), only(target, "*.tar.gz")


def check_wheel(wheel: Path, files: set[str]) -> None:
    """Expect the files of the package and the metadata, and nothing besides."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        check_metadata(message_from_bytes(archive.read(name)))
    listing(wheel, names)
    metadata = {name for name in names if ".dist-info/" in name}
    expected = METADATA | ({"entry_points.txt"} if has_entry_points() else set())
    compare(wheel.name, {name.partition(".dist-info/")[2] for name in metadata}, expected)
    package = {name.removeprefix("src/") for name in files if name.startswith(SOURCE)}
    compare(wheel.name, names - metadata, package)


def check_metadata(metadata: Message) -> None:
    """Expect every extra, and a description without links that lead nowhere on an index."""
    extras = set(pyproject()["project"]["optional-dependencies"])
    compare("Provides-Extra", set(metadata.get_all("Provides-Extra", [])), extras)
    description = metadata.get_payload()
    if not isinstance(description, str) or len(description) < 1000:
        sys.exit("the description is not the README")
    compare("links of the description", set(LINK.findall(description)), set())


def check_sdist(sdist: Path, files: set[str]) -> None:
    """Expect the repository as it is committed, and nothing that a build or a run left behind."""
    with tarfile.open(sdist) as archive:
        paths = [PurePosixPath(member.name) for member in archive if member.isfile()]
    listing(sdist, {str(path) for path in paths})
    compare(sdist.name, {"/".join(path.parts[1:]) for path in paths}, files | {"PKG-INFO"})
    compare(sdist.name, {str(path) for path in paths if is_litter(path)}, set())


def check_again(wheel: Path, sdist: Path, copy: Path) -> None:
    """Build anew at another place and another time; expect the same bytes.

    The first wheel was built from the sdist, this one is from the tree.
    """
    other_wheel, other_sdist = build(copy, copy.parent / "again", "--wheel", "--sdist")
    for one, other in ((wheel, other_wheel), (sdist, other_sdist)):
        if one.read_bytes() != other.read_bytes():
            sys.exit(f"{one.name}: built twice, and not the same bytes: {one} {other}")
    print("built again elsewhere: the same bytes")


def repository_files() -> set[str]:
    """Return what is committed, or would be; of an unpacked sdist, where no git is, all there is."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        if os.environ.get("CI") == "true":
            sys.exit("git does not say what is committed")
        return installed_files()
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


def installed_files() -> set[str]:
    """Return the files beside pyproject.toml, but for what builds and runs leave behind."""
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    ours = (path for path in paths if not {".tox", ".venv", "__pycache__"} & set(path.parts))
    return {path.as_posix() for path in ours} - {"PKG-INFO"}


def copy_of(files: set[str], target: Path) -> Path:
    """Copy the repository, without any of its times, and return where to."""
    for name in files:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place)
    return target


def has_entry_points() -> bool:
    return any(name in pyproject()["project"] for name in ("entry-points", "scripts"))


def is_litter(path: PurePosixPath) -> bool:
    return path.suffix in LITTER or path.name == ".env" or "__pycache__" in path.parts


def compare(name: str, found: set[str], expected: set[str]) -> None:
    if found != expected:
        sys.exit(
            f"{name}: unexpected {sorted(found - expected)}, missing {sorted(expected - found)}"
        )


def listing(archive: Path, names: set[str]) -> None:
    print(f"{archive.name}: {archive.stat().st_size} bytes, {len(names)} files")
    for name in sorted(names):
        print(f"  {name}")


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def run(*command: str) -> None:
    print("$", *command, flush=True)
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1])
