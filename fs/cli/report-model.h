/* report-model.h - what a report says (docs/reports.md, "The model"), made of rows, events and facts. Private to fs/cli; prints and asks nobody */
#ifndef FS_CLI_REPORT_MODEL_H
#define FS_CLI_REPORT_MODEL_H

#include <jansson.h>

#include "fs/audit/audit.h"
#include "policy/base.h"

struct zone;
struct report_model;

#define REPORT_ROWS 5000 /* of a list; what is beyond is counted */

/* Of what the report is. Borrowed for the model's life. */
struct report_scope {
	int64_t since_unix, until_unix; /* until excluded; INT64_MIN, INT64_MAX: open */
	const char *zone_name;
	const struct zone *zone;
	bool has_service; /* else there are no facts: what only the service knows is said to be missing */
	bool has_names; /* reasons were opened */
	int64_t made_unix;
};

/* NULL: no memory */
struct report_model *report_model_new(const struct report_scope *scope);
void report_model_free(struct report_model *model);
BL_DEFINE_CLEANUP(struct report_model, report_model_free)

/*
 * What is put in, as log-source.h and the request `log-report` tell it. Without memory the model is none any more: report_model_finish says so.
 *
 * hour     a row of `hours`: of all events (AUDIT_PERMITTED), or of those with another verdict, which are told of once more
 * event    of the ops that a report tells of one by one, each op in order
 * fact     one partial answer of `log-report`, with its pieces of texts
 */
void report_model_hour(struct report_model *model, const json_t *row, enum audit_verdict verdict);
void report_model_off_hours(struct report_model *model, const json_t *row);
void report_model_denial(struct report_model *model, const json_t *row);
void report_model_reader(struct report_model *model, const json_t *row);
/* @reason  its reason, opened; NULL: none, or it cannot be */
void report_model_event(struct report_model *model, const json_t *record, const char *person,
			const char *reason, size_t reason_length);
void report_model_fact(struct report_model *model, const json_t *answer);

/* Who was shown something unmasked of which device: [[uid, device]...]; borrowed, valid until the next row */
const json_t *report_model_unmasked(struct report_model *model);
/* What to ask of the service: `people`, `rules`, `digests` of log-report. Owned by the caller */
json_t *report_model_wishes(const struct report_model *model);

/*
 * report_model_finish - the model; the rest of @model is of no use then
 *
 * @integrity  its "integrity"; taken
 * @limits     more of what the report cannot say, sentences; taken
 * @out_model  owned by the caller
 * BL_OK, BL_NO_MEMORY
 */
enum bl_status report_model_finish(struct report_model *model, json_t *integrity, json_t *limits,
				   json_t **out_model) BL_MUST_CHECK;

#endif
