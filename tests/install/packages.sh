#!/usr/bin/env bash
# The program's build asks for no library that `scripts/bootstrap build` does not install. A machine that has everything
# would not notice, a newcomer's stops. Usage: packages.sh SOURCE_DIR
set -euo pipefail
source=$1
command -v dpkg-query >/dev/null || { echo "no Debian: nothing says which package a library is of"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/pkg-config" <<END
#!/bin/sh
echo "\$@" >>"$work/asked"
exec pkg-config "\$@"
END
chmod +x "$work/pkg-config"
cmake -S "$source" -B "$work/build" -G Ninja -DHSE_TESTS=OFF -DPKG_CONFIG_EXECUTABLE="$work/pkg-config" >/dev/null

installed=" $(sed -n '/^packages_build="/,/"$/p' "$source/scripts/bootstrap" | tr -d '"' | sed 's/^packages_build=//' | xargs) "
libraries=$(grep -e --exists "$work/asked" | tr ' ' '\n' | grep -v '^-' | sort -u)
for library in $libraries; do
    package=$(dpkg-query -S "$(pkg-config --variable=pcfiledir "$library")/$library.pc" | sed 's/:.*//')
    if [[ $installed != *" $package "* ]]; then
        echo "scripts/bootstrap build does not install $package, which the program's build asks for as $library" >&2
        exit 1
    fi
done
[ "$(wc -w <<<"$libraries")" -ge 10 ] || { echo "only these libraries were asked for: $libraries" >&2; exit 1; }
