#!/usr/bin/env bash
# What the steps of action.yml do, one after the other: install, audit, verdict. What they are asked comes in
# environment variables, so that nothing of a pull request is ever part of a command.
set -euo pipefail

# A module of the checkout must not be taken for fairweigh, nor for one of those that it imports.
export PYTHONSAFEPATH=1

# Exit code 1 says that a gate fails; whatever else goes wrong is an error.
judged=false
ended() {
    if [[ $1 -ne 0 && $judged == false ]]; then exit 2; fi
}
trap 'ended "$?"' EXIT

# Hand a value to the later steps. A line break in it must not begin another name.
output() {
    local end
    end="end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    printf '%s<<%s\n%s\n%s\n' "$1" "$end" "$2" "$end" >>"$GITHUB_OUTPUT"
}

# Say beside the change what is wrong; in one line, as the runner reads it.
complain() {
    local told=${1//'%'/%25}
    told=${told//$'\r'/%0D}
    printf '::error title=fairweigh::%s\n' "${told//$'\n'/%0A}"
}

# Complain of an input: its name, what it should be, what came.
refuse() {
    complain "$1: expected $2, got '${3:0:200}'"
}

install() {
    local source=$GITHUB_ACTION_PATH
    if ! "$PYTHON" -m pip install --quiet --disable-pip-version-check "$source${EXTRAS:+[$EXTRAS]}"; then
        complain "fairweigh could not be installed to $PYTHON"
        return 2
    fi
}

# Audit, then judge the run. A later step fails the check, so that the comment and the report come before that.
audit() {
    local files status=2 verdict=error name
    # A folder for this step alone: another use of the action in the same job has its own.
    mkdir -p "$RUNNER_TEMP"
    files=$(mktemp -d "$RUNNER_TEMP/fairweigh.XXXXXX")
    if check_inputs && write_run; then
        status=0
        judge "$files" || status=$?
    fi
    if [[ -e $files/fairweigh.sarif ]]; then verdict=$(verdict_in "$files/fairweigh.sarif"); fi
    if [[ $status -eq 2 && $verdict != error ]]; then
        # What was written before it went wrong must not be shown as what was found.
        rm -f "$files"/*
        verdict=error
    fi
    output code "$status"
    output verdict "$verdict"
    output run "$OUT"
    for name in junit.xml comment.md fairweigh.sarif; do
        if [[ -e $files/$name ]]; then output "${name%%.*}" "$files/$name"; fi
    done
    # Without a verdict there is nothing for the steps in between.
    if [[ ! -e $files/comment.md ]]; then return 2; fi
}

# The names of files are given to fairweigh and, of the run's folder, to upload-artifact as a list of patterns.
check_inputs() {
    if [[ ! -f $CONFIG ]]; then refuse config "a file" "$CONFIG"; return 2; fi
    if [[ -n $POLICY && ! -f $POLICY ]]; then refuse policy "a file" "$POLICY"; return 2; fi
    if [[ -n $BASELINE && ! -d $BASELINE ]]; then refuse baseline "a run folder" "$BASELINE"; return 2; fi
    if [[ -z $OUT || $OUT == [-[:space:]]* || $OUT == *[[:space:]] || $OUT == *[][*?!#~\\[:cntrl:]]* ]]; then
        refuse out "the name of a new folder, without signs of a pattern" "$OUT"
        return 2
    fi
    if [[ -e $OUT || -L $OUT ]]; then
        # An earlier run must not be judged in place of the one that cannot be written.
        complain "out: $OUT: exists already; remove it, or set another 'out'"
        return 2
    fi
    case $ALLOW_INCONCLUSIVE in
        true | True | TRUE | false | False | FALSE) ;;
        *) refuse allow-inconclusive "'true' or 'false'" "$ALLOW_INCONCLUSIVE"; return 2 ;;
    esac
}

write_run() {
    local status=0 line settings=()
    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line == *[![:space:]]* ]]; then settings+=("--set=${line%$'\r'}"); fi
    done <<<"$SET"
    "$PYTHON" -m fairweigh audit --out="$OUT" --quiet ${settings[@]+"${settings[@]}"} -- "$CONFIG" || status=$?
    if [[ -f $OUT/MANIFEST.json ]]; then return 0; fi
    # What ends with 2 has said why.
    if [[ $status -ne 2 ]]; then complain "no run was written: the audit ended with exit code $status"; fi
    return 2
}

# Judge the run into the files of a folder. A verdict is believed only with all of the files that hold it: Python
# itself ends with 1 where there is no fairweigh.
judge() {
    local status=0 name asked=()
    if [[ -n $POLICY ]]; then asked+=("--policy=$POLICY"); fi
    if [[ -n $BASELINE ]]; then asked+=("--baseline=$BASELINE"); fi
    case $ALLOW_INCONCLUSIVE in true | True | TRUE) asked+=(--allow-inconclusive) ;; esac
    "$PYTHON" -m fairweigh gate ${asked[@]+"${asked[@]}"} --junit="$1/junit.xml" --markdown="$1/comment.md" \
        --sarif="$1/fairweigh.sarif" -- "$OUT" || status=$?
    if [[ $status -eq 2 ]]; then return 2; fi
    for name in junit.xml comment.md fairweigh.sarif; do
        if [[ $status -gt 3 || ! -s $1/$name ]]; then
            complain "no verdict was written: the gate ended with exit code $status"
            rm -f "$1"/*
            return 2
        fi
    done
    return "$status"
}

# The verdict's word: exit code 0 is that of an inconclusive one too, where that is allowed.
verdict_in() {
    "$PYTHON" -c '
import json, sys
with open(sys.argv[1], encoding="utf-8") as file:
    print(json.load(file)["runs"][0]["properties"]["verdict"])' "$1"
}

verdict() {
    echo "fairweigh: ${VERDICT:-no verdict}"
    if [[ $CODE != [0-3] ]]; then return 2; fi
    judged=true
    exit "$CODE"
}

case ${1-} in
    install | audit | verdict) "$1" ;;
    *)
        echo "usage: action.sh install|audit|verdict" >&2
        exit 2
        ;;
esac
