#!/usr/bin/env bash
# debian.sh FOLDER PACKAGE...: programs of Debian or Ubuntu, unpacked into .tools/FOLDER with the libraries that
# this machine lacks. They have one version at a time, so it is printed and not pinned. Nothing is installed, which
# needs no root and starts no service.
source "$(dirname "$0")/lib.sh"
need apt-get 'these programs come from Debian or Ubuntu'

packages=("${@:2}")

download() {
    # Those asked for even if they are installed, and what they need only if it is not.
    apt-get install -qq --yes --download-only --reinstall --no-install-recommends \
        -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Dir::Cache::archives="$1" \
        "${packages[@]}" >"$1/apt.log" 2>&1
}

install() {
    cd -P "$1"
    mkdir -p archives/partial libraries
    download "$PWD/archives" || {
        [[ $(id -u) == 0 ]] || {
            cat archives/apt.log
            echo 'setup: the download failed: let root run `apt-get update`, then try again' >&2
            exit 1
        }
        apt-get update -q
        download "$PWD/archives" || {
            cat archives/apt.log
            exit 1
        }
    }
    for archive in archives/*.deb; do
        [[ " ${packages[*]} " != *" $(dpkg-deb --field "$archive" Package) "* ]] || dpkg-deb --show "$archive"
        dpkg-deb --extract "$archive" .
    done
    rm -r archives
    # All libraries in one place, whatever the machine's architecture is called.
    find usr -path usr/lib/chromium -prune -o -name '*.so*' -exec ln -sf -t libraries ../{} \;
    [[ ! -d lib ]] || find lib -name '*.so*' -exec ln -sf -t libraries ../{} \;
    # What links lead to may be here already, installed.
    find usr -xtype l | while read -r link; do
        place=$(realpath -m "$link")
        installed=${place#"$PWD"}
        if [[ -e $installed ]]; then
            mkdir -p "$(dirname "$place")"
            ln -sfT "$installed" "$place"
        fi
    done
    # Prometheus and Alertmanager look for their pages and templates under /usr. Of the same length, but relative,
    # the path leads into this folder for whoever starts them here.
    for program in usr/bin/prometheus*; do
        [[ ! -f $program ]] || LC_ALL=C sed -i 's|/usr/share/prometheus/|usr//share/prometheus/|g' "$program"
    done
}

once "$1" "${packages[*]} $(digest "$0")" install
