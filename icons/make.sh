#!/bin/sh
# Draws every icon from source.svg, the small ones from source-small.svg. Needs librsvg2-bin, imagemagick and python3.
set -eu
cd "$(dirname "$0")"

draw() {
  source=source.svg
  [ "$1" -gt 32 ] || source="source-small.svg"
  rsvg-convert --width "$1" --height "$1" --output "$2" "$source"
}

draw 32 32x32.png
draw 64 64x64.png
draw 128 128x128.png
draw 256 128x128@2x.png
draw 512 icon.png

for size in 30 44 71 89 107 142 150 284 310; do
  draw "$size" "Square${size}x${size}Logo.png"
done
draw 50 StoreLogo.png

work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for size in 16 24 32 48 64 128 256 512 1024; do
  draw "$size" "$work/$size.png"
done

convert "$work/16.png" "$work/24.png" "$work/32.png" "$work/48.png" "$work/64.png" "$work/256.png" icon.ico
python3 icns.py "$work" icon.icns
