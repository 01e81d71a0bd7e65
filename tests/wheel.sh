#!/usr/bin/env bash
# Builds the wheel, installs it where the source tree cannot be imported, and tests it there.
#
#     bash tests/wheel.sh
#
# The new environment sees the packages of .venv, but not the editable install of luthier: a path file is read
# only in an environment's own folder, so the one that points to src is not followed.
set -euo pipefail
cd "$(dirname "$0")/.."
tree=$PWD
python=$tree/.venv/bin/python
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

$python -m build --wheel --no-isolation --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
$python -m venv --without-pip "$work/venv"
$python -m pip --python "$work/venv/bin/python" install --quiet --no-deps --disable-pip-version-check "$work"/dist/*.whl
site=$("$work/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
$python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$site/packages-of-the-tree.pth"

cp -r tests docs pyproject.toml "$work"
rm -rf "$work/tests/house"
cd "$work"
bin=$work/venv/bin
unset PYTHONPATH

echo "wheel: every file of src is in it, nothing else, and luthier is imported from there"
$bin/python - "$tree" "$work" "$site" <<'PY'
import sys, zipfile
from pathlib import Path
import luthier, luthier_tasks

tree, work, site = map(Path, sys.argv[1:])
for module in (luthier, luthier_tasks):
    assert Path(module.__file__).is_relative_to(site), module.__file__
assert not any(Path(entry or ".").resolve().is_relative_to(tree / "src") for entry in sys.path), sys.path
(wheel,) = work.glob("dist/*.whl")
files = zipfile.ZipFile(wheel).namelist()
inside = {name for name in files if ".dist-info/" not in name}
source = {p.relative_to(tree / "src").as_posix() for p in (tree / "src").rglob("*") if p.is_file()}
source = {name for name in source if "__pycache__" not in name and ".egg-info" not in name}
assert inside == source, f"missing {source - inside}, too much {inside - source}"
needed = {"luthier/py.typed", *(f"luthier/reports/templates/report.{end}" for end in ("css", "js", "html.j2"))}
assert needed <= inside, needed - inside
assert any(name.endswith("/licenses/LICENSE") for name in files)
PY

echo "wheel: its tests"
$bin/python -m pytest -q -p no:cacheprovider -n 2 -m "not slow" --ignore tests/test_api.py \
    -k "not huge and not no_flip and not kill and not dies and not several and not many" \
    tests/test_*.py tests/runs tests/training tests/data tests/reports \
    tests/search/test_halton.py tests/search/test_points.py tests/search/test_prior.py
$bin/python -m pytest -q -p no:cacheprovider tests/survival/test_faults.py::test_torn_tail_is_recovered

echo "wheel: the program"
$bin/luthier --version
$bin/luthier tune digits --model mlp --budget 8trials --json --runs "$work/runs" >"$work/summary.json"
$bin/python -c 'import json, sys; found = json.load(open(sys.argv[1])); assert found["status"] == "finished", found' \
    "$work/summary.json"
test -s "$work/runs/digits/report.html"
echo "wheel: passed"
