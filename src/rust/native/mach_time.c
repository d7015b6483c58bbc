/* mlx-rs seeds its random state with this function of macOS; elsewhere it is ours. */
#if !defined(__APPLE__)
#include <stdint.h>
#include <time.h>

uint64_t mach_approximate_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#else
/* ISO C wants at least one declaration in a file. */
typedef int rmlx_mach_time_is_the_systems;
#endif
