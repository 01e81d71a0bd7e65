#!/usr/bin/env bash
# All tests, fast ones first, then the wheel with the source tree away; what is skipped is printed with its reason.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
# Hundreds of programs are started: each would translate all of luthier anew.
unset PYTHONDONTWRITEBYTECODE
# What JAX compiles is kept for the other tests of this run.
JAX_COMPILATION_CACHE_DIR=$(mktemp -d)
export JAX_COMPILATION_CACHE_DIR JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0.05
trap 'rm -rf "$JAX_COMPILATION_CACHE_DIR"' EXIT
bash tests/check.sh
# Most of what the JAX tests of this stage take is XLA's optimising of programs that run once; the slow stage has it.
# What a file has made once serves the whole of it: files are parted at the end only.
XLA_FLAGS=--xla_backend_optimization_level=0 $bin/pytest -n auto --dist worksteal --durations 12 -m "not slow" "$@"
# A file stays on one worker: its studies are made once. The order is that of tests/conftest.py.
$bin/pytest -n auto --dist loadfile --no-loadscope-reorder --durations 12 -m slow "$@"
bash tests/wheel.sh
