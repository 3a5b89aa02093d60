# What a build for x86_64-pc-windows-gnu needs; sourced from the top of the repository.
# shellcheck shell=bash

# The posix variant of mingw-w64: the other one has no std::mutex. as-msvc.h makes QuickFIX's
# sources, which know Windows by MSVC only, compile with it.
mingw=$PWD/crates/signet-fix/cpp/mingw
export CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc-posix
export CXX_x86_64_pc_windows_gnu=x86_64-w64-mingw32-g++-posix
export AR_x86_64_pc_windows_gnu=x86_64-w64-mingw32-ar
export CXXFLAGS_x86_64_pc_windows_gnu="-include $mingw/as-msvc.h -I$mingw -w"
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=$PWD/scripts/cross/link-windows.sh
