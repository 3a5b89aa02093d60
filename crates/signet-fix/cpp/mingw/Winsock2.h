// QuickFIX spells it as Windows does; file names here tell capitals apart.
#include <winsock2.h>
