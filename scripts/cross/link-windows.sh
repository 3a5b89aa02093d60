#!/bin/sh
# rustc's linker for x86_64-pc-windows-gnu: mingw-w64 with the C++ runtime at the end of the line.
#
# quickfix-ffi names no C++ runtime on Windows. It is linked statically, with winpthread under it, so
# that the desk needs no DLL beyond those of Windows; the C runtime follows once more because rustc
# has put it before.
exec x86_64-w64-mingw32-gcc-posix "$@" \
  -Wl,-Bstatic -lstdc++ -lwinpthread -lgcc_eh -lgcc -lmingwex -lmingw32 -lmoldname -lmsvcrt \
  -lws2_32 -ladvapi32 -luser32 -lkernel32
