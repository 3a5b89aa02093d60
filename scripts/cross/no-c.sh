#!/bin/sh
# Stands in for the C compiler, archiver and CMake of a platform whose SDK is not here, so that
# `cargo check` gets past the build scripts and looks at the Rust. It writes empty files where
# objects and archives were asked for. Nothing it made can be linked, and `cargo check` never links.
out=
for arg; do
  case "$previous" in -o) out=$arg ;; esac
  case "$arg" in *.a) out=$arg ;; esac
  previous=$arg
done
[ -z "$out" ] || : > "$out"
