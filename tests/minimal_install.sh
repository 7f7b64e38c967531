#!/usr/bin/env bash
# Installs hippo without any extra, as a wheel, into a new folder, and tries what must work there.
set -euo pipefail

project=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "minimal install: $1" >&2
    [ ! -f "$work/output" ] || cat "$work/output" >&2
    exit 1
}

# run STATUS COMMAND...: the command must end with that status; what it prints is in $work/output.
run() {
    local expected=$1 status=0
    shift
    "$@" > "$work/output" 2>&1 || status=$?
    [ "$status" -eq "$expected" ] || fail "'$*' ended with $status instead of $expected:"
}

says() {
    tr -s '[:space:]' ' ' < "$work/output" | grep -qF -- "$1" || fail "expected to read: $1"
}

echo "==> Installing hippo-memory without extras"
"$python" -m venv "$work/venv"
run 0 "$work/venv/bin/python" -m pip install --disable-pip-version-check --no-input \
    --constraint "$project/constraints.txt" "$project"
PATH="$work/venv/bin:$PATH"
cd "$work" # away from the checkout: only the wheel's files count
mkdir notes
echo "Ada Lovelace worked with Charles Babbage on the Analytical Engine." > notes/ada.txt
echo "Charles Babbage was born in London." > notes/babbage.md

echo "==> Trying what must work without them"
run 1 python -c "import torch"
run 0 python -c "import importlib.resources as r; assert r.files('hippo').joinpath('py.typed').is_file()"
run 0 hippo --help
run 0 hippo index plain notes --encoder none
run 0 hippo query plain "Where was the man born whom Ada Lovelace worked with?"
says "Charles Babbage was born in London."
run 0 hippo demo --encoder none
run 1 hippo index full notes
says 'pip install "hippo-memory[local]"'
run 0 hippo index full notes --encoder none # what the refused command left must not be in the way
echo "minimal install: all well"
