/* Loaded into a desk's process (LD_PRELOAD) by stopped_clock.rs. CLOCK_MONOTONIC of a laptop stands
 * still while the laptop sleeps; that of a process that is stopped (SIGSTOP) goes on. Here the total
 * of the time in which the process was stopped is subtracted from it. CLOCK_REALTIME and
 * CLOCK_BOOTTIME go on, as they do on a laptop.
 *
 * The total is in a file that both sides map. It is raised while this process stands still. A thread
 * that is stopped between its look at the clock and its look at the total would take the new total
 * from the old time, and its clock would go back: so the time counts only if the total was the same
 * before and after.
 *
 * Rust's std waits with FUTEX_WAIT_BITSET until a time on CLOCK_MONOTONIC. The kernel's own clock is
 * ahead by the total, so the total is added there. A wait for a length of time (epoll_wait,
 * nanosleep) needs no change; one that the stop interrupts may end early, and whoever waits so looks
 * at the clock again.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if !defined(__LP64__) || !defined(SYS_futex)
#error "written for a 64-bit Linux"
#endif

#define SECOND_NS 1000000000L

typedef int (*clock_function)(clockid_t, struct timespec *);
typedef long (*syscall_function)(long, ...);

static const uint64_t *stopped_ns;
static clock_function system_clock;
static syscall_function system_syscall;

/* Says what is wrong and ends the process: a clock that goes on would prove nothing. */
static void fail(const char *what, size_t length)
{
    ssize_t written = write(STDERR_FILENO, what, length);
    (void)written;
    _exit(127);
}

#define FAIL(what) fail(what "\n", sizeof(what))

/* A constructor of another library may ask for the time before this one has run. */
__attribute__((constructor)) static void begin(void)
{
    if (stopped_ns)
        return;
    system_clock = (clock_function)dlsym(RTLD_NEXT, "clock_gettime");
    system_syscall = (syscall_function)dlsym(RTLD_NEXT, "syscall");
    if (!system_clock || !system_syscall)
        FAIL("stopped_clock: the C library has no clock_gettime or syscall");
    const char *path = getenv("ROAM_STOPPED_NS");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        FAIL("stopped_clock: ROAM_STOPPED_NS names no file that can be read");
    void *at = mmap(NULL, sizeof(uint64_t), PROT_READ, MAP_SHARED, file, 0);
    if (at == MAP_FAILED)
        FAIL("stopped_clock: the file of ROAM_STOPPED_NS cannot be mapped");
    close(file);
    stopped_ns = at;
}

static int64_t stopped(void)
{
    begin();
    return (int64_t)__atomic_load_n(stopped_ns, __ATOMIC_ACQUIRE);
}

static struct timespec later(struct timespec at, int64_t by)
{
    /* A wait may have no end in practice. */
    if (at.tv_sec > INT64_MAX / 2)
        return at;
    at.tv_sec += by / SECOND_NS;
    at.tv_nsec += by % SECOND_NS;
    if (at.tv_nsec >= SECOND_NS) {
        at.tv_sec += 1;
        at.tv_nsec -= SECOND_NS;
    } else if (at.tv_nsec < 0) {
        at.tv_sec -= 1;
        at.tv_nsec += SECOND_NS;
    }
    return at;
}

int clock_gettime(clockid_t id, struct timespec *at)
{
    begin();
    int stands_still =
        id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW || id == CLOCK_MONOTONIC_COARSE;
    if (!stands_still)
        return system_clock(id, at);
    for (;;) {
        int64_t before = stopped();
        int done = system_clock(id, at);
        /* The look at the total comes after the look at the clock. */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (done != 0)
            return done;
        if (stopped() == before) {
            *at = later(*at, -before);
            return 0;
        }
    }
}

static int waits_until(long operation, long timeout)
{
    int command = (int)operation & FUTEX_CMD_MASK;
    return command == FUTEX_WAIT_BITSET && !((int)operation & FUTEX_CLOCK_REALTIME) && timeout;
}

long syscall(long number, ...)
{
    begin();
    long a[6];
    va_list rest;
    va_start(rest, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(rest, long);
    va_end(rest);
    if (number != SYS_futex || !waits_until(a[1], a[3]))
        return system_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const struct timespec *asked = (const struct timespec *)a[3];
    for (;;) {
        int64_t before = stopped();
        struct timespec until = later(*asked, before);
        long done = system_syscall(number, a[0], a[1], a[2], (long)&until, a[4], a[5]);
        /* The kernel's clock went on while the process was stopped, and this one did not. */
        if (done != -1 || errno != ETIMEDOUT || stopped() == before)
            return done;
    }
}
