#!/bin/sh
# What tests need of the system: Chromium with a Chinese font, npm (for axe-core and the Nu HTML checker) and Java
# for the report's pages, PostgreSQL for histories, OpenSSL and OpenSSH for signatures; elsewhere than on Debian
# and its like, what is missing is skipped by name.
set -eu
missing=
for pair in chromium:chromium npm:npm java:default-jre-headless openssl:openssl ssh-keygen:openssh-client; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
done
# Debian keeps the server's programs out of the path.
command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
fc-list :lang=zh 2>/dev/null | grep -q . || missing="$missing fontconfig fonts-wqy-microhei"
[ -n "$missing" ] || exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
    echo "not installed, tests that need them will be skipped:$missing" >&2
fi
