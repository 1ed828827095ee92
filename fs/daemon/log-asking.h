/* log-asking.h - what requests for events of the log share: may the peer, its event, whose and which events, who is told. Private to fs/daemon */
#ifndef FS_DAEMON_LOG_ASKING_H
#define FS_DAEMON_LOG_ASKING_H

#include "fs/daemon/asked.h"
#include "fs/daemon/persons.h"
#include "fs/daemon/question.h"

/* Begin with @asked; done: persons_done. */
struct log_asking {
	struct asked *asked;
	struct persons persons;
	enum bl_status status; /* of telling; anything but BL_OK: no more of it */
};

/* log_asking_permit - of events in general, or by a path of one device. A refusal is an event */
enum bl_status log_asking_permit(struct asked *asked, struct bl_error *why) BL_MUST_CHECK;
/* log_asking_log - "@what", with what is shown: never a path or a name */
enum bl_status log_asking_log(struct asked *asked, const char *what,
			      const struct question *question, struct bl_error *why) BL_MUST_CHECK;
/* log_asking_find - the person and the path that the request names. BL_NOT_FOUND */
enum bl_status log_asking_find(const struct asked *asked, struct question *question,
			       struct bl_error *why) BL_MUST_CHECK;

/* For struct question_to; @context is the struct log_asking. */
bool log_asking_tell(void *context, json_t *answer);
const char *log_asking_person(void *context, uint32_t uid);

#endif
