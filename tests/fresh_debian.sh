#!/usr/bin/env bash
# Tries the README's two commands in a fresh Debian root, as an ordinary user with sudo, then once more as root with no
# network. Needs root, debootstrap, a Debian mirror, about 4 GB of disk and 20 minutes.
#
#   tests/fresh_debian.sh bookworm|trixie [--keep]
#
# MONE_FRESH_DIR (/var/tmp/mone-fresh) holds the roots; DEBIAN_MIRROR overrides debootstrap's default mirror.
# MONE_FRESH_SUITES ("unit parity elements pipeline") are the suites run. --keep leaves the root for a look.
set -eu
cd "$(dirname "$0")/.."
release=${1:-}
case $release in
  bookworm | trixie) ;;
  *) sed -n '2,/^set/p' "$0" | sed -n 's/^# \{0,1\}//p' >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "needs root, for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "needs debootstrap: apt-get install debootstrap" >&2; exit 1; }

base=${MONE_FRESH_DIR:-/var/tmp/mone-fresh}
root=$base/$release
suites=${MONE_FRESH_SUITES:-unit parity elements pipeline}
mkdir -p "$base"

if [ ! -e "$root/.ready" ]; then
  rm -rf "$root"
  echo "== debootstrap $release"
  debootstrap --variant=minbase --include=ca-certificates,sudo,git "$release" "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$base/$release-debootstrap.log" 2>&1 ||
    { tail -n 20 "$base/$release-debootstrap.log"; exit 1; }
  touch "$root/.ready"
fi
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" sh -c 'id newcomer >/dev/null 2>&1 || useradd -m -s /bin/bash newcomer; echo "newcomer ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/newcomer'

mounted=()
cleanup() {
  for ((i = ${#mounted[@]} - 1; i >= 0; i--)); do umount -l "${mounted[i]}" 2>/dev/null || true; done
  [ "${keep:-}" = yes ] || rm -rf --one-file-system "$root"
}
keep=no
[ "${2:-}" = --keep ] && keep=yes
trap cleanup EXIT
for dir in proc sys dev dev/shm; do
  mount --rbind "/$dir" "$root/$dir" 2>/dev/null || mount --bind "/$dir" "$root/$dir"
  mounted+=("$root/$dir")
done

home=$root/home/newcomer
rm -rf "$home/gst-mone"
git clone -q --no-hardlinks . "$home/gst-mone"
chroot "$root" chown -R newcomer: /home/newcomer/gst-mone

as_newcomer() { chroot "$root" su - newcomer -c "cd gst-mone && CI=true $1"; }
as_root_offline() { unshare --net chroot "$root" sh -c "ip link set lo up 2>/dev/null; cd /home/newcomer/gst-mone && git config --global --add safe.directory '*' && CI=true $1"; }

echo "== $release: the two commands, as a user with sudo"
as_newcomer "samples/quickstart.sh"
as_newcomer "tests/run.sh $suites"
echo "== $release: once more as root, with no network"
as_root_offline "samples/quickstart.sh"
as_root_offline "tests/run.sh unit"
echo "== $release: both commands work"
