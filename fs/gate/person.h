/* person.h - what NSS says of a uid: login and groups, for the policy; resolved once, by whoever opens a view or asks */
#ifndef FS_GATE_PERSON_H
#define FS_GATE_PERSON_H

#include <sys/types.h>

#include "policy/base.h"
#include "policy/rules/rules.h"

struct person;

/*
 * person_lookup - login and group names of @uid
 *
 * A uid without an account is no error: it has no login, and the one group @gid when that has a name.
 * Blocks on NSS (files, or a directory service): never on a read path.
 * BL_OK, BL_IO (NSS could not tell), BL_TOO_LARGE (more than 1024 groups), BL_NO_MEMORY.
 */
enum bl_status person_lookup(uid_t uid, gid_t gid, struct person **out_person,
			     struct bl_error *why) BL_MUST_CHECK;
void person_free(struct person *person);
BL_DEFINE_CLEANUP(struct person, person_free)

/* The caller as the policy takes it; borrows from @person. */
struct rules_caller person_caller(const struct person *person, uid_t uid);

#endif
