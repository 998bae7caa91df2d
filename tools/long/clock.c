/* A clock that goes backwards by an hour each time somebody looks, put before the C library's by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static atomic_long looks;
    static int (*real)(clockid_t, struct timespec *);
    if (!real)
        real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME && result == 0)
        now->tv_sec -= 3600 * ++looks;
    return result;
}
