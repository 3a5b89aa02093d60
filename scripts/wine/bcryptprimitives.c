// Rust's standard library takes its randomness on Windows from ProcessPrng in bcryptprimitives.dll,
// which Windows has had since 2009 and Debian 12's wine 8.0 does not bring. Put on WINEPATH, this
// gives the function wine has under another name. For tests under wine only.
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
  return RtlGenRandom(data, (ULONG)length);
}
