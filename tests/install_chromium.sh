#!/bin/sh
# The browser tests need Chromium; elsewhere than on Debian and its like they are skipped by name.
set -eu
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
else
    echo "chromium is not installed: the browser tests will be skipped" >&2
fi
