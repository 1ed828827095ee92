/* A device's image into the vault, sealed while it is read; and what may happen to its source afterwards. */
#include "fs/daemon/asked.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/daemon/handed.h"
#include "fs/image/choose.h"
#include "fs/intake/intake.h"

#define PROGRESS_NS INT64_C(250000000)

struct taking {
	struct asked *asked;
	struct device device;
	struct handed handed;
	struct image_choice choice;
	const char *without[IMAGE_PATTERNS], *only[IMAGE_PATTERNS];
	bool destroys;	     /* the source, afterwards */
	uint64_t unreadable; /* bytes of it so far */
	int64_t told_ns;
	uint64_t policy_serial; /* of the one that permitted it */
	enum bl_status refused; /* what the policy says by now; BL_OK: go on */
	struct bl_error refusal;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- what was asked for ---------------------------------------------------------------------------- */

static size_t take_patterns(const struct asked *asked, const char *key,
			    const char *out[IMAGE_PATTERNS])
{
	const json_t *list = json_object_get(asked->request, key);
	size_t count = BL_MIN(json_array_size(list), (size_t)IMAGE_PATTERNS);

	for (size_t i = 0; i < count; i++)
		out[i] = json_string_value(json_array_get(list, i));
	return count;
}

static enum bl_status take_choice(struct taking *taking, struct bl_error *why)
{
	struct asked *asked = taking->asked;

	taking->choice = (struct image_choice){
		.without = taking->without,
		.without_count = take_patterns(asked, "without", taking->without),
		.only = taking->only,
		.only_count = take_patterns(asked, "only", taking->only),
		.no_free_space = asked_flag(asked, "no_free_space"),
	};
	if (taking->choice.without_count && taking->choice.only_count)
		return bl_fail(why, BL_INVALID, "either --without or --only, not both");
	if (taking->handed.source.form != INTAKE_FILE &&
	    (taking->choice.without_count || taking->choice.only_count ||
	     taking->choice.no_free_space))
		return bl_fail(why, BL_UNSUPPORTED,
			       "files are left out of a raw image only (convert it first: qemu-img "
			       "convert -O raw, ewfexport)");
	/* An id is not used up by a slip of the pen. */
	return image_choice_check(&taking->choice, why);
}

static enum bl_status take_request(struct taking *taking, struct bl_error *why)
{
	enum bl_status status = handed_take(taking->asked, &taking->handed, why);

	taking->destroys = taking->handed.file_count > 0;
	return status == BL_OK ? take_choice(taking, why) : status;
}

/* ---- the device ---------------------------------------------------------------------------------------- */

/* Due while it is taken in: nobody will ever see it, and the keeper waits for the claim. */
static bool is_due(const struct taking *taking)
{
	struct device device;

	return device_find(taking->asked->daemon->store, taking->device.id, &device, NULL) ==
		       BL_OK &&
	       device.state == STATE_DUE;
}

static enum bl_status fail_due(const struct taking *taking, struct bl_error *why)
{
	return bl_fail(why, BL_FORBIDDEN,
		       "device '%s' is due: what was taken in of it is destroyed",
		       taking->device.id);
}

/* One whose intake has not come to its end is gone on with; everything else is another device. */
static enum bl_status check_unfinished(const struct taking *taking, struct bl_error *why)
{
	struct device known;
	enum bl_status status =
		device_find(taking->asked->daemon->store, taking->device.id, &known, why);

	if (status != BL_OK)
		return status;
	if (known.source_kind != SOURCE_SEALED || known.is_complete || device_is_gone(&known))
		return bl_fail(why, BL_EXISTS,
			       "device '%s' is known already (ids are never used again)", known.id);
	if (known.kind != taking->device.kind)
		return bl_fail(why, BL_INVALID, "the intake of '%s' was begun as that of a %s",
			       known.id, bl_device_kind_name(known.kind));
	if (known.state == STATE_DUE)
		return fail_due(taking, why);
	return BL_OK;
}

static enum bl_status know_device(struct taking *taking, struct bl_error *why)
{
	enum bl_status status = check_unfinished(taking, why);

	if (status == BL_OK)
		return asked_log(taking->asked, AUDIT_ADMIN, taking->device.id, "intake goes on",
				 BL_OK, why);
	if (status != BL_NOT_FOUND)
		return status;
	status = intake_check_store(taking->asked->daemon->store, why);
	if (status != BL_OK)
		return status;
	taking->device.source_kind = SOURCE_SEALED;
	return asked_enroll(taking->asked, &taking->device,
			    taking->destroys ? "sealed; its source is to be destroyed" : "sealed",
			    why);
}

static uint64_t serial_in_force(const struct taking *taking)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(taking->asked->daemon->gate);

	return policy_serial(policy);
}

static enum bl_status permit(struct taking *taking, struct bl_error *why)
{
	/* Before it is asked: one that comes meanwhile is asked again. */
	taking->policy_serial = serial_in_force(taking);
	return asked_permit_intake(taking->asked, &taking->device, why);
}

/* ---- while it runs --------------------------------------------------------------------------------------- */

static bool on_progress(void *context, const struct intake_progress *progress)
{
	struct taking *taking = context;
	struct asked *asked = taking->asked;
	int64_t now = monotonic_ns();

	taking->unreadable = progress->unreadable;
	if (atomic_load(&asked->daemon->is_stopping) || is_due(taking))
		return false;
	if (now - taking->told_ns < PROGRESS_NS && progress->done != progress->total)
		return true;
	taking->told_ns = now;
	asked_send(asked, "progress",
		   json_pack("{s:s,s:I,s:I,s:I}", "stage", intake_stage_name(progress->stage),
			     "done", (json_int_t)progress->done, "total",
			     (json_int_t)progress->total, "unreadable",
			     (json_int_t)progress->unreadable));
	/* Nobody waits for it any more: it stops where it can be gone on from. */
	if (asked->is_client_gone)
		return false;
	/* Who has lost the right by another policy does not go on for hours. */
	if (taking->policy_serial != serial_in_force(taking))
		taking->refused = permit(taking, &taking->refusal);
	return taking->refused == BL_OK;
}

static struct retention_context context_of(const struct taking *taking, const struct policy *policy)
{
	const struct daemon *daemon = taking->asked->daemon;

	return (struct retention_context){
		.store = daemon->store,
		.audit = daemon->audit,
		.policy = policy,
		.now = daemon_times(daemon),
		.by = taking->asked->peer->uid,
		.reader_path = daemon->reader_path,
		.hot = daemon->hot,
		.on_step = asked_step,
		.step_context = taking->asked,
	};
}

static enum bl_status before_complete(void *context, struct bl_error *why)
{
	struct taking *taking = context;
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(taking->asked->daemon->gate);
	struct retention_context retention = context_of(taking, policy);
	const struct handed *handed = &taking->handed;

	/* What could not be read now may be read by somebody else: such a source is not ours to do away with. */
	taking->destroys = taking->destroys && taking->unreadable == 0;
	if (!taking->destroys)
		return BL_OK;
	/* Hours may have gone by. */
	enum bl_status status = handed_check_files(taking->asked, handed, why);

	return status == BL_OK ? retention_source_prepare(&retention, taking->device.id,
							  handed->files, handed->file_count, why)
			       : status;
}

static enum bl_status destroy_source(struct taking *taking, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(taking->asked->daemon->gate);
	struct retention_context retention = context_of(taking, policy);
	struct daemon *daemon = taking->asked->daemon;

	pthread_mutex_lock(&daemon->shred_lock);
	/* Others may have had the lock for long; a stop begins nothing. It was promised: the next start keeps it. */
	enum bl_status status =
		atomic_load(&daemon->is_stopping)
			? bl_fail(why, BL_STALE, "the service stops (its next start does it)")
			: retention_source_shred(&retention, taking->device.id, why);

	pthread_mutex_unlock(&daemon->shred_lock);
	if (status != BL_OK)
		bl_explain(why, "'%s' is sealed, but its source is not destroyed",
			   taking->device.id);
	return status;
}

static void answer_result(struct asked *asked, const struct taking *taking,
			  const struct intake_result *result)
{
	char digest[65], receipt[65];

	sodium_bin2hex(digest, sizeof(digest), result->facts.digest, 32);
	sodium_bin2hex(receipt, sizeof(receipt), result->receipt_digest, 32);
	answer_text(asked->answer, "device", taking->device.id);
	answer_text(asked->answer, "kind", bl_device_kind_name(taking->device.kind));
	answer_number(asked->answer, "bytes", (int64_t)result->facts.image_bytes);
	answer_number(asked->answer, "stored", (int64_t)result->facts.stored_bytes);
	answer_text(asked->answer, "algorithm", sealed_algorithm_name(result->facts.algorithm));
	answer_text(asked->answer, "digest", digest);
	answer_text(asked->answer, "receipt", receipt);
	answer_number(asked->answer, "unreadable", (int64_t)result->unreadable);
	answer_number(asked->answer, "left_out", (int64_t)result->left_out);
	answer_number(asked->answer, "files_left_out", (int64_t)result->choice.files_left_out);
	answer_number(asked->answer, "resumed_at", (int64_t)result->resumed_at);
	json_object_set_new(asked->answer, "source_destroyed", json_boolean(taking->destroys));
}

/* Why it did not come to its end, and that it can be gone on with. */
static enum bl_status explain(const struct taking *taking, enum bl_status status,
			      struct bl_error *why)
{
	struct bl_error here = *why;

	if (status == BL_STALE && is_due(taking))
		return fail_due(taking, why);
	if (status == BL_STALE && taking->refused != BL_OK)
		return bl_fail(why, taking->refused, "%s", taking->refusal.text);
	if (status == BL_STALE)
		return bl_fail(why, BL_STALE,
			       "the intake of '%s' was stopped (the same command goes on with it)",
			       taking->device.id);
	if (status == BL_IO || status == BL_NO_MEMORY)
		return bl_fail(why, status,
			       "%s (once that is mended, the same command goes on with it)",
			       here.text);
	return status;
}

static int64_t now_of(void *context)
{
	return daemon_now(((const struct taking *)context)->asked->daemon);
}

static enum bl_status run(struct taking *taking, struct bl_error *why)
{
	struct asked *asked = taking->asked;
	struct daemon *daemon = asked->daemon;
	const struct intake intake = {
		.store = daemon->store,
		.audit = daemon->audit,
		.reader_path = daemon->reader_path,
		.by = asked->peer->uid,
		.now_unix = now_of,
		.on_progress = on_progress,
		.context = taking,
	};
	struct intake_result result = {.resumed_at = 0};
	/* What is to be destroyed is read back first; so is what somebody wants to be sure of. */
	bool is_verified = taking->destroys || asked_flag(asked, "verify");
	enum bl_status status =
		intake_run(&intake, taking->device.id, &taking->handed.source, &taking->choice,
			   is_verified, before_complete, &result, why);

	if (status != BL_OK)
		return explain(taking, status, why);
	gate_device_renew(daemon->gate, taking->device.id);
	if (taking->destroys)
		status = destroy_source(taking, why);
	taking->destroys = taking->destroys && status == BL_OK;
	answer_result(asked, taking, &result);
	return status;
}

/* One that is too many is an event too. */
static enum bl_status begin(struct taking *taking, struct bl_error *why)
{
	struct asked *asked = taking->asked;
	enum bl_status status = control_take_seat(asked->daemon, asked->fd, SEAT_INTAKE, why);
	struct bl_error log_why;

	if (status == BL_OK)
		return BL_OK;
	memcpy(asked->rule, RULE_MANY_INTAKES, sizeof(RULE_MANY_INTAKES));
	if (asked_log(asked, AUDIT_ADMIN, taking->device.id, "intake", status, &log_why) != BL_OK)
		return bl_fail(why, BL_LOG_BROKEN, "%s", log_why.text);
	return status;
}

static void taking_free(struct taking *taking)
{
	handed_done(&taking->handed);
	free(taking);
}
BL_DEFINE_CLEANUP(struct taking, taking_free)

enum bl_status request_intake(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(taking_free) struct taking *taking = calloc(1, sizeof(*taking));

	if (!taking)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	taking->asked = asked;
	taking->handed.pipe = -1;

	enum bl_status status = asked_new_device(asked, &taking->device, why);

	if (status == BL_OK)
		status = permit(taking, why);
	if (status == BL_OK)
		status = begin(taking, why);
	if (status != BL_OK)
		return status;
	status = take_request(taking, why);
	if (status == BL_OK)
		status = know_device(taking, why);
	if (status == BL_OK)
		status = run(taking, why);
	control_leave_seat(asked->daemon, asked->fd);
	/* Due, or held: the keeper may have waited for it. Not before the source's end was told to whoever asked for it. */
	keeper_wake(asked->daemon);
	return status;
}

/* How far an unfinished one is: a stream from a container begins there. */
enum bl_status request_intake_state(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct device *device = calloc(1, sizeof(*device));
	uint64_t done = 0;

	if (!device)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	enum bl_status status = asked_new_device(asked, device, why);

	if (status == BL_OK)
		status = asked_permit_intake(asked, device, why);
	if (status == BL_OK)
		status = asked_log(asked, AUDIT_ADMIN, device->id, "intake-state", BL_OK, why);
	if (status != BL_OK)
		return status;
	status = intake_done(asked->daemon->store, device->id, &done, why);
	if (status == BL_NOT_FOUND)
		status = BL_OK;
	answer_number(asked->answer, "done", (int64_t)done);
	return status;
}
