// Lets mingw-w64 compile the unmodified sources of quickfix-ffi for Windows.
//
// QuickFIX asks for Windows with `#ifdef _MSC_VER` throughout and takes every other compiler for
// Unix. This file is included before each of its sources (-include): it takes in every system header
// those sources use while the compiler is still what it is, and only then claims to be MSVC. Include
// guards keep the system headers from seeing the claim.
//
// scripts/cross.sh passes it to the C++ of quickfix-ffi, build.rs to our shim.
#ifndef SIGNET_AS_MSVC_H
#define SIGNET_AS_MSVC_H
#if defined(__cplusplus) && defined(__MINGW32__)

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>

#include <direct.h>
#include <fcntl.h>
#include <inttypes.h>
#include <io.h>
#include <malloc.h>
#include <process.h>
#include <share.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <sys/types.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cctype>
#include <cfloat>
#include <chrono>
#include <climits>
#include <cmath>
#include <condition_variable>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <cwchar>
#include <deque>
#include <exception>
#include <fstream>
#include <functional>
#include <iomanip>
#include <iostream>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <optional>
#include <queue>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#define _MSC_VER 1930
#define __pragma(x)

#endif
#endif
