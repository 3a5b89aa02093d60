/* SoftHSM made as awkward as a card: it knows no locked PIN, no pulled token and always P-256.
 * Everything passes through to SoftHSM except what the files in $SIGNET_AWKWARD ask for:
 *   count     three wrong PINs lock it, as on a card (the file holds the number so far)
 *   pulled    the token is gone
 *   no-ecdsa  the token cannot do elliptic curves
 *   leaky     the token says its private keys may be taken out
 * Offsets follow CK_FUNCTION_LIST of PKCS#11 2.40, so no header is needed. Tests only. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ulong;
struct list { unsigned char version[2]; void *f[68]; };
enum { GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, GET_SESSION_INFO = 15, LOGIN = 18, GET_ATTRIBUTE = 24, SIGN_INIT = 42 };
enum { TRIES = 3, DEVICE_REMOVED = 0x32, PIN_INCORRECT = 0xa0, PIN_LOCKED = 0xa4 };

static struct list ours, *theirs;

static const char *path(const char *name) {
  static char text[4096];
  const char *directory = getenv("SIGNET_AWKWARD");
  snprintf(text, sizeof text, "%s/%s", directory ? directory : "/nonexistent", name);
  return text;
}
static int asked(const char *name) { return access(path(name), F_OK) == 0; }
static int wrong(void) {
  int n = 0;
  FILE *f = fopen(path("count"), "r");
  if (f) { if (fscanf(f, "%d", &n) != 1) n = 0; fclose(f); }
  return n;
}
static void set_wrong(int n) {
  FILE *f = asked("count") ? fopen(path("count"), "w") : NULL;
  if (f) { fprintf(f, "%d", n); fclose(f); }
}

static ulong slots(unsigned char present, ulong *list, ulong *count) {
  if (asked("pulled")) { *count = 0; return 0; }
  return ((ulong (*)(unsigned char, ulong *, ulong *))theirs->f[GET_SLOT_LIST])(present, list, count);
}
static ulong token_info(ulong slot, unsigned char *info) {
  ulong rv = ((ulong (*)(ulong, void *))theirs->f[GET_TOKEN_INFO])(slot, info);
  /* flags follow label (32), manufacturer (32), model (16) and serial (16) */
  ulong *flags = (ulong *)(info + 96);
  if (!rv && asked("count")) {
    *flags &= ~0x70000ul;
    if (wrong() > 0) *flags |= 0x10000;
    if (wrong() == TRIES - 1) *flags |= 0x20000;
    if (wrong() >= TRIES) *flags |= 0x40000;
  }
  return rv;
}
static ulong mechanisms(ulong slot, ulong *list, ulong *count) {
  ulong rv = ((ulong (*)(ulong, ulong *, ulong *))theirs->f[GET_MECHANISM_LIST])(slot, list, count);
  if (!rv && list && asked("no-ecdsa"))
    for (ulong i = 0; i < *count; i++) if (list[i] >= 0x1040 && list[i] < 0x1050) list[i] = 0x250;
  return rv;
}
static ulong session_info(ulong session, void *info) {
  if (asked("pulled")) return DEVICE_REMOVED;
  return ((ulong (*)(ulong, void *))theirs->f[GET_SESSION_INFO])(session, info);
}
static ulong login(ulong session, ulong user, unsigned char *pin, ulong length) {
  if (asked("count") && wrong() >= TRIES) return PIN_LOCKED;
  ulong rv = ((ulong (*)(ulong, ulong, void *, ulong))theirs->f[LOGIN])(session, user, pin, length);
  if (rv == PIN_INCORRECT) set_wrong(wrong() + 1);
  if (rv == 0) set_wrong(0);
  return rv;
}
static ulong attribute(ulong session, ulong object, ulong *template, ulong count) {
  ulong rv = ((ulong (*)(ulong, ulong, void *, ulong))theirs->f[GET_ATTRIBUTE])(session, object, template, count);
  if (asked("leaky"))
    for (ulong i = 0; i < count; i++) /* type, pointer, length; CKA_EXTRACTABLE */
      if (template[3 * i] == 0x162 && template[3 * i + 1]) *(unsigned char *)template[3 * i + 1] = 1;
  return rv;
}
static ulong sign_init(ulong session, void *mechanism, ulong key) {
  if (asked("pulled")) return DEVICE_REMOVED;
  return ((ulong (*)(ulong, void *, ulong))theirs->f[SIGN_INIT])(session, mechanism, key);
}

ulong C_GetFunctionList(struct list **list) {
  void *library = dlopen(getenv("SIGNET_TOKEN_MODULE"), RTLD_NOW);
  if (!library) return 5;
  ulong rv = ((ulong (*)(struct list **))dlsym(library, "C_GetFunctionList"))(&theirs);
  if (rv) return rv;
  ours = *theirs;
  ours.f[GET_SLOT_LIST] = slots;
  ours.f[GET_TOKEN_INFO] = token_info;
  ours.f[GET_MECHANISM_LIST] = mechanisms;
  ours.f[GET_SESSION_INFO] = session_info;
  ours.f[LOGIN] = login;
  ours.f[GET_ATTRIBUTE] = attribute;
  ours.f[SIGN_INIT] = sign_init;
  *list = &ours;
  return 0;
}
