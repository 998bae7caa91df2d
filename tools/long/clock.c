/* A clock that goes backwards by an hour each time somebody looks, put before the C library's by LD_PRELOAD. */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static atomic_long looks;
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME && result == 0)
        now->tv_sec -= 3600 * ++looks;
    return result;
}
