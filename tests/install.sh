#!/usr/bin/env bash
# Make an environment and install the project into it under requirements.lock.
# usage: install.sh PYTHON FOLDER REQUIREMENT
set -euo pipefail
python=$1 folder=$2 requirement=$3

fail() { echo "curate: $1" >&2; exit 1; }

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "needs Python 3.11 or newer, $python is $("$python" --version 2>&1 || echo missing); run: make PYTHON=/path/to/python3.11 ..."
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "$python has no venv; install it (Debian, Ubuntu: apt-get install python3-venv) and run make again"

rm -rf "$folder"
echo "== $folder: making an environment with $("$python" --version)"
"$python" -m venv "$folder"
echo "== $folder: installing $requirement (about a minute; 500 MB)"
# Each package is named as it is fetched, so that a slow line is seen to move.
"$folder/bin/pip" install --disable-pip-version-check --progress-bar off \
    -c requirements.lock -e "$requirement" 2>&1 |
    { grep --line-buffered -E '^(Collecting|Installing|Successfully|ERROR|  error|  ×)' || true; } |
    cut -c1-200 ||
    fail "pip could not install the packages of requirements.lock; check the network and the lines above, then run make again"
"$folder/bin/python" -c 'import curate' || fail "the installation is not complete; see the lines above, then run make again"
touch "$folder/.installed"
