/* doctor.h - is this store, and this machine, fit to keep secrets? No daemon has to run, nothing is changed, no lock is opened */
#ifndef FS_DAEMON_DOCTOR_H
#define FS_DAEMON_DOCTOR_H

#include "policy/base.h"

enum doctor_grade { DOCTOR_GOOD, DOCTOR_WARNING, DOCTOR_BAD };
const char *doctor_grade_name(enum doctor_grade grade); /* "good"; static */

struct doctor_finding {
	const char *check; /* "swap"; static */
	enum doctor_grade grade;
	char text[512]; /* what is so, and the way out; one line */
};
typedef void doctor_tell_fn(void *context, const struct doctor_finding *finding);

/* What the checks share. */
struct doctor {
	const char *store_path;
	int store_fd, keys_fd; /* -1: cannot be opened (a finding says why) */
	doctor_tell_fn *tell;
	void *context;
	enum doctor_grade worst;
};

/* daemon_doctor - all checks, in order; the worst grade. BL_OK, BL_NOT_FOUND (no store there) */
enum bl_status daemon_doctor(const char *store_path, doctor_tell_fn *tell, void *context,
			     enum doctor_grade *out_worst, struct bl_error *why) BL_MUST_CHECK;

/* ---- private to the three files ---- */

void doctor_say(struct doctor *doctor, const char *check, enum doctor_grade grade,
		const char *format, ...) BL_PRINTF(4, 5);
void doctor_host(struct doctor *doctor);
void doctor_session(struct doctor *doctor);

#endif
