#!/usr/bin/env bash
# Prometheus and Alertmanager, the apps behind the gate. Debian has one version at a time, so it is printed and
# not pinned; the packages are unpacked, not installed, which needs no root and starts no service.
source "$(dirname "$0")/lib.sh"
need apt-get 'these apps come from Debian or Ubuntu'

packages=(prometheus prometheus-alertmanager)

install() {
    cd "$1"
    apt-get download -q "${packages[@]}" || {
        [[ $(id -u) == 0 ]] || {
            echo 'setup: the download failed: let root run `apt-get update`, then try again' >&2
            exit 1
        }
        apt-get update -q
        apt-get download -q "${packages[@]}"
    }
    for package in *.deb; do
        dpkg-deb --show "$package"
        dpkg-deb --extract "$package" .
        rm "$package"
    done
    # Both look for their pages and templates under /usr. Of the same length, but relative, the path leads into
    # this folder for whoever starts them here.
    LC_ALL=C sed -i 's|/usr/share/prometheus/|usr//share/prometheus/|g' usr/bin/prometheus*
}

once debian "${packages[*]} $(digest "$0")" install
