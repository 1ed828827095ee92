#include "fs/gate/private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- people ------------------------------------------------------------------------------------------ */

struct rules_caller gate_caller_of(const struct gate *gate, const struct person *account, uid_t uid)
{
	if (uid == gate->nobody || !account)
		return (struct rules_caller){.uid = (uid_t)-1};
	return person_caller(account, uid);
}

static struct gate_giver *find_giver(struct gate *gate, uid_t uid)
{
	struct gate_giver *giver = gate->givers;

	while (giver && giver->uid != uid)
		giver = giver->next;
	return giver;
}

static void giver_prepare(struct gate *gate, const struct policy *policy, int64_t now_unix,
			  struct gate_giver *giver)
{
	BL_CLEANUP(rules_subject_free) struct rules_subject *subject = NULL;
	struct rules_circumstances circumstances = {
		.caller = gate_caller_of(gate, giver->account, giver->uid),
		.now_unix = now_unix,
		.is_clock_trusted = true,
	};

	giver->coming_roles = 0;
	giver->coming_until = INT64_MAX;
	if (!policy)
		return;
	if (rules_subject_new(policy, &circumstances, &subject, NULL) != BL_OK) {
		giver->coming_until = now_unix; /* of no role until it works out */
		return;
	}
	giver->coming_roles = rules_subject_role_bits(subject);
	giver->coming_until = rules_subject_valid_until(subject);
}

/* An account that NSS cannot tell is of no role until it is asked again (gate_refresh_people). */
static struct gate_giver *giver_new(struct gate *gate, uid_t uid)
{
	struct gate_giver *giver = calloc(1, sizeof(*giver));

	if (!giver)
		return NULL;
	giver->uid = uid;
	if (person_lookup(uid, (gid_t)-1, &giver->account, NULL) != BL_OK)
		giver->account = NULL;
	/* Judged before it is known: no view saw it of other roles. change_lock is held, so the policy stays. */
	giver_prepare(gate, gate->policy, gate->config.now_unix(gate->config.clock_context), giver);
	giver->roles = giver->coming_roles;
	giver->valid_until = giver->coming_until;
	pthread_mutex_lock(&gate->people_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	giver->next = gate->givers;
	gate->givers = giver;
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&gate->people_lock);
	return giver;
}

static struct gate_giver *giver_of(struct gate *gate, uid_t uid)
{
	struct gate_giver *giver = find_giver(gate, uid);

	return giver ? giver : giver_new(gate, uid);
}

void givers_prepare(struct gate *gate, const struct policy *policy, int64_t now_unix, bool all)
{
	for (struct gate_giver *giver = gate->givers; giver; giver = giver->next) {
		if (all || giver->valid_until <= now_unix) {
			giver_prepare(gate, policy, now_unix, giver);
		} else {
			giver->coming_roles = giver->roles;
			giver->coming_until = giver->valid_until;
		}
	}
}

bool givers_take(struct gate *gate)
{
	bool have_changed = false;

	for (struct gate_giver *giver = gate->givers; giver; giver = giver->next) {
		have_changed |= giver->roles != giver->coming_roles;
		giver->roles = giver->coming_roles;
		giver->valid_until = giver->coming_until;
	}
	return have_changed;
}

void givers_done(struct gate *gate)
{
	while (gate->givers) {
		struct gate_giver *giver = gate->givers;

		gate->givers = giver->next;
		person_free(giver->account);
		free(giver);
	}
}

/* ---- facts of a device --------------------------------------------------------------------------------- */

void facts_free(struct gate_facts *facts)
{
	if (!facts)
		return;
	for (size_t i = 0; i < facts->grant_count; i++)
		free(facts->grants[i].names);
	free(facts->grants);
	device_facts_free(facts->record);
	free(facts);
}

/* "/a/b" into its names. False: no memory, or deeper than anything that is listed. */
static bool split(struct gate_grant *grant, const char *path)
{
	if (!path)
		return true;
	grant->names = strdup(path);
	char *rest = grant->names, *name;

	while (rest && (name = strsep(&rest, "/"))) {
		if (!*name)
			continue;
		if (grant->depth == BL_COUNT(grant->parts))
			return false;
		grant->parts[grant->depth++] = name;
	}
	return grant->names != NULL;
}

static enum bl_status add_grant(struct gate *gate, struct gate_facts *facts,
				const struct device_request *request)
{
	struct gate_grant *grant = &facts->grants[facts->grant_count];

	if (request->is_refused || request->approval_count == 0)
		return BL_OK;
	grant->request = request;
	facts->grant_count++; /* from here on facts_free takes care of it */
	if (!split(grant, request->path))
		return grant->names ? BL_TAMPERED : BL_NO_MEMORY;
	for (size_t i = 0; i < request->approval_count; i++) {
		grant->givers[i] = giver_of(gate, request->approvals[i].by);
		if (!grant->givers[i])
			return BL_NO_MEMORY;
	}
	return BL_OK;
}

static enum bl_status add_grants(struct gate *gate, struct gate_facts *facts)
{
	enum bl_status status = BL_OK;

	if (facts->record->request_count == 0)
		return BL_OK;
	facts->grants = calloc(facts->record->request_count, sizeof(*facts->grants));
	if (!facts->grants)
		return BL_NO_MEMORY;
	for (size_t i = 0; i < facts->record->request_count && status == BL_OK; i++)
		status = add_grant(gate, facts, &facts->record->requests[i]);
	return status;
}

static void tell_unreadable(struct gate *gate, const char *id, enum bl_status status)
{
	char detail[AUDIT_DETAIL_SIZE];

	snprintf(detail, sizeof(detail), "facts of the device cannot be read, so it is closed: %s",
		 bl_status_name(status));
	gate_tell_trouble(gate, id, RULE_GATE, status, detail);
}

static bool is_empty(const struct device_facts *record)
{
	return record->consent_count + record->check_count + record->request_count == 0;
}

struct gate_facts *facts_read(struct gate *gate, const char *id, enum bl_device_state state)
{
	struct gate_facts *facts = calloc(1, sizeof(*facts));

	/* What was shredded has lost its facts with its keys, and is closed for good. */
	if (!facts || state == STATE_SHREDDED)
		return facts;
	/* Of what is back in stock there is nothing to look at, also where its image is still about: it has no date any more. */
	if (state == STATE_RELEASED) {
		facts->status = BL_FORBIDDEN;
		return facts;
	}
	facts->status = device_facts_read(gate->config.store, id, &facts->record, NULL);
	/* Most devices have none, and they take 40 KB. */
	if (facts->status == BL_OK && is_empty(facts->record))
		device_facts_free(BL_TAKE(facts->record));
	if (facts->status == BL_OK && facts->record)
		facts->status = add_grants(gate, facts);
	if (facts->status != BL_OK)
		tell_unreadable(gate, id, facts->status);
	return facts;
}

/* ---- what a change bears on ----------------------------------------------------------------------------- */

/* The next check by @uid from @at on; NULL: none. */
static const struct device_check *next_check(const struct device_facts *record, uid_t uid,
					     size_t *at)
{
	while (record && *at < record->check_count) {
		const struct device_check *check = &record->checks[(*at)++];

		if (check->by == uid)
			return check;
	}
	return NULL;
}

static bool have_same_checks(const struct device_facts *a, const struct device_facts *b, uid_t uid)
{
	const struct device_check *left, *right;
	size_t at_a = 0, at_b = 0;

	do {
		left = next_check(a, uid, &at_a);
		right = next_check(b, uid, &at_b);
		if (!left != !right || (left && (left->check != right->check ||
						 left->since_unix != right->since_unix)))
			return false;
	} while (left);
	return true;
}

/* The next request of @uid's that somebody has approved. */
static const struct device_request *next_grant(const struct gate_facts *facts, uid_t uid,
					       size_t *at)
{
	while (*at < facts->grant_count) {
		const struct device_request *request = facts->grants[(*at)++].request;

		if (request->by == uid)
			return request;
	}
	return NULL;
}

/* Of a request that is there only its approvals become more. */
static bool have_same_grants(const struct gate_facts *a, const struct gate_facts *b, uid_t uid)
{
	const struct device_request *left, *right;
	size_t at_a = 0, at_b = 0;

	do {
		left = next_grant(a, uid, &at_a);
		right = next_grant(b, uid, &at_b);
		if (!left != !right || (left && (left->number != right->number ||
						 left->approval_count != right->approval_count)))
			return false;
	} while (left);
	return true;
}

static enum bl_consent consent_of(const struct gate_facts *facts, const char *purpose)
{
	return facts->record ? device_consent_of(facts->record, purpose) : CONSENT_UNKNOWN;
}

bool facts_bear_on(const struct gate_view *view, const struct gate_facts *old,
		   const struct gate_facts *new)
{
	return !old || old->status != BL_OK || new->status != BL_OK ||
	       consent_of(old, view->purpose) != consent_of(new, view->purpose) ||
	       !have_same_checks(old->record, new->record, view->uid) ||
	       !have_same_grants(old, new, view->uid);
}

/* ---- approvals ------------------------------------------------------------------------------------------- */

size_t grant_approvals(const struct gate_view *view, const struct gate_grant *grant,
		       struct rules_approval out[DEVICE_APPROVALS])
{
	const struct device_request *request = grant->request;
	const struct policy *policy = view->gate->policy;
	unsigned class = 0;

	if (request->by != view->uid || !policy)
		return 0;
	/* A class that the policy does not know any more is none that it could show. */
	if (request->class[0] && !policy_class_parse(policy, request->class, &class))
		return 0;
	for (size_t i = 0; i < request->approval_count; i++)
		out[i] = (struct rules_approval){
			.request = request->number,
			.giver = request->approvals[i].by,
			.roles = grant->givers[i]->roles,
			.given_unix = request->approvals[i].since_unix,
			.action = (int)request->action,
			.class = request->class[0] ? (int)class : RULES_ANY,
		};
	return request->approval_count;
}

int64_t facts_until(const struct gate_view *view, int64_t now_unix)
{
	struct gate *gate = view->gate;
	struct rules_approval approvals[DEVICE_REQUESTS * DEVICE_APPROVALS];
	int64_t until = INT64_MAX;

	for (const struct gate_device *device = gate->devices; device; device = device->next) {
		const struct gate_facts *facts = device->facts;
		int64_t check_until = INT64_MAX;

		if (!facts || !facts->record)
			continue;
		if (facts->record->check_count)
			(void)device_check_of(facts->record, view->uid, now_unix, &check_until);
		until = BL_MIN(until, check_until);
		size_t count = 0;

		for (size_t i = 0; i < facts->grant_count; i++)
			count += grant_approvals(view, &facts->grants[i], approvals + count);
		if (count)
			until = BL_MIN(until, rules_approvals_until(gate->policy, approvals, count,
								    now_unix));
	}
	return until;
}

/* ---- NSS again ------------------------------------------------------------------------------------------ */

/* NSS is asked before any lock is taken: a directory service that hangs holds nobody else up. */
static void refresh_giver(struct gate *gate, uid_t uid)
{
	struct person *account = NULL;

	if (person_lookup(uid, (gid_t)-1, &account, NULL) != BL_OK)
		return;
	pthread_mutex_lock(&gate->change_lock);
	pthread_mutex_lock(&gate->people_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	struct gate_giver *giver = find_giver(gate, uid);

	if (giver) {
		struct person *old = giver->account;

		if (!person_is_same(old, account))
			giver->valid_until = INT64_MIN;
		giver->account = account;
		account = old;
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&gate->people_lock);
	pthread_mutex_unlock(&gate->change_lock);
	person_free(account);
}

static uid_t *all_givers(struct gate *gate, size_t *out_count)
{
	size_t count = 0;

	pthread_mutex_lock(&gate->change_lock);
	for (struct gate_giver *giver = gate->givers; giver; giver = giver->next)
		count++;
	uid_t *uids = calloc(count + 1, sizeof(*uids));

	*out_count = uids ? count : 0;
	count = 0;
	for (struct gate_giver *giver = gate->givers; uids && giver; giver = giver->next)
		uids[count++] = giver->uid;
	pthread_mutex_unlock(&gate->change_lock);
	return uids;
}

static struct gate_view *find_view(struct gate *gate, uint64_t number)
{
	struct gate_view *view = gate->views;

	while (view && view->number != number)
		view = view->next;
	return view;
}

struct whom {
	uint64_t view;
	uid_t uid;
	gid_t gid;
};

/* The view may be closed by now: then nobody asks any more. */
static void refresh_view(struct gate *gate, const struct whom *whom)
{
	struct person *account = NULL, *old = NULL;

	/* Who cannot be asked for stays who they were: roles that are lost take along what they forbid. */
	if (person_lookup(whom->uid, whom->gid, &account, NULL) != BL_OK)
		return;
	pthread_mutex_lock(&gate->people_lock);
	pthread_rwlock_wrlock(&gate->policy_lock);
	struct gate_view *view = find_view(gate, whom->view);

	if (view && !person_is_same(view->account, account)) {
		old = view->account;
		view->account = BL_TAKE(account);
		atomic_store(&view->valid_until, INT64_MIN);
	}
	pthread_rwlock_unlock(&gate->policy_lock);
	pthread_mutex_unlock(&gate->people_lock);
	person_free(account);
	person_free(old);
}

static struct whom *all_views(struct gate *gate, size_t *out_count)
{
	size_t count = 0;

	pthread_mutex_lock(&gate->people_lock);
	for (struct gate_view *view = gate->views; view; view = view->next)
		count++;
	struct whom *whoms = calloc(count + 1, sizeof(*whoms));

	*out_count = whoms ? count : 0;
	count = 0;
	for (struct gate_view *view = gate->views; whoms && view; view = view->next)
		whoms[count++] = (struct whom){view->number, view->uid, view->gid};
	pthread_mutex_unlock(&gate->people_lock);
	return whoms;
}

void gate_refresh_people(struct gate *gate)
{
	size_t view_count, giver_count;
	BL_CLEANUP(bl_free) struct whom *whoms = all_views(gate, &view_count);
	BL_CLEANUP(bl_free) uid_t *givers = all_givers(gate, &giver_count);

	for (size_t i = 0; i < view_count; i++)
		refresh_view(gate, &whoms[i]);
	for (size_t i = 0; i < giver_count; i++)
		refresh_giver(gate, givers[i]);
	pthread_mutex_lock(&gate->change_lock);
	(void)gate_tick(gate, gate->config.now_unix(gate->config.clock_context));
	pthread_mutex_unlock(&gate->change_lock);
}
