#!/usr/bin/env bash
# What the steps of action.yml do, one after the other: install, audit, verdict. What they are asked comes in
# environment variables, so that nothing of a pull request is ever part of a command.
set -euo pipefail

# Hand a value to the later steps. A line break in it must not begin another name.
output() {
    local end
    end="end-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
    printf '%s<<%s\n%s\n%s\n' "$1" "$end" "$2" "$end" >>"$GITHUB_OUTPUT"
}

install() {
    local source=$GITHUB_ACTION_PATH
    "$PYTHON" -m pip install --quiet --disable-pip-version-check "$source${EXTRAS:+[$EXTRAS]}"
}

# Audit, then judge the run. Both say with their exit codes what they found; a later step fails the check,
# so that the comment and the report come before that.
audit() {
    local run=$OUT files="$RUNNER_TEMP/fairweigh" status=0
    local settings=() asked=()
    if [[ -e $run ]]; then
        # An earlier run must not be judged in place of the one that cannot be written.
        echo "fairweigh: $run: exists already; remove it, or set another 'out'" >&2
        exit 2
    fi
    mkdir -p "$files"
    while IFS= read -r line; do
        if [[ -n $line ]]; then settings+=(--set "$line"); fi
    done <<<"$SET"
    "$PYTHON" -m fairweigh audit "$CONFIG" --out "$run" --quiet ${settings[@]+"${settings[@]}"} || status=$?
    if [[ -e $run/MANIFEST.json && $status -le 3 ]]; then
        status=0
        if [[ -n $POLICY ]]; then asked+=(--policy "$POLICY"); fi
        if [[ -n $BASELINE ]]; then asked+=(--baseline "$BASELINE"); fi
        if [[ $ALLOW_INCONCLUSIVE == true ]]; then asked+=(--allow-inconclusive); fi
        "$PYTHON" -m fairweigh gate "$run" ${asked[@]+"${asked[@]}"} --junit "$files/junit.xml" \
            --markdown "$files/comment.md" --sarif "$files/fairweigh.sarif" || status=$?
    fi
    output code "$status"
    output verdict "$(verdict_of "$status")"
    output run "$run"
    for name in junit.xml comment.md fairweigh.sarif; do
        if [[ -e $files/$name ]]; then output "${name%%.*}" "$files/$name"; fi
    done
}

verdict_of() {
    case $1 in
        0) echo pass ;;
        1) echo fail ;;
        3) echo inconclusive ;;
        *) echo error ;;
    esac
}

verdict() {
    echo "fairweigh: $(verdict_of "$CODE")"
    exit "$CODE"
}

case ${1-} in
    install | audit | verdict) "$1" ;;
    *)
        echo "usage: action.sh install|audit|verdict" >&2
        exit 2
        ;;
esac
