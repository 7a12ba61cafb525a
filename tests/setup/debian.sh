#!/usr/bin/env bash
# debian.sh FOLDER PACKAGE...: programs from Debian or Ubuntu packages, unpacked into .tools/FOLDER with everything
# they need at run time. A distribution has one version of a package at a time, so the version is printed, not pinned.
# Nothing is installed, which needs no root and starts no service.
#
# Packages that are already installed are ignored: dependencies are resolved against a package status that has little
# more than glibc. Only glibc comes from the system, because it has to match the dynamic loader.
source "$(dirname "$0")/lib.sh"
need apt-get 'these programs come from Debian or Ubuntu packages'

packages=("${@:2}")
architecture=$(dpkg --print-architecture)
glibc=libc6

# Dependencies that these programs run without: tools for installation, services and desktops, and what headless
# Chromium does not load. They would double the download. If a program needs their libraries, set-up fails.
unneeded=(
    adduser debconf dpkg init-system-helpers iproute2 lsb-base perl
    libgl1-mesa-dri libgtk-3-0 libgtk-3-0t64 x11-utils xdg-utils
)

# stanza PACKAGE VERSION ARCHITECTURE MULTI-ARCH: an installed package, in the format of dpkg's status file.
stanza() {
    printf '%s: %s\n' Package "$1" Version "$2" Architecture "$3" Multi-Arch "$4" \
        Status 'install ok installed' Maintainer none Description none
    echo
}

# status: the package status to resolve dependencies against.
status() {
    local version package
    version=$(dpkg-query --show --showformat='${Version}' "$glibc:$architecture")
    stanza "$glibc" "$version" "$architecture" same
    for package in "${unneeded[@]}"; do
        stanza "$package" 999:0 all foreign
    done
}

# download ARCHIVES: the packages and their dependencies.
download() {
    apt-get install -qq --yes --download-only --no-install-recommends \
        -o APT::Sandbox::User=root -o Debug::NoLocking=1 -o Dir::Cache::pkgcache= \
        -o Dir::State::status="$1/status" -o Dir::Cache::archives="$1" \
        "${packages[@]}" >"$1/apt.log" 2>&1
}

# relink: absolute symbolic links lead to the unpacked files, not to the system's.
relink() {
    local link target
    find . -type l -lname '/*' | while read -r link; do
        target=.$(readlink "$link")
        [[ ! -e $target ]] || ln -sfrT "$target" "$link"
    done
}

# foreign_libraries: the libraries that unpacked programs and libraries need and that are neither unpacked nor
# glibc's. One that only the system has is listed too, because the next machine may not have it.
foreign_libraries() {
    local system file
    system=$(dpkg-query --listfiles "$glibc:$architecture" | sed -n 's|.*/\(.*\.so.*\)|\t\1 => /|p')
    # An empty pattern would hide every library.
    [[ -n $system ]] || fail "the files of $glibc are unknown" "reinstall $glibc"
    find usr/bin usr/sbin usr/lib lib -maxdepth 2 -type f \( -perm /111 -o -name '*.so*' \) | while read -r file; do
        LD_LIBRARY_PATH=$PWD/libraries ldd "./$file" 2>&1 |
            grep -E ' => /| not found' |
            grep -vF -e " => $PWD/" -e "$system" |
            sed "s|^[[:space:]]*|  $file: |; s| => /.*| => installed, but not unpacked|"
    done || true
}

install() {
    local archive program foreign
    cd -P "$1"
    mkdir -p archives/partial libraries usr/{bin,sbin,lib} lib
    status >archives/status
    download "$PWD/archives" || {
        [[ $(id -u) == 0 ]] || {
            cat archives/apt.log >&2
            fail 'the download failed, see above' 'run `apt-get update` as root, then try again'
        }
        apt-get update -q
        download "$PWD/archives" || {
            cat archives/apt.log >&2
            fail 'the download failed, see above' 'check the package sources and the network, then try again'
        }
    }
    # Two versions of glibc in one process do not work.
    for archive in archives/"${glibc}"_*.deb; do
        [[ ! -e $archive ]] || fail "the installed $glibc is too old" \
            "install $glibc $(dpkg-deb --field "$archive" Version)"
    done
    for archive in archives/*.deb; do
        [[ " ${packages[*]} " != *" $(dpkg-deb --field "$archive" Package) "* ]] || dpkg-deb --show "$archive"
        dpkg-deb --extract "$archive" .
    done
    rm -r archives
    relink
    # All libraries in one folder, whatever the machine's architecture is called.
    find usr/lib lib \( -path usr/lib/chromium -o -name glibc-hwcaps \) -prune \
        -o -name '*.so*' -exec ln -sf -t libraries ../{} \;
    foreign=$(foreign_libraries)
    [[ -z $foreign ]] || {
        echo "$foreign" >&2
        fail 'libraries are missing, see above' \
            'remove the packages that have them from `unneeded` in tests/setup/debian.sh'
    }
    # Fontconfig looks for its files and for fonts in the system; with FONTCONFIG_PATH=etc/fonts, it finds them here.
    if [[ -f etc/fonts/fonts.conf ]]; then
        sed -i -e 's|<dir>/usr/share/fonts</dir>|<dir prefix="relative">../../usr/share/fonts</dir>|' \
            -e '/<dir>\|<dir prefix="xdg">\|<cachedir>/d' etc/fonts/fonts.conf
        grep -q 'prefix="relative"' etc/fonts/fonts.conf || fail 'no font directory found' \
            'adapt the expressions for etc/fonts/fonts.conf in tests/setup/debian.sh'
    fi
    # Prometheus and Alertmanager look for their pages and templates under /usr. The path is replaced by a relative
    # one of the same length, so that they find them here when they are started in this folder.
    for program in usr/bin/prometheus*; do
        [[ ! -f $program ]] || LC_ALL=C sed -i 's|/usr/share/prometheus/|usr//share/prometheus/|g' "$program"
    done
}

once "$1" "${packages[*]} $(digest "$0")" install
