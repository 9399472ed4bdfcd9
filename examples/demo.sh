#!/usr/bin/env bash
# The story of one gateway, told by the real commands: `make demo`. Needs no account and costs nothing; every step
# checks its result, and the script fails at the first one that isn't as told.
set -euo pipefail
cd "$(dirname "$0")/demo"

readonly SPEC=gateway.yaml
readonly QUESTION="What is infrastructure as code, in one sentence?"
readonly LONGER="Why should every cloud stack have an end date? Two short reasons."
# The vendor in the sandbox takes any key; a real one would be read from here in the same way.
export OPENAI_API_KEY=sk-demo-not-a-real-key

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  readonly BOLD=$'\e[1m' DIM=$'\e[2m' CYAN=$'\e[36m' PLAIN=$'\e[0m'
else
  readonly BOLD='' DIM='' CYAN='' PLAIN=''
fi

chapter=0
chapter() {
  chapter=$((chapter + 1))
  printf '\n%s%d. %s%s\n' "$BOLD" "$chapter" "$1" "$PLAIN"
  shift
  [ $# -eq 0 ] || printf '%s%s%s\n' "$DIM" "$*" "$PLAIN"
}

# Prints the command as a reader would type it, then runs it.
run() {
  printf '%s$ %s%s\n' "$CYAN" "$*" "$PLAIN"
  "$@"
}

quoted() {
  local word words=()
  for word in "$@"; do
    case $word in *' '*) words+=("\"$word\"") ;; *) words+=("$word") ;; esac
  done
  printf '%s' "${words[*]}"
}

# The same with one line for all resources, where there is no terminal to watch them on.
watch_resources() {
  if [ -t 1 ]; then
    run "$@"
  else
    run "$@" | awk '
      /^  [-+~] / { sign = $1; count++; next }
      count { printf "  %s %d resources\n", sign, count; count = 0 }
      { print }'
  fi
}

# Runs a question against the gateway; the key is shown by its name only.
ask() {
  local key_name=$1 key=$2
  shift 2
  printf '%s$ python ask.py --key "$%s" %s%s\n' "$CYAN" "$key_name" "$(quoted "$@")" "$PLAIN"
  python ask.py --base-url "$BASE_URL" --key "$key" "$@"
}

output() {
  python -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1:]:
    value = value[name]
print(value)' "$@" <<<"$OUTPUTS"
}

# A sandbox of its own, so that one which the reader keeps running is left alone.
LLMSTRAT_SANDBOX_HOME=$(mktemp -d)
export LLMSTRAT_SANDBOX_HOME

started=false
finish() {
  local code=$?
  ! $started || llmstrat sandbox stop >/dev/null 2>&1 || true
  rm -rf "$LLMSTRAT_SANDBOX_HOME"
  [ $code -eq 0 ] || printf 'The demo stopped: the step above did not end as told (exit code %d).\n' "$code" >&2
}
trap finish EXIT
trap 'exit 130' INT TERM

printf '%sFrom a YAML file to a working LLM gateway, and back to nothing.%s\n' "$BOLD" "$PLAIN"
printf 'Real Pulumi engine, AWS emulated on this machine: no account, no cost.\n'

chapter "An AWS to play with" "An emulator, a local aws provider and a stand-in for the model vendors, on loopback only."
started=true
if [ "${LLM:-scripted}" = real ]; then
  run llmstrat sandbox start --llm real
else
  run llmstrat sandbox start
fi

chapter "What we want" "The whole specification:"
run cat "$SPEC"

chapter "Is it sound, and what would it cost?" "Pure reading: no credentials, no engine, no network."
run llmstrat validate "$SPEC"
run llmstrat plan "$SPEC"

chapter "Build it" "The same command builds it on AWS; --sandbox only changes where."
watch_resources llmstrat up "$SPEC" --sandbox --yes
OUTPUTS=$(llmstrat outputs "$SPEC" --sandbox --json --show-secrets)
BASE_URL=$(output base_url)
WEB_KEY=$(output keys web)
TRIAL_KEY=$(output keys trial)

chapter "Call it like OpenAI" "ask.py is the OpenAI SDK with this base URL: $BASE_URL"
ask WEB_KEY "$WEB_KEY" "$QUESTION"
ask WEB_KEY "$WEB_KEY" --stream "$LONGER"

chapter "It says no when it should" "A key that doesn't exist, a model that isn't allowed, a budget that is spent:"
ask WRONG_KEY not-a-key-of-this-gateway-000000 --expect 401 "$QUESTION"
ask WEB_KEY "$WEB_KEY" --model research --expect 400 "$QUESTION"
ask TRIAL_KEY "$TRIAL_KEY" --repeat --expect 429 "$QUESTION"

chapter "Who used what" "One line a request: never the prompt, never a key."
run llmstrat logs "$SPEC" --sandbox

chapter "Take it down and prove it" "Destroy, sweep by tag and by type, and a receipt of what is left."
watch_resources llmstrat down "$SPEC" --sandbox --yes

chapter "Switch the sandbox off"
run llmstrat sandbox stop
started=false

printf '\n%sThat was the whole way.%s The same commands without --sandbox do it on AWS: docs/aws.md.\n' "$BOLD" "$PLAIN"
