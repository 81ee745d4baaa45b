/* Gives a process a wall clock that can be set: what the first 8 bytes of the
 * file in CLOCK_FILE say, in microseconds, is added to the time of day. For
 * LD_PRELOAD; the monotonic clock is left alone, as by settimeofday. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void open_clock(void) {
	const char *path = getenv("CLOCK_FILE");
	int fd = path ? open(path, O_RDONLY) : -1;
	void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		static const char why[] = "clock.c: CLOCK_FILE cannot be read\n";
		(void)!write(2, why, sizeof why - 1);
		_exit(1);
	}
	close(fd);
	offset = page;
}

static int64_t micros(void) {
	struct timespec now;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000 + (offset ? *offset : 0);
}

int gettimeofday(struct timeval *tv, void *tz) {
	(void)tz;
	int64_t now = micros();
	tv->tv_sec = now / 1000000;
	tv->tv_usec = now % 1000000;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *ts) {
	if (clock != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, ts);
	int64_t now = micros();
	ts->tv_sec = now / 1000000;
	ts->tv_nsec = now % 1000000 * 1000;
	return 0;
}

time_t time(time_t *t) {
	time_t now = micros() / 1000000;
	if (t)
		*t = now;
	return now;
}
