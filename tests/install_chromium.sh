#!/bin/sh
# The tests of the report's pages need Chromium, npm (for axe-core and the Nu HTML checker) and Java; elsewhere
# than on Debian and its like, what is missing is skipped by name.
set -eu
missing=
for pair in chromium:chromium npm:npm java:default-jre-headless; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not installed, tests that need them will be skipped:$missing" >&2
fi
