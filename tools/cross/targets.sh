# Sourced by the scripts beside it: what is known of every target.
CROSS_DIR=${EDGETL_CROSS:-/opt/edgetl-cross}
TARGETS=(x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu armv7-unknown-linux-gnueabihf)
# The oldest C library that a binary may need: JetPack 5 has 2.31, and ONNX Runtime's own wheels want 2.28.
GLIBC_FLOOR=2.28
# Apart from the native builds, whose compiler is another.
export CROSS_TARGET_DIR=${CROSS_TARGET_DIR:-$PWD/target/cross}

# deb_arch TARGET: Debian's name of it.
deb_arch() {
  case $1 in
    x86_64-*) echo amd64 ;; aarch64-*) echo arm64 ;; armv7-*) echo armhf ;;
    *) echo "unknown target $1; known: ${TARGETS[*]}" >&2; return 2 ;;
  esac
}

# runner TARGET: the words before a program of TARGET that make it run here.
runner() {
  case $1 in
    x86_64-*) [ "$(uname -m)" = x86_64 ] || echo "$CROSS_DIR/bin/qemu-x86_64" ;;
    aarch64-*) echo "$CROSS_DIR/bin/qemu-aarch64 -L /usr/aarch64-linux-gnu" ;;
    armv7-*) echo "$CROSS_DIR/bin/qemu-arm -L /usr/arm-linux-gnueabihf" ;;
  esac
}

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
