#!/usr/bin/env bash
# Tries the README's commands on bare systems: makes a minimal root file system of each platform,
# copies a clean clone into it, and runs `make demo` there with nothing of this machine's but its
# package mirrors. Needs root and debootstrap; says how long each took.
#
#   tools/try_platforms.sh [--test] [--into FOLDER] [--bind FOLDER]... [PLATFORM]...
#
#   PLATFORM        debian12 debian13 ubuntu22.04 ubuntu24.04; left out, all of them
#   --test          also `make test`
#   --into FOLDER   where the root file systems are made, each removed at its end (out/platforms)
#   --bind FOLDER   a folder that pip's settings name, such as one of wheels, to be seen in there
#   UBUNTU_MIRROR   where Ubuntu's packages come from, on a machine that is not Ubuntu itself
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '\033[1m[platforms]\033[0m %s\n' "$*"; }
fail() {
    printf '[platforms] %s\n' "$*" >&2
    exit 1
}

goals=(demo) into=out/platforms binds=() platforms=()
while (($#)); do
    case $1 in
    --test) goals+=(test) ;;
    --into) into=$2 && shift ;;
    --bind) binds+=("$2") && shift ;;
    -*) fail "Unknown option $1; the first lines of this script list them." ;;
    *) platforms+=("$1") ;;
    esac
    shift
done
((${#platforms[@]})) || platforms=(debian12 debian13 ubuntu22.04 ubuntu24.04)
[[ $(id -u) == 0 ]] || fail "Run it as root: it makes root file systems."
command -v debootstrap >/dev/null || fail "debootstrap is missing: apt-get install debootstrap"

host=$(. /etc/os-release && echo "$ID")

# The mirror that packages of a distribution come from; empty where none is known.
mirror_of() {
    if [[ $1 == ubuntu && -n ${UBUNTU_MIRROR:-} ]]; then
        echo "$UBUNTU_MIRROR"
    elif [[ $1 == "$host" ]]; then
        apt-get indextargets --format '$(SITE)' "Component: main" "Created-By: Packages" | head -n 1
    fi
}

# Inside a mount and process namespace of its own, which takes its mounts and processes with it.
inside() {
    local root=$1 folder variable settings=(HOME=/root LANG=C.UTF-8 "TERM=${TERM:-dumb}"
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/etc/host-ca.crt)
    shift
    for variable in ${!PIP_@}; do
        [[ $variable == PIP_CERT ]] || settings+=("$variable=${!variable}")
    done
    for folder in "${binds[@]}"; do mkdir -p "$root$folder"; done
    unshare --mount --pid --fork bash -euc '
        root=$1 && shift
        while [[ $1 != -- ]]; do mount --bind -o ro "$1" "$root$1" && shift; done
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/dev/shm"
        exec chroot "$root" env -i "$@"' _ "$root" "${binds[@]}" -- "${settings[@]}" \
        bash -c "cd /unihm && $*" </dev/null
}

try() {
    local platform=$1 suite=$2 mirror=$3 root goal start=$SECONDS
    root=$(realpath -m "$into")/$platform
    rm -rf "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 ||
        fail "debootstrap could not make $platform; see $root.log."
    cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
    # The mirrors of this machine: pip's settings, and the certificates they may need.
    local file
    for file in /etc/pip.conf /etc/xdg/pip "$HOME/.config/pip"; do
        if [[ -e $file ]]; then mkdir -p "$root${file%/*}" && cp -rT "$file" "$root$file"; fi
    done
    cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/host-ca.crt"
    echo 'Acquire::https::CAInfo "/etc/host-ca.crt";' >"$root/etc/apt/apt.conf.d/90host-ca"
    mkdir "$root/unihm"
    git archive HEAD | tar -x -C "$root/unihm"
    say "$platform: root file system in $((SECONDS - start)) s"
    inside "$root" "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq" \
        "--no-install-recommends ca-certificates make >/dev/null 2>&1"
    for goal in "${goals[@]}"; do
        start=$SECONDS
        if ! inside "$root" "make $goal"; then
            say "$platform: make $goal FAILED after $((SECONDS - start)) s"
            failed+=("$platform")
            break
        fi
        say "$platform: make $goal passed in $((SECONDS - start)) s"
    done
    rm -rf "$root" "$root.log"
}

failed=()
for platform in "${platforms[@]}"; do
    case $platform in
    debian12) suite=bookworm ;;
    debian13) suite=trixie ;;
    ubuntu22.04) suite=jammy ;;
    ubuntu24.04) suite=noble ;;
    *) fail "Unknown platform $platform; the README names debian12, debian13, ubuntu22.04, ubuntu24.04." ;;
    esac
    mirror=$(mirror_of "${platform%%[0-9]*}")
    if [[ -z $mirror ]]; then
        say "$platform: left out, since no mirror of its packages is known here" \
            "(for Ubuntu, set UBUNTU_MIRROR)."
        continue
    fi
    try "$platform" "$suite" "$mirror"
done
((${#failed[@]} == 0)) || fail "Failed: ${failed[*]}"
