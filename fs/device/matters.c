/* Incidents and the customer's requests. The disk first: memory never says what a crash would take back. */
#include "fs/device/matters.h"

#include <string.h>

#include "fs/device/private.h"

#define HOUR_SECONDS INT64_C(3600)
#define DAY_SECONDS  (24 * HOUR_SECONDS)

/* ---- words ------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool freezes;
	int64_t seconds;
} INCIDENTS[INCIDENT_KIND_COUNT] = {
	[INCIDENT_DAMAGE] = {"damage", false, 14 * DAY_SECONDS},
	[INCIDENT_LOSS] = {"loss", true, 72 * HOUR_SECONDS},
	[INCIDENT_EXPOSURE] = {"exposure", true, 72 * HOUR_SECONDS},
	[INCIDENT_COMPLAINT] = {"complaint", true, 30 * DAY_SECONDS},
};

static const struct {
	const char *name;
	int64_t seconds;
} REQUESTS[CUSTOMER_REQUEST_KIND_COUNT] = {
	[CUSTOMER_ERASE] = {"erase", 0},
	[CUSTOMER_DISCLOSE] = {"disclose", 30 * DAY_SECONDS},
	[CUSTOMER_RETURN] = {"return", 30 * DAY_SECONDS},
};

static const char *const STATES[] = {
	[CUSTOMER_OPEN] = "open", [CUSTOMER_DONE] = "done", [CUSTOMER_REFUSED] = "refused"};

const char *incident_kind_name(enum incident_kind kind)
{
	return INCIDENTS[kind].name;
}

bool incident_kind_parse(const char *name, enum incident_kind *out)
{
	for (size_t i = 0; i < BL_COUNT(INCIDENTS); i++)
		if (strcmp(name, INCIDENTS[i].name) == 0) {
			*out = (enum incident_kind)i;
			return true;
		}
	return false;
}

bool incident_freezes(enum incident_kind kind)
{
	return INCIDENTS[kind].freezes;
}

int64_t incident_seconds(enum incident_kind kind)
{
	return INCIDENTS[kind].seconds;
}

const char *customer_request_kind_name(enum customer_request_kind kind)
{
	return REQUESTS[kind].name;
}

bool customer_request_kind_parse(const char *name, enum customer_request_kind *out)
{
	for (size_t i = 0; i < BL_COUNT(REQUESTS); i++)
		if (strcmp(name, REQUESTS[i].name) == 0) {
			*out = (enum customer_request_kind)i;
			return true;
		}
	return false;
}

int64_t customer_request_seconds(enum customer_request_kind kind)
{
	return REQUESTS[kind].seconds;
}

const char *customer_request_state_name(enum customer_request_state state)
{
	return STATES[state];
}

/* ---- reading and replacing the whole --------------------------------------------------------- */

enum bl_status matters_load(struct device_store *store, struct device_entry *entry,
			    struct device_matters **out_matters, struct bl_error *why)
{
	struct kept *kept = &entry->matters;
	enum bl_status status = kept_load(store, entry, SECRET_MATTERS, kept, why);

	if (status != BL_OK)
		return status;
	if (kept->plain.bytes)
		status = matters_decode(kept->plain.bytes, kept->plain.length, out_matters);
	else if (!(*out_matters = matters_new()))
		status = BL_NO_MEMORY;
	if (status == BL_OK)
		return status;
	/* What does not decode is not kept: an operator may put a backup in its place. */
	kept_done(kept);
	return status == BL_TAMPERED ? bl_fail(why, status,
					       "incidents and requests of '%s' in the store are "
					       "not of this version of Bailee",
					       entry->device.id)
				     : bl_fail(why, status, "out of memory");
}

static enum bl_status save(struct device_store *store, struct device_entry *entry,
			   const struct device_matters *matters, struct bl_error *why)
{
	PLAIN_CLEANUP struct plain plain = {0};
	enum bl_status status = matters_encode(matters, &plain);

	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	return kept_save(store, entry, SECRET_MATTERS, &entry->matters, &plain, why);
}

static enum bl_status begin(struct device_store *store, const char *id,
			    struct device_entry **out_entry, struct device_matters **out_matters,
			    struct bl_error *why)
{
	enum bl_status status = store_find(store, id, out_entry, why);

	return status == BL_OK ? matters_load(store, *out_entry, out_matters, why) : status;
}

enum bl_status device_matters_read(struct device_store *store, const char *id,
				   struct device_matters **out_matters, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);

	return begin(store, id, &entry, out_matters, why);
}

int64_t device_matters_requested(const struct device_matters *matters)
{
	int64_t earliest = 0;

	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->kind == CUSTOMER_ERASE && request->state == CUSTOMER_OPEN &&
		    (!earliest || request->since_unix < earliest))
			earliest = request->since_unix;
	}
	return earliest;
}

/* ---- what both have in common ---------------------------------------------------------------- */

static enum bl_status check_dates(int64_t since_unix, int64_t deadline_unix, struct bl_error *why)
{
	if (since_unix <= 0 || !facts_date_ok(since_unix) || !facts_date_ok(deadline_unix))
		return bl_fail(why, BL_INVALID, "a date lies outside the years 1970 to 9999");
	if (deadline_unix < since_unix)
		return bl_fail(why, BL_INVALID, "a deadline lies before its beginning");
	return BL_OK;
}

static enum bl_status check_not_released(const struct device_entry *entry, struct bl_error *why)
{
	if (entry->device.state != STATE_RELEASED)
		return BL_OK;
	return bl_fail(why, BL_INVALID, "device '%s' is released: it is not ours any more",
		       entry->device.id);
}

/* Index of the place for one more; of all that are taken the one that is over for longest. @over: since when, 0: it is not */
static enum bl_status find_place(const int64_t *over, size_t count, size_t most, size_t *out_at,
				 struct bl_error *why)
{
	size_t oldest = count;

	for (size_t i = 0; i < count; i++)
		if (over[i] && (oldest == count || over[i] < over[oldest]))
			oldest = i;
	if (count == most && oldest == count)
		return bl_fail(why, BL_TOO_LARGE, "%zu are open already (bring one to its end)",
			       most);
	*out_at = count < most ? count : oldest;
	return BL_OK;
}

/* ---- incidents ------------------------------------------------------------------------------------- */

static enum bl_status check_incident(const struct device_incident *incident, struct bl_error *why)
{
	if ((unsigned)incident->kind >= INCIDENT_KIND_COUNT)
		return bl_fail(why, BL_INVALID,
			       "not a kind of incident (damage, loss, exposure, complaint)");
	return check_dates(incident->opened_unix, incident->deadline_unix, why);
}

static enum bl_status incident_put(struct device_matters *matters,
				   const struct device_incident *incident, struct bl_error *why)
{
	int64_t over[MATTERS_INCIDENTS];
	size_t at;

	for (size_t i = 0; i < matters->incident_count; i++)
		over[i] = matters->incidents[i].closed_unix;
	if (matters->next_incident == UINT32_MAX)
		return bl_fail(why, BL_TOO_LARGE, "too many incidents were opened");

	enum bl_status status =
		find_place(over, matters->incident_count, MATTERS_INCIDENTS, &at, why);

	if (status != BL_OK)
		return status;
	/* They stand by number: what comes behind the one that goes moves up. */
	if (at < matters->incident_count) {
		matters->incident_count--;
		memmove(matters->incidents + at, matters->incidents + at + 1,
			(matters->incident_count - at) * sizeof(matters->incidents[0]));
	}
	matters->incidents[matters->incident_count++] = (struct device_incident){
		.number = matters->next_incident++,
		.kind = incident->kind,
		.opened_unix = incident->opened_unix,
		.deadline_unix = incident->deadline_unix,
		.by = incident->by,
		.hold = incident->hold,
	};
	return BL_OK;
}

enum bl_status device_incident_add(struct device_store *store, const char *id,
				   const struct device_incident *incident, uint32_t *out_number,
				   struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_incident(incident, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &matters, why);
	if (status == BL_OK)
		status = check_not_released(entry, why);
	if (status == BL_OK)
		status = incident_put(matters, incident, why);
	if (status == BL_OK)
		status = save(store, entry, matters, why);
	if (status == BL_OK && out_number)
		*out_number = matters->next_incident - 1;
	return status;
}

const struct device_incident *device_incident_find(const struct device_matters *matters,
						   uint32_t number)
{
	for (size_t i = 0; i < matters->incident_count; i++)
		if (matters->incidents[i].number == number)
			return &matters->incidents[i];
	return NULL;
}

/* One that is not closed. */
static enum bl_status find_open_incident(struct device_matters *matters, const char *id,
					 uint32_t number, struct device_incident **out_incident,
					 struct bl_error *why)
{
	const struct device_incident *incident = device_incident_find(matters, number);

	if (!incident)
		return bl_fail(why, BL_NOT_FOUND, "there is no incident %s/%u", id,
			       (unsigned)number);
	if (incident->is_closed)
		return bl_fail(why, BL_EXISTS, "incident %s/%u is closed already", id,
			       (unsigned)number);
	*out_incident = &matters->incidents[incident - matters->incidents];
	return BL_OK;
}

enum bl_status device_incident_freeze(struct device_store *store, const char *id, uint32_t number,
				      uint32_t hold, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device_incident *incident = NULL;
	struct device_entry *entry = NULL;
	STORE_LOCKED(store);
	enum bl_status status = begin(store, id, &entry, &matters, why);

	if (status == BL_OK)
		status = check_not_released(entry, why);
	if (status == BL_OK)
		status = find_open_incident(matters, id, number, &incident, why);
	if (status != BL_OK)
		return status;
	if (hold == 0)
		return bl_fail(why, BL_INVALID, "no hold has the number 0");
	if (incident->hold == hold)
		return BL_OK;
	if (incident->hold)
		return bl_fail(why, BL_EXISTS, "incident %s/%u has placed hold %u already", id,
			       (unsigned)number, (unsigned)incident->hold);
	incident->hold = hold;
	return save(store, entry, matters, why);
}

enum bl_status device_incident_close(struct device_store *store, const char *id, uint32_t number,
				     uid_t by, int64_t at_unix, const char *action,
				     struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device_incident *incident = NULL;
	struct device_entry *entry = NULL;
	STORE_LOCKED(store);
	enum bl_status status = begin(store, id, &entry, &matters, why);

	if (status == BL_OK)
		status = find_open_incident(matters, id, number, &incident, why);
	if (status == BL_OK)
		status = check_dates(at_unix, at_unix, why);
	if (status != BL_OK)
		return status;
	if (!action || !matters_action_ok(action))
		return bl_fail(why, BL_INVALID,
			       "an incident closes with a corrective action of 1 to 255 bytes "
			       "without control characters");
	incident->is_closed = true;
	incident->closed_unix = at_unix;
	incident->closed_by = by;
	memcpy(incident->action, action, strlen(action) + 1);
	return save(store, entry, matters, why);
}

/* ---- requests of the customer ------------------------------------------------------------------------ */

static enum bl_status check_request(const struct device_customer_request *request,
				    struct bl_error *why)
{
	if ((unsigned)request->kind >= CUSTOMER_REQUEST_KIND_COUNT)
		return bl_fail(why, BL_INVALID,
			       "not a request of a customer (erase, disclose, return)");
	if (strnlen(request->ticket, sizeof(request->ticket)) == sizeof(request->ticket) ||
	    !facts_ticket_ok(request->ticket))
		return bl_fail(why, BL_INVALID,
			       "not a ticket (1 to 63 letters, digits, '.', '_', '-')");
	return check_dates(request->since_unix, request->deadline_unix, why);
}

/* Of what is destroyed there is still something to tell, but nothing to destroy or to give back. */
static enum bl_status check_possible(const struct device_entry *entry,
				     enum customer_request_kind kind, struct bl_error *why)
{
	const struct device *device = &entry->device;
	enum bl_status status = check_not_released(entry, why);

	if (status != BL_OK || kind == CUSTOMER_DISCLOSE)
		return status;
	if (device->state == STATE_SHREDDED)
		return bl_fail(why, BL_INVALID,
			       "device '%s' is destroyed already (see 'bailee certificate show "
			       "%s')",
			       device->id, device->id);
	if (kind == CUSTOMER_RETURN && entry->is_shredding)
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: it cannot be returned",
			       device->id);
	return BL_OK;
}

static enum bl_status check_not_asked(const struct device_matters *matters, const char *id,
				      enum customer_request_kind kind, struct bl_error *why)
{
	for (size_t i = 0; i < matters->request_count; i++) {
		const struct device_customer_request *request = &matters->requests[i];

		if (request->kind == kind && request->state == CUSTOMER_OPEN)
			return bl_fail(why, BL_EXISTS,
				       "a request to %s is open already: %s/%u (answer that one)",
				       customer_request_kind_name(kind), id,
				       (unsigned)request->number);
	}
	return BL_OK;
}

static enum bl_status request_put(struct device_matters *matters,
				  const struct device_customer_request *request,
				  struct bl_error *why)
{
	int64_t over[MATTERS_REQUESTS];
	size_t at;

	for (size_t i = 0; i < matters->request_count; i++)
		over[i] = matters->requests[i].ended_unix;
	if (matters->next_request == UINT32_MAX)
		return bl_fail(why, BL_TOO_LARGE, "too many requests were made");

	enum bl_status status =
		find_place(over, matters->request_count, MATTERS_REQUESTS, &at, why);

	if (status != BL_OK)
		return status;
	if (at < matters->request_count) {
		matters->request_count--;
		memmove(matters->requests + at, matters->requests + at + 1,
			(matters->request_count - at) * sizeof(matters->requests[0]));
	}

	struct device_customer_request *slot = &matters->requests[matters->request_count++];

	*slot = (struct device_customer_request){
		.number = matters->next_request++,
		.kind = request->kind,
		.state = CUSTOMER_OPEN,
		.since_unix = request->since_unix,
		.deadline_unix = request->deadline_unix,
		.by = request->by,
	};
	memcpy(slot->ticket, request->ticket, strlen(request->ticket) + 1);
	return BL_OK;
}

enum bl_status device_customer_request_add(struct device_store *store, const char *id,
					   const struct device_customer_request *request,
					   uint32_t *out_number, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_request(request, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &matters, why);
	if (status == BL_OK)
		status = check_possible(entry, request->kind, why);
	if (status == BL_OK)
		status = check_not_asked(matters, id, request->kind, why);
	if (status == BL_OK)
		status = request_put(matters, request, why);
	if (status == BL_OK)
		status = save(store, entry, matters, why);
	if (status == BL_OK && out_number)
		*out_number = matters->next_request - 1;
	return status;
}

const struct device_customer_request *
device_customer_request_find(const struct device_matters *matters, uint32_t number)
{
	for (size_t i = 0; i < matters->request_count; i++)
		if (matters->requests[i].number == number)
			return &matters->requests[i];
	return NULL;
}

static enum bl_status request_end(struct device_customer_request *request,
				  enum customer_request_state state, uid_t by, int64_t at_unix,
				  const uint8_t proof[DEVICE_DIGEST], struct bl_error *why)
{
	enum bl_status status = check_dates(at_unix, at_unix, why);

	if (status != BL_OK)
		return status;
	if (state != CUSTOMER_DONE && state != CUSTOMER_REFUSED)
		return bl_fail(why, BL_INVALID, "a request ends as done or refused");
	if (state == CUSTOMER_DONE && !proof)
		return bl_fail(why, BL_INVALID, "a request is done with a proof only");
	request->state = state;
	request->ended_unix = at_unix;
	request->ended_by = by;
	/* What was refused proves nothing. */
	request->has_proof = state == CUSTOMER_DONE;
	if (request->has_proof)
		memcpy(request->proof, proof, DEVICE_DIGEST);
	return BL_OK;
}

enum bl_status device_customer_request_end(struct device_store *store, const char *id,
					   uint32_t number, enum customer_request_state state,
					   uid_t by, int64_t at_unix,
					   const uint8_t proof[DEVICE_DIGEST], struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	struct device_entry *entry = NULL;
	STORE_LOCKED(store);
	enum bl_status status = begin(store, id, &entry, &matters, why);

	if (status != BL_OK)
		return status;

	const struct device_customer_request *found = device_customer_request_find(matters, number);

	if (!found)
		return bl_fail(why, BL_NOT_FOUND, "there is no request of the customer %s/%u", id,
			       (unsigned)number);
	if (found->state != CUSTOMER_OPEN)
		return bl_fail(why, BL_EXISTS, "request %s/%u is %s already", id, (unsigned)number,
			       customer_request_state_name(found->state));
	status = request_end(&matters->requests[found - matters->requests], state, by, at_unix,
			     proof, why);
	return status == BL_OK ? save(store, entry, matters, why) : status;
}
