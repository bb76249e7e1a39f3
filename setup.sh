#!/usr/bin/env bash
# Builds oracxfs and shows that it works, without any account: two local folders act as two clouds, a file is copied into
# the mounted folder, and is restored from each of them. May be run again at any time.
#
#   ./setup.sh               install missing Debian packages, build, set up the demo, mount, check
#   ./setup.sh --no-deps     the same without installing packages
#   ./setup.sh --no-demo     install and build only
#   ./setup.sh --uninstall   stop oracxfs and remove what was built. Files at providers, the configuration and files not
#                            yet sent are kept; it says where they are
#
# ORACXFS_MOUNT   where to mount (default: ~/OracxCloud)
# ORACXFS_HOME    keep configuration and state in one folder, see `oracxfs help environment`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source_dir=$PWD
oracxfs=$source_dir/build/release/bin/oracxfs
# What is read here and not shown is read in English.
plain() { ORACXFS_LANG=en "$oracxfs" "$@"; }
link=$HOME/.local/bin/oracxfs

usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$source_dir/setup.sh"; }
step() { printf '\n[%s] %s\n' "$1" "$2"; }
stop() {
    printf '\nsetup.sh: FAILED: %s\n' "$1" >&2
    exit 1
}

uninstall() {
    if [ -x "$oracxfs" ]; then
        # 11: nothing is mounted, which is as good.
        local code=0
        "$oracxfs" unmount --wait 60s || code=$?
        case $code in
            0 | 11) ;;
            9) stop "files are still on their way to the providers or the folder is in use (see above); nothing was removed" ;;
            *) stop "the mount could not be ended; nothing was removed" ;;
        esac
        echo "Kept, with everything in it:"
        echo "  configuration   $("$oracxfs" config path)"
        "$oracxfs" config path --json | tr ',' '\n' | sed -n 's/.*"state":"\(.*\)"/  state           \1 (passwords, catalogue, files not yet sent, the demo providers)/p'
        local pending
        pending=$("$oracxfs" status --json | sed -n 's/.*"incomplete":\([0-9]*\).*/\1/p')
        [ "${pending:-0}" = 0 ] || echo "  $pending files are not yet at all providers: their only safe place may be the state folder"
        echo "  all files at the providers"
    fi
    if [ -L "$link" ] && [ "$(readlink "$link")" = "$oracxfs" ]; then rm -f "$link"; fi
    rm -rf "$source_dir/build/release"
    echo "Removed: $source_dir/build/release and the link in ~/.local/bin. Delete the folders above to remove the rest."
}

install_packages=yes
demo=yes
while [ $# -gt 0 ]; do
    case "$1" in
        --no-deps) install_packages=no ;;
        --no-demo) demo=no ;;
        --uninstall)
            uninstall
            exit 0
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            echo "setup.sh: unknown option: $1" >&2
            usage >&2
            exit 2
            ;;
    esac
    shift
done

if [ "$install_packages" = yes ]; then
    step 1/6 "Packages"
    # shellcheck source=scripts/packages.sh
    . scripts/packages.sh
    install_build_packages || stop "packages are missing (see above)"
    echo "all there"
else
    step 1/6 "Packages: skipped"
fi

step 2/6 "Build"
cmake --preset release -DORACXFS_TESTS=OFF >/dev/null || stop "cmake could not prepare the build"
cmake --build --preset release --target oracxfs manual --parallel "$(nproc)" || stop "the build failed"
mkdir -p "$(dirname "$link")"
if [ ! -e "$link" ] || [ -L "$link" ]; then ln -sfn "$oracxfs" "$link"; fi
"$oracxfs" version
if [ "$demo" = no ]; then
    echo "next: $oracxfs setup"
    exit 0
fi

step 3/6 "Providers"
"$oracxfs" setup --demo >/dev/null || stop "the demo could not be set up"
mapfile -t providers < <(plain providers list | awk 'NR > 1 && $3 != "inactive" { print $1 }')
[ "${#providers[@]}" -gt 0 ] || stop "no provider is active; see: $oracxfs providers list"
printf '  %s\n' "${providers[@]}"

step 4/6 "Mount"
[ -e /dev/fuse ] || stop "/dev/fuse is missing, so nothing can be mounted here: load the fuse module, or give the container the device"
mount_point=$("$oracxfs" status --json | sed -n 's/.*"mount":{"mounted":true,"dir":"\([^"]*\)".*/\1/p')
if [ -n "$mount_point" ]; then
    echo "already mounted at $mount_point"
else
    mount_point=${ORACXFS_MOUNT:-$("$oracxfs" config get mount.dir)}
    mount_point=${mount_point/#\~/$HOME}
    "$oracxfs" mount "$mount_point" || stop "mounting at $mount_point failed; see: $oracxfs doctor"
fi

step 5/6 "Copy a file in, restore it from each provider"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
file="oracxfs-setup-check.tar.gz"
tar -czf "$work/$file" LICENSE README.md docs
cp "$work/$file" "$mount_point/$file" || stop "the copy into $mount_point failed; see: $oracxfs explain $file"
"$oracxfs" wait "$mount_point/$file" || stop "the file is not verified at all providers; see: $oracxfs status"
"$oracxfs" replicas "$mount_point/$file"
want=$(sha256sum <"$work/$file")
for provider in "${providers[@]}"; do
    # As anybody would restore it: out of the provider's own folder where that is on this machine.
    copy=$mount_point/$provider/$file
    if folder=$("$oracxfs" config get "providers.$provider.path" 2>/dev/null); then copy=$folder/$file; fi
    cp "$copy" "$work/restored" || stop "no copy at $provider ($copy)"
    [ "$(sha256sum <"$work/restored")" = "$want" ] || stop "the copy at $provider differs from the original"
    echo "  restored from $provider, identical: $copy"
done

step 6/6 "Status"
"$oracxfs" status
"$oracxfs" status --check >/dev/null || stop "not everything is protected (see above)"
cat <<EOF

setup.sh: IT WORKS. ${#providers[@]} providers hold verified copies of what you put into $mount_point
          More:  $oracxfs --help     add a provider:  $oracxfs sftp --help     stop:  $oracxfs unmount
EOF
