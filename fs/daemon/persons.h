/* persons.h - who the uids of the log are, as the machine of the service knows them. Private to fs/daemon */
#ifndef FS_DAEMON_PERSONS_H
#define FS_DAEMON_PERSONS_H

#include <jansson.h>

#include "policy/base.h"

/* Those that were asked for: asking again may mean a network. Begin with zeros. */
struct persons {
	json_t *names;
};
/* persons_name - the login of @uid, valid text; "": there is none. Borrowed until persons_done */
const char *persons_name(struct persons *persons, uint32_t uid);
void persons_done(struct persons *persons);
static inline BL_UNUSED void persons_done_cleanup(struct persons *persons)
{
	persons_done(persons);
}

/*
 * persons_find - a key of a policy's `people` ("anna", "uid:61001", "group:desk"), or a uid: the uids that it stands for now, at most QUESTION_PEOPLE
 *
 * @out_uids  owned by the caller (free)
 *
 * BL_OK, BL_NOT_FOUND (nobody), BL_TOO_LARGE, BL_NO_MEMORY
 */
enum bl_status persons_find(const char *name, uint32_t **out_uids, size_t *out_count,
			    struct bl_error *why) BL_MUST_CHECK;

#endif
