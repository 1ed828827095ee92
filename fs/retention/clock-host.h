/* clock-host.h - private: the two clocks alone, for who asks often, of the same host as clock_look; and what is kept */
#ifndef FS_RETENTION_CLOCK_HOST_H
#define FS_RETENTION_CLOCK_HOST_H

#include "fs/retention/clock.h"

/* clock_read - wall_unix and boot_ms of clock_look, without the rest: two clock_gettime(2) */
void clock_read(int64_t *out_wall_unix, int64_t *out_boot_ms);

/* clock_decode - the text within the seal of the store's `clock`; strict. For fuzzing too */
bool clock_decode(const char *text, size_t length, struct clock_memory *out_memory) BL_MUST_CHECK;

#endif
