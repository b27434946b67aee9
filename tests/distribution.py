"""Build the wheel and the sdist, look at what is in them, and use the wheel as a stranger would."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "django_iot_ingest"
SOURCE = ROOT / "src" / PACKAGE
SDIST_TOP = {
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "PKG-INFO",
    "README.md",
    "SECURITY.md",
    "benchmarks",
    "docs",
    "example_project",
    "pyproject.toml",
    "src",
    "tests",
    "tox.ini",
}
WHEEL_METADATA = {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
IMPORT = f"import {PACKAGE} as package; print(package.__version__, package.__file__)"


def main(folder: str) -> None:
    """Build into ``folder`` and check it all; ends with a message at the first fault."""
    target = Path(folder)
    shutil.rmtree(target, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", str(target), str(ROOT))
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, target.iterdir()))
    wheel, sdist = only(target, "*.whl"), only(target, "*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    check_installs(wheel, target / "empty")


def check_wheel(wheel: Path) -> None:
    """Expect the files of the package and the metadata, and nothing besides."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    listing(wheel, names)
    metadata = {name for name in names if ".dist-info/" in name}
    compare(wheel.name, {name.partition(".dist-info/")[2] for name in metadata}, WHEEL_METADATA)
    compare(wheel.name, names - metadata, source_files())


def check_sdist(sdist: Path) -> None:
    """Expect what is needed to build and test, and nothing that a build or a run left behind."""
    with tarfile.open(sdist) as archive:
        paths = [PurePosixPath(member.name) for member in archive if member.isfile()]
    listing(sdist, {str(path) for path in paths})
    unexpected = {path.parts[1] for path in paths} - SDIST_TOP
    unexpected |= {str(path) for path in paths if is_litter(path)}
    if unexpected:
        sys.exit(f"{sdist.name} holds {', '.join(sorted(unexpected))}")


def check_installs(wheel: Path, environment: Path) -> None:
    """Install the wheel with its dependencies alone, import it and load its app."""
    venv.create(environment, with_pip=True, clear=True)
    python = str(environment / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
    run(python, "-m", "pip", "check")
    run(python, "-I", "-c", IMPORT, cwd=environment)


def source_files() -> set[str]:
    """Return the package's files as the wheel names them."""
    return {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def is_litter(path: PurePosixPath) -> bool:
    return path.suffix in {".pyc", ".sqlite3", ".log"} or path.name == ".env"


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


def run(*command: str, cwd: Path = ROOT) -> None:
    print("$", *command, flush=True)
    if subprocess.run(command, cwd=cwd, check=False).returncode:
        sys.exit(f"failed: {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1])
