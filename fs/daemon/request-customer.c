/* What the customer asks for: to have their data destroyed, told, or their device back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon/life.h"

static enum bl_status log_request(const struct asked *asked, const char *device, uint32_t number,
				  const char *what, enum customer_request_kind kind,
				  struct bl_error *why)
{
	return life_log(asked, AUDIT_CUSTOMER_REQUEST, device, number, what,
			customer_request_kind_name(kind), why);
}

static enum bl_status find(const struct asked *asked, const char *device, uint32_t number,
			   struct device_customer_request *out_request, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status = device_matters_read(asked->daemon->store, device, &matters, why);

	if (status != BL_OK)
		return status;
	const struct device_customer_request *found = device_customer_request_find(matters, number);

	if (!found)
		return bl_fail(why, BL_NOT_FOUND,
			       "device '%s' has no request %u of its customer (bailee "
			       "customer-request list)",
			       device, (unsigned)number);
	*out_request = *found;
	return BL_OK;
}

static enum bl_status answer_request(struct asked *asked, const char *id, uint32_t number,
				     struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);
	struct device_customer_request request = {.number = 0};
	enum bl_status status = find(asked, id, number, &request, why);

	if (status != BL_OK)
		return status;
	answer_text(asked->answer, "device", id);
	answer_number(asked->answer, "number", number);
	answer_text(asked->answer, "kind", customer_request_kind_name(request.kind));
	answer_moment(asked->answer, "deadline", policy, request.deadline_unix);
	return request.kind == CUSTOMER_ERASE ? answer_date(asked, id, why) : BL_OK;
}

/* ---- recording -------------------------------------------------------------------------------------------- */

static int64_t seconds_of(const struct asked *asked, enum customer_request_kind kind)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(asked->daemon->gate);

	return kind == CUSTOMER_ERASE ? policy_request_seconds(policy)
				      : customer_request_seconds(kind);
}

static enum bl_status record(struct asked *asked, const struct device *device,
			     enum customer_request_kind kind, uint32_t *out_number,
			     struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	const char *ticket = asked_text(asked, "ticket");
	struct device_customer_request request = {
		.kind = kind,
		.since_unix = daemon_trusted(daemon),
		.by = asked->peer->uid,
	};

	if (!ticket || !*ticket || strlen(ticket) >= sizeof(request.ticket))
		return bl_fail(why, BL_INVALID,
			       "under which ticket was the customer verified? (--ticket T)");
	memcpy(request.ticket, ticket, strlen(ticket) + 1);
	request.deadline_unix = request.since_unix + seconds_of(asked, kind);
	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status = life_next(asked, device->id, NOTE_REQUEST, out_number, why);

	if (status == BL_OK)
		status = log_request(asked, device->id, *out_number, "recorded", kind, why);
	if (status == BL_OK)
		status = device_customer_request_add(daemon->store, device->id, &request,
						     out_number, why);
	asked_undone(asked, AUDIT_CUSTOMER_REQUEST, device->id, status);
	/* It starts the device's date, which may be now. */
	if (status == BL_OK && kind == CUSTOMER_ERASE)
		(void)!keeper_settle(daemon, device->id, NULL);
	pthread_mutex_unlock(&daemon->life_lock);
	keeper_wake(daemon);
	return status;
}

enum bl_status request_customer_request(struct asked *asked, struct bl_error *why)
{
	struct device device;
	const char *name = asked_text(asked, "customer_request");
	enum customer_request_kind kind;
	uint32_t number = 0;

	if (!name || !customer_request_kind_parse(name, &kind))
		return bl_fail(why, BL_INVALID,
			       "a customer asks to erase, disclose or return a device");

	enum bl_status status = asked_permitted_device(asked, ACTION_INTAKE, &device, why);

	if (status == BL_OK)
		status = record(asked, &device, kind, &number, why);
	return status == BL_OK ? answer_request(asked, device.id, number, why) : status;
}

/* ---- ending ----------------------------------------------------------------------------------------------- */

struct ending {
	struct device device;
	struct device_customer_request request;
	bool is_done; /* else refused */
	bool has_proof;
	uint8_t proof[DEVICE_DIGEST];
};

static enum bl_status take_ending(struct asked *asked, struct ending *ending, struct bl_error *why)
{
	const char *state = asked_text(asked, "state"), *reason = asked_text(asked, "reason");

	ending->is_done = state && strcmp(state, "done") == 0;
	if (!ending->is_done && (!state || strcmp(state, "refused") != 0))
		return bl_fail(why, BL_INVALID, "a request ends done or refused");
	if (!ending->is_done && (!reason || !*reason))
		return bl_fail(why, BL_INVALID,
			       "whoever is refused is owed a reason (--reason TEXT)");
	ending->has_proof = ending->is_done;
	return ending->is_done ? life_digest(asked, "proof", ending->proof, why) : BL_OK;
}

static enum bl_status check_ending(const struct asked *asked, const struct ending *ending,
				   struct bl_error *why)
{
	const struct device_customer_request *request = &ending->request;
	const char *id = ending->device.id;
	bool is_begun = retention_begun(asked->daemon->store, id) == RETENTION_IMAGE;

	if (request->state != CUSTOMER_OPEN)
		return bl_fail(why, BL_EXISTS, "request %s/%u is %s already", id,
			       (unsigned)request->number,
			       customer_request_state_name(request->state));
	if (ending->is_done && request->kind == CUSTOMER_ERASE)
		return bl_fail(why, BL_INVALID,
			       "it is done when '%s' is destroyed, by itself (bailee retention "
			       "plan)",
			       id);
	if (!ending->is_done && request->kind == CUSTOMER_ERASE && is_begun)
		return bl_fail(why, BL_INVALID,
			       "the destruction of '%s' has begun: it is not refused any more", id);
	return BL_OK;
}

/* What went back to its owner is worked on no more. */
static void close_returned(struct asked *asked, const struct ending *ending)
{
	struct device_store *store = asked->daemon->store;
	const char *id = ending->device.id;

	if (!ending->is_done || ending->request.kind != CUSTOMER_RETURN ||
	    device_may_become(store, id, STATE_CLOSED, NULL) != BL_OK)
		return;
	enum bl_status status =
		asked_log(asked, AUDIT_CUSTODY, id, "closed: given back to its owner", BL_OK, NULL);

	if (status == BL_OK)
		status = device_set_state(store, id, STATE_CLOSED, daemon_trusted(asked->daemon),
					  NULL);
	asked_undone(asked, AUDIT_CUSTODY, id, status);
}

static enum bl_status end(struct asked *asked, const struct ending *ending, struct bl_error *why)
{
	struct daemon *daemon = asked->daemon;
	const char *id = ending->device.id;
	const struct device_customer_request *request = &ending->request;

	pthread_mutex_lock(&daemon->life_lock);
	enum bl_status status =
		log_request(asked, id, request->number, ending->is_done ? "done" : "refused",
			    request->kind, why);

	if (status == BL_OK)
		status = device_customer_request_end(
			daemon->store, id, request->number,
			ending->is_done ? CUSTOMER_DONE : CUSTOMER_REFUSED, asked->peer->uid,
			daemon_trusted(daemon), ending->has_proof ? ending->proof : NULL, why);
	asked_undone(asked, AUDIT_CUSTOMER_REQUEST, id, status);
	if (status == BL_OK)
		close_returned(asked, ending);
	if (status == BL_OK)
		(void)!keeper_settle(daemon, id, NULL);
	pthread_mutex_unlock(&daemon->life_lock);
	gate_device_changed(daemon->gate, id);
	keeper_wake(daemon);
	return status;
}

enum bl_status request_customer_request_end(struct asked *asked, struct bl_error *why)
{
	struct ending ending = {.is_done = false};
	enum bl_status status = take_ending(asked, &ending, why);

	if (status == BL_OK)
		status = asked_permitted_device(asked,
						ending.is_done ? ACTION_INTAKE : ACTION_APPROVE,
						&ending.device, why);
	if (status == BL_OK)
		status = find(asked, ending.device.id, (uint32_t)asked_number(asked, "number", 0),
			      &ending.request, why);
	if (status == BL_OK)
		status = check_ending(asked, &ending, why);
	if (status == BL_OK)
		status = end(asked, &ending, why);
	return status == BL_OK ? answer_request(asked, ending.device.id, ending.request.number, why)
			       : status;
}

/* ---- looking ------------------------------------------------------------------------------------------------ */

static enum bl_status send_requests(struct asked *asked, const struct policy *policy,
				    const struct device *device, struct bl_error *why)
{
	BL_CLEANUP(device_matters_free) struct device_matters *matters = NULL;
	enum bl_status status =
		device_matters_read(asked->daemon->store, device->id, &matters, why);

	for (size_t i = 0; status == BL_OK && i < matters->request_count; i++)
		asked_send(asked, "request",
			   life_request(policy, device->id, &matters->requests[i],
					daemon_trusted(asked->daemon)));
	return status;
}

enum bl_status request_customer_requests(struct asked *asked, struct bl_error *why)
{
	return life_tell(asked, "customer-requests", send_requests, why);
}
