/* harvest-parts.h - what harvest.c and harvest-read.c share; private to them */
#ifndef POLICY_DETECT_HARVEST_PARTS_H
#define POLICY_DETECT_HARVEST_PARTS_H

#include "policy/detect/field.h"
#include "policy/detect/walk.h"

#define HARVEST_VALUE 160u  /* bytes of the longest value that is kept */
#define HARVEST_LINE  4096u /* bytes of a logical line; what is longer is cut */

struct detect_harvest {
	struct detect_identity *items; /* sorted and unique below `sorted` */
	size_t count, room, sorted;
	uint64_t *seen; /* hashes of what is there, open addressing */
	size_t seen_room;
	struct decoded decoded;
	uint8_t line[HARVEST_LINE];
	bool has_failed;
};

/* harvest_add - keep a value that can be somebody's: trimmed, plausible, new; drops what is not */
void harvest_add(struct detect_harvest *harvest, enum detect_identity_kind kind,
		 const uint8_t *value, size_t length);
/* harvest_add_names - "Kim" and "Larsen" as "Kim Larsen"; one of them alone when the other is empty */
void harvest_add_names(struct detect_harvest *harvest, const uint8_t *given, size_t given_length,
		       const uint8_t *family, size_t family_length);

void harvest_card(struct detect_harvest *harvest, const struct text *text);
void harvest_mail(struct detect_harvest *harvest, const struct text *text);
void harvest_csv(struct detect_harvest *harvest, const struct text *text);
void harvest_git(struct detect_harvest *harvest, const struct text *text);
void harvest_json(struct detect_harvest *harvest, const struct text *text);

#endif
