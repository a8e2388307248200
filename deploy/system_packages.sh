#!/usr/bin/env bash
# Programs the tests drive for real. As root on a Debian-like machine they are
# installed; elsewhere each missing one is named with the package that brings it.
set -euo pipefail

missing=()
found() { command -v "$@" >/dev/null 2>&1; }

found chromium || found chromium-browser || found google-chrome || missing+=(chromium)
found valkey-server || found redis-server || missing+=(redis-server)
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || found initdb || missing+=(postgresql)
found node || missing+=(nodejs)
found npm || missing+=(npm)

# Speech: where they are not, the tests speak with the library of a wheel.
wanted=()
found espeak-ng || wanted+=(espeak-ng)
found flite || wanted+=(flite)

[ ${#missing[@]} -eq 0 ] && [ ${#wanted[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && found apt-get; then
    required=${#missing[@]}
    missing+=(${wanted[@]+"${wanted[@]}"})
    echo "Installing ${missing[*]} ..."
    export DEBIAN_FRONTEND=noninteractive
    # Only the programs are wanted: the tests start servers of their own.
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d.tanya
    chmod +x /usr/sbin/policy-rc.d.tanya
    [ -e /usr/sbin/policy-rc.d ] || { mv /usr/sbin/policy-rc.d.tanya /usr/sbin/policy-rc.d; ours=1; }
    trap 'rm -f /usr/sbin/policy-rc.d.tanya; [ -z "${ours:-}" ] || rm -f /usr/sbin/policy-rc.d' EXIT
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
        [ "$required" -eq 0 ]
    exit 0
fi

[ ${#wanted[@]} -eq 0 ] || echo "Not installed: ${wanted[*]}. Tests of speech use the bundled library." >&2
[ ${#missing[@]} -eq 0 ] && exit 0

echo "Missing programs: ${missing[*]}. Install them (Debian package names), then run this again." >&2
exit 1
