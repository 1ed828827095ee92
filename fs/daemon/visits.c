#include "fs/daemon/visits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/log-index.h"

#define RULE_NOTICE "builtin/notice" /* words of our own, nothing of the device */
#define UNMASKED    "unmasked: "

void visits_free(struct visits *visits)
{
	if (!visits)
		return;
	free(visits->items);
	free(visits->views);
	free(visits->files);
	free(visits->others);
	free(visits);
}

/* Room for one more at *items; false: none. */
static bool grow(struct visits *visits, void **items, size_t count, size_t *room, size_t size,
		 size_t limit)
{
	if (count < *room)
		return true;
	if (count == limit) {
		visits->is_more = true;
		return false;
	}
	size_t more = *room ? BL_MIN(2 * *room, limit) : 256;
	void *grown = reallocarray(*items, more, size);

	visits->is_short_of_memory |= !grown;
	if (!grown)
		return false;
	*items = grown;
	*room = more;
	return true;
}

/* ---- views --------------------------------------------------------------------------------------------- */

/* Where the view with that number is, or would be. */
static size_t place_of(const struct visits *visits, uint64_t number)
{
	size_t low = 0, high = visits->view_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (visits->views[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct view_told *visits_view(const struct visits *visits, uint64_t number)
{
	size_t at = place_of(visits, number);

	return at < visits->view_count && visits->views[at].number == number ? &visits->views[at]
									     : NULL;
}

static struct view_told *view_of(struct visits *visits, uint64_t number)
{
	size_t at = place_of(visits, number);

	if (at < visits->view_count && visits->views[at].number == number)
		return &visits->views[at];
	if (!grow(visits, (void **)&visits->views, visits->view_count, &visits->view_room,
		  sizeof(*visits->views), VISITS_LIMIT))
		return NULL;
	memmove(visits->views + at + 1, visits->views + at,
		(visits->view_count++ - at) * sizeof(*visits->views));
	visits->views[at] = (struct view_told){.number = number, .purpose = "unknown"};
	return &visits->views[at];
}

/* By its number an open mount is known only until the service starts again: then another one has it. */
static void know(struct visits *visits, struct view_known *known, uint64_t view, uint64_t sequence)
{
	size_t at = place_of(visits, sequence), next = at;

	*known = (struct view_known){.view = view, .to = UINT64_MAX};
	while (at > 0 && visits->views[at - 1].view != view)
		at--;
	while (next < visits->view_count && visits->views[next].view != view)
		next++;
	if (at > 0)
		known->number = known->from = visits->views[at - 1].number;
	if (next < visits->view_count)
		known->to = visits->views[next].number;
}

/* The view that an event is of, by the number of its view-opened; 0: none that is known */
static uint64_t number_of(struct visits *visits, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	struct view_known *known = &visits->known[event->view % VISITS_KNOWN];

	if (event->session || !event->view)
		return event->session;
	if (known->view != event->view || record->sequence < known->from ||
	    record->sequence >= known->to)
		know(visits, known, event->view, record->sequence);
	return known->number;
}

/* "purpose repair, reason given, sealed": as fs/gate/view.c writes it. */
static void take_opened(struct visits *visits, const struct audit_record *record)
{
	const char *detail = record->event.detail;
	struct view_told *view = view_of(visits, record->sequence);

	if (!view)
		return;
	memset(visits->known, 0, sizeof(visits->known));
	view->view = record->event.view;
	view->opened_unix = record->realtime_ns / 1000000000;
	view->is_sealed = strstr(detail, ", sealed") != NULL;
	view->has_reason = strstr(detail, ", reason given") != NULL;
	if (sscanf(detail, "purpose %63[a-z0-9-]", view->purpose) != 1)
		snprintf(view->purpose, sizeof(view->purpose), "unknown");
}

static void take_closed(struct visits *visits, const struct audit_record *record)
{
	uint64_t number = number_of(visits, record);
	struct view_told *view = number ? view_of(visits, number) : NULL;

	if (!view || view->closed_sequence)
		return;
	view->closed_unix = record->realtime_ns / 1000000000;
	view->closed_sequence = record->sequence;
	view->closed_op = record->event.op;
}

/* ---- looks ---------------------------------------------------------------------------------------------- */

static bool is_look(enum audit_op op)
{
	return op == AUDIT_LOOKUP || op == AUDIT_LIST || op == AUDIT_STAT || op == AUDIT_READLINK ||
	       op == AUDIT_OPEN || op == AUDIT_READ || op == AUDIT_SHOWN;
}

static int64_t day_of(struct visits *visits, int64_t at_unix)
{
	if (at_unix < visits->day_unix || at_unix >= visits->next_day_unix)
		visits->day_unix = rules_period_start(visits->policy, PERIOD_DAY, at_unix,
						      &visits->next_day_unix);
	return visits->day_unix;
}

/* Those that are under way were begun last. */
static struct visit *visit_of(struct visits *visits, const struct audit_record *record)
{
	int64_t at_unix = record->realtime_ns / 1000000000, day_unix = day_of(visits, at_unix);
	uint64_t session = number_of(visits, record);

	for (size_t i = visits->count; i-- > 0;)
		if (visits->items[i].session == session &&
		    visits->items[i].uid == record->event.uid &&
		    visits->items[i].day_unix == day_unix)
			return &visits->items[i];
	if (!grow(visits, (void **)&visits->items, visits->count, &visits->room,
		  sizeof(*visits->items), VISITS_LIMIT))
		return NULL;
	visits->items[visits->count] = (struct visit){.session = session,
						      .uid = record->event.uid,
						      .day_unix = day_unix,
						      .first_unix = at_unix,
						      .first_sequence = record->sequence};
	return &visits->items[visits->count++];
}

static void add_file(struct visits *visits, const struct visit *visit,
		     const struct audit_record *record)
{
	if (!grow(visits, (void **)&visits->files, visits->file_count, &visits->file_room,
		  sizeof(*visits->files), VISITS_FILES))
		return;
	struct visit_file *file = &visits->files[visits->file_count++];

	*file = (struct visit_file){.visit = (uint32_t)(visit - visits->items),
				    .sequence = record->sequence,
				    .is_unmasked = record->event.bytes > 0};
	memcpy(file->token, record->event.token, AUDIT_TOKEN);
}

void visits_add_classes(struct visit *visit, const char *classes)
{
	char words[VISITS_DETAIL_SIZE];
	char *rest = words;

	snprintf(words, sizeof(words), "%s", classes);
	while (rest) {
		char *word = strsep(&rest, ",");
		char known[VISITS_DETAIL_SIZE + 4], wanted[VISITS_DETAIL_SIZE + 4];
		size_t length = strlen(visit->classes);

		word += strspn(word, " ");
		snprintf(known, sizeof(known), ", %s,", visit->classes);
		snprintf(wanted, sizeof(wanted), ", %s,", word);
		if (*word && !strstr(known, wanted) &&
		    length + strlen(word) + 3 < sizeof(visit->classes))
			sprintf(visit->classes + length, "%s%s", length ? ", " : "", word);
	}
}

static void count_look(struct visits *visits, struct visit *visit,
		       const struct audit_record *record)
{
	const struct audit_event *event = &record->event;

	visit->last_unix = record->realtime_ns / 1000000000;
	visit->last_sequence = record->sequence;
	if (event->verdict != AUDIT_PERMITTED) {
		visit->denied += 1 + event->repeats;
		return;
	}
	visit->names += event->op == AUDIT_LIST;
	visit->reads += event->op == AUDIT_READ;
	visit->bytes += event->op == AUDIT_READ ? event->bytes : 0;
	visit->shown += event->op == AUDIT_SHOWN ? event->bytes : 0;
	if (event->op != AUDIT_OPEN)
		return;
	visit->unmasked += event->bytes > 0;
	if (strncmp(event->detail, UNMASKED, strlen(UNMASKED)) == 0)
		visits_add_classes(visit, event->detail + strlen(UNMASKED));
	add_file(visits, visit, record);
}

static void take_denial(struct visits *visits, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	struct denial *denial = visits->denials;
	int64_t at_unix = record->realtime_ns / 1000000000;

	while (denial < visits->denials + visits->denial_count &&
	       (denial->uid != event->uid || strcmp(denial->rule, event->rule) != 0))
		denial++;
	if (denial == visits->denials + VISITS_DENIALS) {
		visits->is_more = true;
		return;
	}
	if (denial == visits->denials + visits->denial_count) {
		visits->denial_count++;
		*denial = (struct denial){.uid = event->uid,
					  .first_sequence = record->sequence,
					  .first_unix = at_unix};
		memcpy(denial->rule, event->rule, sizeof(denial->rule));
	}
	denial->count += 1 + event->repeats;
	denial->last_sequence = record->sequence;
	denial->last_unix = at_unix;
}

/* What the log says of nothing that is there is no look: a name that was asked for and is not on the device. */
static bool is_seen(const struct audit_event *event)
{
	return is_look(event->op) && strcmp(event->rule, RULE_NOTICE) != 0 &&
	       (event->verdict != AUDIT_PERMITTED || !event->error_number);
}

static void keep_other(struct visits *visits, const struct audit_record *record)
{
	if (grow(visits, (void **)&visits->others, visits->other_count, &visits->other_room,
		 sizeof(*visits->others), VISITS_OTHERS))
		visits->others[visits->other_count++] = *record;
}

static void take_event(struct visits *visits, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	bool is_told =
		!is_look(event->op) ||
		(event->op == AUDIT_OPEN && event->verdict == AUDIT_PERMITTED && event->bytes > 0);

	if (event->verdict != AUDIT_PERMITTED)
		take_denial(visits, record);
	if (is_seen(event)) {
		struct visit *visit = visit_of(visits, record);

		if (visit)
			count_look(visits, visit, record);
	}
	if (is_told && visits->wants_others)
		keep_other(visits, record);
}

static bool goes_on(const struct visits *visits)
{
	return !visits->is_short_of_memory && asked_goes_on(visits->asked);
}

/* Of any device: a view may see several. */
static bool take_view(void *context, const struct audit_record *record)
{
	struct visits *visits = context;
	const struct audit_event *event = &record->event;

	if (event->op == AUDIT_VIEW_OPENED && event->verdict == AUDIT_PERMITTED)
		take_opened(visits, record);
	else if (event->op == AUDIT_VIEW_CLOSED || event->op == AUDIT_VIEW_REVOKED)
		take_closed(visits, record);
	return goes_on(visits);
}

static bool take_of_device(void *context, const struct audit_record *record)
{
	take_event(context, record);
	return goes_on(context);
}

static bool take_any(void *context, const struct audit_record *record)
{
	struct visits *visits = context;

	if (strcmp(record->event.device, visits->device) == 0)
		take_event(visits, record);
	return take_view(visits, record);
}

/* ---- reading the log ---------------------------------------------------------------------------------------- */

static bool on_progress(void *context, uint64_t done BL_UNUSED, uint64_t all BL_UNUSED)
{
	return asked_goes_on(context);
}

/* Views first, so that each look is known by its own. */
static enum bl_status ask_index(struct visits *visits, struct audit_index *index,
				uint64_t last_sequence, struct bl_error *why)
{
	static const enum audit_op VIEWS[] = {AUDIT_VIEW_OPENED, AUDIT_VIEW_CLOSED,
					      AUDIT_VIEW_REVOKED};
	struct audit_query query = {.uid = -1,
				    .op = -1,
				    .verdict = -1,
				    .since_unix = INT64_MIN,
				    .until_unix = INT64_MAX,
				    .last_sequence = last_sequence};
	enum bl_status status = BL_OK;

	for (size_t i = 0; i < BL_COUNT(VIEWS) && status == BL_OK; i++) {
		query.op = (int)VIEWS[i];
		status = audit_index_find(index, &query, take_view, visits, why);
	}
	query.op = -1;
	query.device = visits->device;
	if (status == BL_OK)
		status = audit_index_find(index, &query, take_of_device, visits, why);
	return status;
}

/* Without an index all that happened since the device was made known is read. */
static enum bl_status read_log(struct visits *visits, const struct device *device,
			       struct bl_error *why)
{
	struct daemon *daemon = visits->asked->daemon;
	struct audit_index *index = NULL;
	struct audit_state log;

	audit_state(daemon->audit, &log);
	if (log_index_ready(daemon, log.durable_sequence, on_progress, visits->asked, &index,
			    NULL) == BL_OK)
		return ask_index(visits, index, log.durable_sequence, why);
	return life_events(visits->asked, device, take_any, visits, why);
}

enum bl_status visits_gather(struct visits *visits, const struct device *device,
			     struct bl_error *why)
{
	enum bl_status status = read_log(visits, device, why);

	if (status == BL_OK && visits->is_short_of_memory)
		status = bl_fail(why, BL_NO_MEMORY, "out of memory");
	return status;
}

/* ---- files ------------------------------------------------------------------------------------------------ */

static int compare_files(const void *a, const void *b)
{
	const struct visit_file *one = a, *other = b;
	int order = memcmp(one->token, other->token, AUDIT_TOKEN);

	return order ? order : (one->visit > other->visit) - (one->visit < other->visit);
}

bool visits_count_files(const struct visits *visits, const uint32_t *group_of, uint64_t *out_counts)
{
	size_t count = visits->file_count;
	BL_CLEANUP(bl_free) struct visit_file *files = calloc(count + 1, sizeof(*files));

	if (!files)
		return false;
	for (size_t i = 0; i < count; i++) {
		files[i] = visits->files[i];
		files[i].visit = group_of[files[i].visit];
	}
	qsort(files, count, sizeof(*files), compare_files);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || compare_files(&files[i - 1], &files[i]) != 0)
			out_counts[files[i].visit]++;
	return true;
}
