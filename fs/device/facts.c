/* Facts that decisions need. The disk first: memory never says what a crash would take back. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/private.h"

#define DAY_SECONDS    INT64_C(86400)
#define MINUTE_SECONDS 60

static bool fits(const char *text, size_t size)
{
	return strnlen(text, size) < size;
}

/* ---- reading and replacing the whole --------------------------------------------------------- */

static enum bl_status decode(const struct device_entry *entry, struct device_facts **out_facts,
			     struct bl_error *why)
{
	enum bl_status status = BL_OK;

	if (entry->facts.bytes)
		status = facts_decode(entry->facts.bytes, entry->facts.length, out_facts);
	else if (!(*out_facts = facts_new()))
		status = BL_NO_MEMORY;
	if (status == BL_TAMPERED)
		return bl_fail(why, status,
			       "the facts of '%s' in the store are not of this version of Bailee",
			       entry->device.id);
	return status == BL_OK ? status : bl_fail(why, status, "out of memory");
}

/* What does not verify is not kept: an operator may put a backup in its place. */
static enum bl_status load(struct device_store *store, struct device_entry *entry,
			   struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	BL_CLEANUP(fd_close) int fd = -1;

	if (entry->has_facts)
		return BL_OK;

	enum bl_status status = store_folder(store, entry->device.id, &fd, why);

	if (status == BL_OK)
		status = secret_get(store->vault, entry->device.id, fd, SECRET_FACTS, &entry->facts,
				    why);
	if (status == BL_OK)
		status = decode(entry, &facts, why);
	entry->has_facts = status == BL_OK;
	if (status != BL_OK)
		plain_done(&entry->facts);
	return status;
}

static enum bl_status save(struct device_store *store, struct device_entry *entry, int folder_fd,
			   const struct device_facts *facts, struct bl_error *why)
{
	PLAIN_CLEANUP struct plain plain = {0};
	enum bl_status status = facts_encode(facts, &plain);

	if (status != BL_OK)
		return bl_fail(why, status, "out of memory");
	status = secret_put(store->vault, entry->device.id, folder_fd, SECRET_FACTS, &plain, why);
	if (status != BL_OK)
		return status;
	plain_done(&entry->facts);
	entry->facts = plain;
	entry->has_facts = true;
	plain = (struct plain){0};
	return BL_OK;
}

/* The facts of a device that something may still be recorded of. */
static enum bl_status begin(struct device_store *store, const char *id,
			    struct device_entry **out_entry, struct device_facts **out_facts,
			    struct bl_error *why)
{
	struct device_entry *entry;
	enum bl_status status = store_find(store, id, &entry, why);

	if (status != BL_OK)
		return status;
	if (device_is_gone(&entry->device))
		return bl_fail(why, BL_INVALID, "device '%s' is %s: nothing can be recorded of it",
			       id, bl_device_state_name(entry->device.state));
	if (entry->is_shredding)
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: nothing can be recorded of it",
			       id);
	status = load(store, entry, why);
	if (status == BL_OK)
		status = decode(entry, out_facts, why);
	if (status == BL_OK)
		*out_entry = entry;
	return status;
}

static enum bl_status end(struct device_store *store, struct device_entry *entry,
			  const struct device_facts *facts, struct bl_error *why)
{
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = store_folder(store, entry->device.id, &fd, why);

	return status == BL_OK ? save(store, entry, fd, facts, why) : status;
}

enum bl_status device_facts_read(struct device_store *store, const char *id,
				 struct device_facts **out_facts, struct bl_error *why)
{
	struct device_entry *entry;
	STORE_LOCKED(store);
	enum bl_status status = store_find(store, id, &entry, why);

	if (status == BL_OK)
		status = load(store, entry, why);
	return status == BL_OK ? decode(entry, out_facts, why) : status;
}

enum bl_status facts_forget(struct device_entry *entry, int folder_fd, struct bl_error *why)
{
	plain_done(&entry->facts);
	entry->has_facts = false;
	return secret_forget(folder_fd, SECRET_FACTS, why);
}

static enum bl_status check_date(int64_t at_unix, struct bl_error *why)
{
	return facts_date_ok(at_unix)
		       ? BL_OK
		       : bl_fail(why, BL_INVALID, "a date lies outside the years 1970 to 9999");
}

/* ---- consent --------------------------------------------------------------------------------------- */

static enum bl_status consent_put(struct device_facts *facts, const struct device_consent *consent,
				  bool *out_is_new, struct bl_error *why)
{
	size_t at = 0;

	if (!fits(consent->purpose, sizeof(consent->purpose)) || !facts_name_ok(consent->purpose))
		return bl_fail(why, BL_INVALID,
			       "not a purpose (1 to 63 small letters, digits and '-', the first a "
			       "letter)");
	while (at < facts->consent_count &&
	       strcmp(facts->consents[at].purpose, consent->purpose) != 0)
		at++;
	if (at == DEVICE_CONSENTS)
		return bl_fail(why, BL_INVALID, "consent for %d purposes is on record already",
			       DEVICE_CONSENTS);

	struct device_consent *slot = &facts->consents[at];

	/* Said again it keeps its date: a withdrawal is not put off by repeating it. */
	*out_is_new = at == facts->consent_count || slot->is_granted != consent->is_granted;
	if (!*out_is_new)
		return BL_OK;
	bool was_granted = at < facts->consent_count && slot->is_granted;

	if (at == facts->consent_count)
		facts->consent_count++;
	*slot = *consent;
	slot->was_granted = !consent->is_granted && was_granted;
	return check_date(consent->since_unix, why);
}

enum bl_status device_consent_set(struct device_store *store, const char *id,
				  const struct device_consent *consent, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	bool is_new = false;
	STORE_LOCKED(store);
	enum bl_status status = begin(store, id, &entry, &facts, why);

	if (status == BL_OK)
		status = consent_put(facts, consent, &is_new, why);
	return status == BL_OK && is_new ? end(store, entry, facts, why) : status;
}

enum bl_status facts_enroll(struct device_store *store, struct device_entry *entry, int folder_fd,
			    const struct device_record *record, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = facts_new();

	if (!facts)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < record->consent_count; i++) {
		struct device_consent consent = record->consents[i];
		bool is_new;

		/* From when on Bailee knows of it: 'received' may lie long before. */
		consent.since_unix = entry->device.enrolled_unix;
		consent.by = UINT32_MAX;

		enum bl_status status = consent_put(facts, &consent, &is_new, why);

		if (status != BL_OK)
			return status;
	}
	return save(store, entry, folder_fd, facts, why);
}

enum bl_consent device_consent_of(const struct device_facts *facts, const char *purpose)
{
	for (size_t i = 0; purpose && i < facts->consent_count; i++)
		if (strcmp(facts->consents[i].purpose, purpose) == 0)
			return facts->consents[i].is_granted ? CONSENT_GRANTED : CONSENT_WITHDRAWN;
	return CONSENT_UNKNOWN;
}

int64_t device_consent_withdrawn(const struct device_facts *facts)
{
	int64_t earliest = 0;

	for (size_t i = 0; i < facts->consent_count; i++) {
		const struct device_consent *consent = &facts->consents[i];

		if (!consent->is_granted && consent->was_granted &&
		    (!earliest || consent->since_unix < earliest))
			earliest = consent->since_unix;
	}
	return earliest;
}

/* ---- checks of callers ------------------------------------------------------------------------------- */

static enum bl_status check_check(const struct device_check *check, struct bl_error *why)
{
	if (check->check != CHECK_ONE_FACTOR && check->check != CHECK_TWO_FACTOR)
		return bl_fail(why, BL_INVALID,
			       "not a check of a caller (one-factor or two-factor)");
	if (!fits(check->ticket, sizeof(check->ticket)) || !facts_ticket_ok(check->ticket))
		return bl_fail(why, BL_INVALID,
			       "not a ticket (1 to 63 letters, digits, '.', '_', '-')");
	return check_date(check->since_unix, why);
}

static void forget_check(struct device_facts *facts, size_t at)
{
	facts->check_count--;
	memmove(facts->checks + at, facts->checks + at + 1,
		(facts->check_count - at) * sizeof(facts->checks[0]));
}

/* Of one person a later check of the same strength is all that counts: nobody pushes out what others' work hangs on. */
static void make_check_room(struct device_facts *facts, const struct device_check *fresh)
{
	for (size_t i = facts->check_count; i-- > 0;) {
		const struct device_check *old = &facts->checks[i];
		bool is_replaced = old->by == fresh->by && old->check == fresh->check;

		if (is_replaced || fresh->since_unix - old->since_unix >= DEVICE_CHECK_SECONDS)
			forget_check(facts, i);
	}
	if (facts->check_count == DEVICE_CHECKS)
		forget_check(facts, 0);
}

enum bl_status device_check_add(struct device_store *store, const char *id,
				const struct device_check *check, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_check(check, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &facts, why);
	if (status != BL_OK)
		return status;
	make_check_room(facts, check);
	facts->checks[facts->check_count++] = *check;
	return end(store, entry, facts, why);
}

enum bl_check device_check_of(const struct device_facts *facts, uid_t uid, int64_t now_unix,
			      int64_t *out_until)
{
	enum bl_check best = CHECK_NONE;
	int64_t until = INT64_MAX, sooner = INT64_MAX;

	for (size_t i = 0; i < facts->check_count; i++) {
		const struct device_check *check = &facts->checks[i];
		int64_t from = check->since_unix, to = from + DEVICE_CHECK_SECONDS;

		if (check->by != uid || now_unix >= to)
			continue;
		if (now_unix < from) { /* the clock was put back */
			sooner = BL_MIN(sooner, from);
		} else if (check->check > best || best == CHECK_NONE) {
			best = check->check;
			until = to;
		} else if (check->check == best) {
			until = BL_MAX(until, to);
		}
	}
	*out_until = BL_MIN(until, sooner);
	return best;
}

/* ---- requests -------------------------------------------------------------------------------------------- */

static bool is_expired(const struct device_request *request, int64_t now_unix)
{
	return now_unix - request->since_unix >= DEVICE_REQUEST_DAYS * DAY_SECONDS;
}

static bool is_open(const struct device_request *request, int64_t now_unix)
{
	return !request->is_refused && !is_expired(request, now_unix);
}

static enum bl_status check_request(const struct device_request *request, struct bl_error *why)
{
	if ((unsigned)request->action >= ACTION_COUNT)
		return bl_fail(why, BL_INVALID, "not an action that can be asked for");
	if (!fits(request->class, sizeof(request->class)) ||
	    (*request->class &&
	     (request->action != ACTION_UNMASK || !facts_name_ok(request->class))))
		return bl_fail(why, BL_INVALID, "only to unmask may name a class, by its name");
	if (!fits(request->reason, sizeof(request->reason)) || !facts_reason_ok(request->reason))
		return bl_fail(why, BL_INVALID,
			       "a request needs a reason of 1 to 255 bytes without control "
			       "characters");
	if (request->path && !facts_has_path(request->action))
		return bl_fail(why, BL_INVALID, "to %s is of a whole device, not of a path",
			       bl_action_name(request->action));
	if (request->path && !facts_path_ok(request->path))
		return bl_fail(why, BL_INVALID,
			       "not a path below a device (write /a/b, without '.' and '..'; leave "
			       "it out for the whole device)");
	return check_date(request->since_unix, why);
}

/* Room for one more: what is answered no more goes, what somebody still waits for never. */
static enum bl_status make_room(struct device_facts *facts, uid_t by, int64_t now_unix,
				struct bl_error *why)
{
	size_t own = 0, oldest = facts->request_count;

	for (size_t i = facts->request_count; i-- > 0;) {
		if (!is_open(&facts->requests[i], now_unix))
			oldest = i;
		else if (facts->requests[i].by == by)
			own++;
	}
	if (own >= DEVICE_REQUESTS_EACH)
		return bl_fail(why, BL_INVALID,
			       "too many open requests of yours (wait for an answer)");
	if (facts->request_count < DEVICE_REQUESTS)
		return BL_OK;
	if (oldest == facts->request_count)
		return bl_fail(why, BL_INVALID, "too many open requests (refuse or wait)");
	facts_forget_request(facts, oldest);
	return BL_OK;
}

static enum bl_status request_put(struct device_facts *facts, const struct device_request *request,
				  struct bl_error *why)
{
	enum bl_status status = make_room(facts, request->by, request->since_unix, why);

	if (status == BL_OK && facts->next_request == UINT32_MAX)
		status = bl_fail(why, BL_INVALID, "too many requests were made");
	if (status != BL_OK)
		return status;

	struct device_request *slot = &facts->requests[facts->request_count];
	char *path = request->path ? strdup(request->path) : NULL;

	if (request->path && !path)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	*slot = *request;
	slot->path = path;
	slot->number = facts->next_request++;
	slot->is_refused = false;
	slot->refused_by = 0;
	slot->approval_count = 0;
	facts->request_count++;
	return BL_OK;
}

enum bl_status device_request_add(struct device_store *store, const char *id,
				  const struct device_request *request, uint32_t *out_number,
				  struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_request(request, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &facts, why);
	if (status == BL_OK)
		status = request_put(facts, request, why);
	if (status == BL_OK)
		status = end(store, entry, facts, why);
	if (status == BL_OK && out_number)
		*out_number = facts->next_request - 1;
	return status;
}

static struct device_request *find_request(struct device_facts *facts, const char *id,
					   uint32_t number, struct bl_error *why)
{
	for (size_t i = 0; i < facts->request_count; i++)
		if (facts->requests[i].number == number)
			return &facts->requests[i];
	bl_fail(why, BL_NOT_FOUND, "there is no request %s/%u", id, (unsigned)number);
	return NULL;
}

static enum bl_status approval_put(struct device_request *request,
				   const struct device_approval *approval, struct bl_error *why)
{
	if (request->by == approval->by)
		return bl_fail(why, BL_FORBIDDEN,
			       "who asked cannot approve (somebody else has to)");
	if (request->is_refused)
		return bl_fail(why, BL_FORBIDDEN, "the request was refused (ask again)");
	if (is_expired(request, approval->since_unix))
		return bl_fail(why, BL_FORBIDDEN, "the request is older than %d days (ask again)",
			       DEVICE_REQUEST_DAYS);
	for (size_t i = 0; i < request->approval_count; i++)
		if (request->approvals[i].by == approval->by)
			return bl_fail(why, BL_EXISTS, "you have approved this request already");
	if (request->approval_count == DEVICE_APPROVALS)
		return bl_fail(why, BL_INVALID, "the request has %d approvals already",
			       DEVICE_APPROVALS);
	request->approvals[request->approval_count++] = *approval;
	return BL_OK;
}

enum bl_status device_request_approve(struct device_store *store, const char *id, uint32_t number,
				      const struct device_approval *approval, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_date(approval->since_unix, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &facts, why);
	if (status != BL_OK)
		return status;

	struct device_request *request = find_request(facts, id, number, why);

	status = request ? approval_put(request, approval, why) : BL_NOT_FOUND;
	return status == BL_OK ? end(store, entry, facts, why) : status;
}

enum bl_status device_request_refuse(struct device_store *store, const char *id, uint32_t number,
				     uid_t by, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	STORE_LOCKED(store);
	enum bl_status status = begin(store, id, &entry, &facts, why);

	if (status != BL_OK)
		return status;

	struct device_request *request = find_request(facts, id, number, why);

	if (!request)
		return BL_NOT_FOUND;
	if (request->is_refused)
		return bl_fail(why, BL_EXISTS, "the request was refused already");
	request->is_refused = true;
	request->refused_by = by;
	return end(store, entry, facts, why);
}

/* ---- dates ------------------------------------------------------------------------------------------------- */

/*
 * What @by asked for others have agreed to by now. Their approvals bear the wall clock's time, which may be ahead of @at_unix, trusted time: from now on they
 * bear that, so that they stay apart from what is agreed to later (the certificate names who had agreed).
 */
static void stamp_approvals(struct device_facts *facts, uid_t by, int64_t at_unix)
{
	for (size_t i = 0; i < facts->request_count; i++) {
		struct device_request *request = &facts->requests[i];

		if (request->action != ACTION_SHRED || request->by != by)
			continue;
		for (size_t k = 0; k < request->approval_count; k++)
			request->approvals[k].since_unix =
				BL_MIN(request->approvals[k].since_unix, at_unix);
	}
}

enum bl_status device_early_shred_set(struct device_store *store, const char *id, uid_t by,
				      int64_t at_unix, struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_date(at_unix, why);

	if (status == BL_OK && at_unix == 0)
		status = bl_fail(why, BL_INVALID, "an early shred needs its date");
	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = begin(store, id, &entry, &facts, why);
	/* The first counts: permitted again it is not put off. */
	if (status != BL_OK || (facts->early_shred_unix != 0 && facts->early_shred_unix <= at_unix))
		return status;
	facts->early_shred_unix = at_unix;
	facts->early_shred_by = by;
	stamp_approvals(facts, by, at_unix);
	return end(store, entry, facts, why);
}

static bool is_lately(int64_t last_open_unix, int64_t at_unix)
{
	return last_open_unix != 0 && at_unix < last_open_unix + MINUTE_SECONDS;
}

/* Asked at every look: no decoding when nothing is to be written. */
static bool was_opened_lately(const struct device_entry *entry, int64_t at_unix)
{
	return entry->has_facts && entry->facts.bytes &&
	       is_lately((int64_t)bl_get64(entry->facts.bytes + FACTS_LAST_OPEN), at_unix);
}

enum bl_status device_opened(struct device_store *store, const char *id, int64_t at_unix,
			     struct bl_error *why)
{
	BL_CLEANUP(device_facts_free) struct device_facts *facts = NULL;
	struct device_entry *entry = NULL;
	enum bl_status status = check_date(at_unix, why);

	if (status != BL_OK)
		return status;
	STORE_LOCKED(store);
	status = store_find(store, id, &entry, why);
	if (status == BL_OK && was_opened_lately(entry, at_unix))
		return BL_OK;
	if (status == BL_OK)
		status = begin(store, id, &entry, &facts, why);
	if (status != BL_OK || is_lately(facts->last_open_unix, at_unix))
		return status;
	facts->last_open_unix = at_unix;
	return end(store, entry, facts, why);
}
