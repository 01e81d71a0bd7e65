#!/usr/bin/env bash
# The static checks: format, lint, types, imports. The same here and in CI.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
$bin/ruff format --check src tests benchmarks examples
$bin/ruff check src tests benchmarks examples
$bin/mypy
$bin/lint-imports
