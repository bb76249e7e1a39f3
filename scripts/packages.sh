# shellcheck shell=bash
# Which Debian packages the project needs, and how to get those that are missing. Sourced by setup.sh and test.sh.
#
# Nothing is done, and neither root nor the network is needed, when everything is there already.

oracxfs_build_packages=(
    g++ cmake ninja-build pkg-config gettext
    libssl-dev libfmt-dev libspdlog-dev rapidjson-dev libexpected-dev libcli11-dev
    libsqlite3-dev libssh2-1-dev libcurl4-openssl-dev libfuse3-dev fuse3 ca-certificates
    libdeflate-dev zlib1g-dev libmicrohttpd-dev gzip
)
oracxfs_test_packages=(
    libgtest-dev libgmock-dev
    openssh-server openssh-client openssh-sftp-server strace openssl rsync sqlite3 git attr python3 tzdata
    libzip-dev zip unzip p7zip-full python3-aiosmtpd
    man-db groff-base zsh fish
    dbus-daemon libnotify-bin python3-dbus python3-gi
)

oracxfs_is_installed() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

oracxfs_apt_get() {
    local -a become_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "packages: installing needs root: run this as root, or install sudo" >&2
            return 1
        fi
        become_root=(sudo)
    fi
    "${become_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
        -o DPkg::Lock::Timeout=120 "$@" >&2
}

# oracxfs_install PACKAGE...: installs those that are missing; names the ones that could not be installed.
oracxfs_install() {
    local -a missing=() failed=()
    local package
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "packages: this system has no apt; the build needs what docs/dependencies.md lists" >&2
        return 0
    fi
    for package in "$@"; do
        oracxfs_is_installed "$package" || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0

    echo "packages: installing ${missing[*]}" >&2
    oracxfs_apt_get update || echo "packages: apt-get update failed; trying with the lists that are here" >&2
    oracxfs_apt_get install --yes --no-install-recommends "${missing[@]}" && return 0

    # One bad name must not hide which one it was.
    for package in "${missing[@]}"; do
        oracxfs_is_installed "$package" && continue
        oracxfs_apt_get install --yes --no-install-recommends "$package" || failed+=("$package")
    done
    [ "${#failed[@]}" -eq 0 ] && return 0
    echo "packages: could not install: ${failed[*]}" >&2
    echo "packages: install them by hand (see docs/dependencies.md), then run this again" >&2
    return 1
}

install_build_packages() { oracxfs_install "${oracxfs_build_packages[@]}"; }
install_test_packages() {
    oracxfs_install "${oracxfs_test_packages[@]}"
    unpack_ftp_servers
    install_browser_tests
}

# A browser for the tests of the web admin, and what drives it. Node brings npm along in some packages and not in others.
install_browser_tests() {
    local -a wanted=(chromium)
    command -v apt-get >/dev/null || return 0
    command -v node >/dev/null || wanted+=(nodejs)
    command -v npm >/dev/null || wanted+=(npm)
    oracxfs_install "${wanted[@]}" || echo "packages: the tests of the web admin in a browser are skipped" >&2
    command -v npm >/dev/null || return 0
    [ tests/admin/node_modules/.package-lock.json -nt tests/admin/package-lock.json ] && return 0
    echo "packages: fetching what tests/admin/package-lock.json lists" >&2
    (cd tests/admin && npm ci --no-audit --no-fund --silent >&2) ||
        echo "packages: npm ci in tests/admin failed; the tests of the web admin in a browser are skipped" >&2
}

# FTP servers for the tests. Their packages exclude one another and start services, so they are not installed but
# unpacked to build/ftp-servers, where the tests find them; only the libraries they need are installed.
oracxfs_ftp_packages=(proftpd-core proftpd-mod-crypto vsftpd pure-ftpd pure-ftpd-common)

unpack_ftp_servers() {
    local target=build/ftp-servers package
    local -a missing=() libraries=()
    command -v dpkg-deb >/dev/null && command -v apt-get >/dev/null || return 0
    for package in "${oracxfs_ftp_packages[@]}"; do
        [ -e "$target/.$package" ] || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0

    echo "packages: unpacking ${missing[*]} to $target" >&2
    mkdir -p "$target"
    apt-cache show "${missing[@]}" >/dev/null 2>&1 || oracxfs_apt_get update ||
        echo "packages: apt-get update failed; trying with the lists that are here" >&2
    mapfile -t libraries < <(apt-cache depends "${missing[@]}" 2>/dev/null | sed -n 's/^ *Depends: \(lib[a-z0-9.+-]*\)$/\1/p' | sort -u)
    oracxfs_install "${libraries[@]}" || return 1
    for package in "${missing[@]}"; do
        if (cd "$target" && apt-get -qq download "$package" >&2) &&
            dpkg-deb --extract "$target/$package"_*.deb "$target"; then
            touch "$target/.$package"
        else
            echo "packages: could not unpack $package; the tests that need it are skipped" >&2
        fi
        rm -f "$target/$package"_*.deb
    done
}
