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

/* @items with room for one more; NULL: there is none, and they stay as they are. */
static void *grown(struct visits *visits, void *items, size_t count, size_t *room, size_t size,
		   size_t limit)
{
	if (count < *room)
		return items;
	if (count == limit) {
		visits->is_more = true;
		return NULL;
	}
	size_t more = *room ? BL_MIN(2 * *room, limit) : 256;
	void *moved = reallocarray(items, more, size);

	visits->is_short_of_memory |= !moved;
	*room = moved ? more : *room;
	return moved;
}

/* ---- views --------------------------------------------------------------------------------------------- */

/* "purpose repair, reason given, sealed": as fs/gate/view.c writes it. */
static void take_opened(struct visits *visits, const struct audit_record *record)
{
	const char *detail = record->event.detail;
	void *views = grown(visits, visits->views, visits->view_count, &visits->view_room,
			    sizeof(*visits->views), VISITS_VIEWS);

	if (!views)
		return;
	visits->views = views;
	struct view_told *view = &visits->views[visits->view_count++];

	*view = (struct view_told){.number = record->sequence,
				   .view = record->event.view,
				   .opened_unix = record->realtime_ns / 1000000000,
				   .is_sealed = strstr(detail, ", sealed") != NULL,
				   .has_reason = strstr(detail, ", reason given") != NULL};
	if (sscanf(detail, "purpose %63[a-z0-9-]", view->purpose) != 1)
		snprintf(view->purpose, sizeof(view->purpose), "unknown");
}

static int compare_views(const void *first, const void *second)
{
	const struct view_told *a = first, *b = second;

	if (a->view != b->view)
		return a->view < b->view ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

/*
 * The view that an event is of: the last one before it that was opened under that number, which is given again when the service
 * starts anew. SIZE_MAX: none that is known
 */
static size_t view_at(const struct visits *visits, const struct audit_record *record)
{
	const struct view_told wanted = {.view = record->event.view, .number = record->sequence};
	size_t low = 0, high = visits->view_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_views(&visits->views[middle], &wanted) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (!wanted.view || !low || visits->views[low - 1].view != wanted.view)
		return SIZE_MAX;
	return low - 1;
}

const struct view_told *visits_view(const struct visits *visits, const struct visit *visit)
{
	return visit->view == SIZE_MAX ? NULL : &visits->views[visit->view];
}

static void take_closed(struct visits *visits, const struct audit_record *record)
{
	size_t at = view_at(visits, record);

	if (at == SIZE_MAX || visits->views[at].closed_sequence)
		return;
	visits->views[at].closed_unix = record->realtime_ns / 1000000000;
	visits->views[at].closed_sequence = record->sequence;
	visits->views[at].closed_op = record->event.op;
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
	const struct audit_event *event = &record->event;
	int64_t at_unix = record->realtime_ns / 1000000000, day_unix = day_of(visits, at_unix);
	size_t view = view_at(visits, record);
	uint64_t session =
		event->session || view == SIZE_MAX ? event->session : visits->views[view].number;
	void *items;

	for (size_t i = visits->count; i-- > 0;)
		if (visits->items[i].session == session && visits->items[i].uid == event->uid &&
		    visits->items[i].day_unix == day_unix)
			return &visits->items[i];
	items = grown(visits, visits->items, visits->count, &visits->room, sizeof(*visits->items),
		      VISITS_LIMIT);
	if (!items)
		return NULL;
	visits->items = items;
	visits->items[visits->count] = (struct visit){.session = session,
						      .view = view,
						      .uid = event->uid,
						      .day_unix = day_unix,
						      .first_unix = at_unix,
						      .first_sequence = record->sequence};
	return &visits->items[visits->count++];
}

static void add_file(struct visits *visits, const struct visit *visit,
		     const struct audit_record *record)
{
	void *files = grown(visits, visits->files, visits->file_count, &visits->file_room,
			    sizeof(*visits->files), VISITS_FILES);

	if (!files)
		return;
	visits->files = files;
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
	void *others = grown(visits, visits->others, visits->other_count, &visits->other_room,
			     sizeof(*visits->others), VISITS_OTHERS);

	if (!others)
		return;
	visits->others = others;
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

/* ---- reading the log ---------------------------------------------------------------------------------------- */

/* Views first, of all devices, so that each look is known by its own; then the rest. */
static bool take_begun(void *context, const struct audit_record *record)
{
	if (record->event.op == AUDIT_VIEW_OPENED && record->event.verdict == AUDIT_PERMITTED)
		take_opened(context, record);
	return goes_on(context);
}

static bool take_ended(void *context, const struct audit_record *record)
{
	if (record->event.op == AUDIT_VIEW_CLOSED || record->event.op == AUDIT_VIEW_REVOKED)
		take_closed(context, record);
	return goes_on(context);
}

static bool take_of_device(void *context, const struct audit_record *record)
{
	struct visits *visits = context;

	if (strcmp(record->event.device, visits->device) == 0)
		take_event(visits, record);
	return goes_on(visits);
}

static bool take_rest(void *context, const struct audit_record *record)
{
	return take_ended(context, record) && take_of_device(context, record);
}

static void sort_views(struct visits *visits)
{
	if (visits->view_count)
		qsort(visits->views, visits->view_count, sizeof(*visits->views), compare_views);
}

static bool take_known(void *context, const struct audit_record *record)
{
	int64_t *at_unix = context;

	if (record->event.verdict == AUDIT_PERMITTED)
		*at_unix = record->realtime_ns / 1000000000;
	return true;
}

/* A view that was open when the device became known has been open for no longer than that. */
#define OPEN_SECONDS (INT64_C(90) * 86400)

/* By the log's own clock, which is not that of the record. */
static enum bl_status ask_views(struct visits *visits, struct audit_index *index,
				const struct audit_query *device, struct bl_error *why)
{
	static const struct {
		enum audit_op op;
		audit_record_fn *take;
	} ASKED[] = {{AUDIT_VIEW_OPENED, take_begun},
		     {AUDIT_VIEW_CLOSED, take_ended},
		     {AUDIT_VIEW_REVOKED, take_ended}};
	struct audit_query query = *device;
	int64_t known_unix = INT64_MIN + OPEN_SECONDS;

	query.op = AUDIT_ENROLLED;
	enum bl_status status = audit_index_find(index, &query, take_known, &known_unix, why);

	query.device = NULL;
	query.since_unix = known_unix - OPEN_SECONDS;
	for (size_t i = 0; i < BL_COUNT(ASKED) && status == BL_OK; i++) {
		query.op = (int)ASKED[i].op;
		status = audit_index_find(index, &query, ASKED[i].take, visits, why);
		if (ASKED[i].op == AUDIT_VIEW_OPENED)
			sort_views(visits);
	}
	return status;
}

static bool on_progress(void *context, uint64_t done BL_UNUSED, uint64_t all BL_UNUSED)
{
	return asked_goes_on(context);
}

/* Without an index all that happened since the device was made known is read. */
static enum bl_status read_log(struct visits *visits, const struct device *device,
			       struct bl_error *why)
{
	struct daemon *daemon = visits->asked->daemon;
	struct audit_index *index = NULL;
	struct audit_state log;
	enum bl_status status;

	audit_state(daemon->audit, &log);
	if (log_index_ready(daemon, log.durable_sequence, on_progress, visits->asked, &index,
			    NULL) != BL_OK) {
		status = life_events(visits->asked, device, take_begun, visits, why);
		sort_views(visits);
		return status == BL_OK ? life_events(visits->asked, device, take_rest, visits, why)
				       : status;
	}
	const struct audit_query query = {.uid = -1,
					  .device = visits->device,
					  .op = -1,
					  .verdict = -1,
					  .since_unix = INT64_MIN,
					  .until_unix = INT64_MAX,
					  .last_sequence = log.durable_sequence};

	status = ask_views(visits, index, &query, why);
	return status == BL_OK ? audit_index_find(index, &query, take_of_device, visits, why)
			       : status;
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
