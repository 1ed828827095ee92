/* A device's image into the vault, sealed while it is read; and what may happen to its source afterwards. */
#include "fs/daemon/asked.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/daemon/message.h"
#include "fs/image/choose.h"
#include "fs/intake/intake.h"
#include "fs/vault/medium.h"

#define PROGRESS_NS INT64_C(250000000)

struct taking {
	struct asked *asked;
	struct device device;
	struct intake_source source;
	struct image_choice choice;
	const char *without[IMAGE_PATTERNS], *only[IMAGE_PATTERNS];
	bool destroys;	     /* the source, afterwards */
	uint64_t unreadable; /* bytes of it so far */
	int64_t told_ns;
};

static int64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* ---- what was asked for ---------------------------------------------------------------------------- */

static const struct form {
	const char *name;
	enum intake_form form;
} FORMS[] = {{"file", INTAKE_FILE}, {"plain", INTAKE_PLAIN}, {"stream", INTAKE_STREAM}};

static enum bl_status take_form(struct taking *taking, struct bl_error *why)
{
	const char *name = asked_text(taking->asked, "form");

	for (size_t i = 0; name && i < BL_COUNT(FORMS); i++)
		if (strcmp(FORMS[i].name, name) == 0) {
			taking->source.form = FORMS[i].form;
			return BL_OK;
		}
	return bl_fail(why, BL_INVALID, "'form' is file, plain or stream");
}

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
	if (taking->source.form != INTAKE_FILE &&
	    (taking->choice.without_count || taking->choice.only_count ||
	     taking->choice.no_free_space))
		return bl_fail(why, BL_UNSUPPORTED,
			       "files are left out of a raw image only (convert it first: qemu-img "
			       "convert -O raw, ewfexport)");
	return BL_OK;
}

/* The client opened everything with its own rights: root neither reads nor destroys for it what it could not itself. */
static enum bl_status check_readable(int fd, enum intake_form form, struct bl_error *why)
{
	struct stat st;
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) != 0)
		return bl_fail(why, BL_INVALID, "no open source came with the request");
	if ((flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return bl_fail(why, BL_FORBIDDEN,
			       "source is not open for reading (open it, do not just name it)");
	if (form == INTAKE_FILE && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return bl_fail(why, BL_INVALID,
			       "source is neither a file nor a block device (a pipe is given as "
			       "'-')");
	if (form == INTAKE_FILE && lseek(fd, 0, SEEK_END) <= 0)
		return bl_fail(why, BL_INVALID, "source is empty (is it the image?)");
	return S_ISDIR(st.st_mode) ? bl_fail(why, BL_INVALID, "source is a directory") : BL_OK;
}

/* Files to be destroyed: the source itself, or the pieces of a container, which come behind its stream. */
static const int *files_of(const struct taking *taking, size_t *out_count)
{
	const struct message_fds *fds = taking->asked->fds;
	size_t skip = taking->source.form == INTAKE_FILE ? 0 : 1;

	*out_count = fds->count - BL_MIN(fds->count, skip);
	return fds->items + skip;
}

static enum bl_status check_destroyable(const struct taking *taking, struct bl_error *why)
{
	size_t count;
	const int *fds = files_of(taking, &count);
	enum bl_status status = BL_OK;

	if (!taking->destroys)
		return taking->asked->fds->count <= 1
			       ? BL_OK
			       : bl_fail(why, BL_INVALID, "more files than an intake has use for");
	if (!count)
		return bl_fail(why, BL_INVALID,
			       "a stream cannot be destroyed (give the image as a file)");
	for (size_t i = 0; i < count && status == BL_OK; i++) {
		if ((fcntl(fds[i], F_GETFL) & (O_ACCMODE | O_PATH)) != O_RDWR)
			return bl_fail(why, BL_FORBIDDEN,
				       "source is not open for writing, so it may not be "
				       "destroyed");
		status = medium_check_file(fds[i], why);
	}
	return status;
}

static enum bl_status take_request(struct taking *taking, struct bl_error *why)
{
	struct asked *asked = taking->asked;
	enum bl_status status = take_form(taking, why);

	taking->source.fd = asked->passed_fd;
	taking->source.bytes = (uint64_t)asked_number(asked, "size", 0);
	taking->source.container = asked_text(asked, "container");
	if (!taking->source.container)
		taking->source.container = "raw";
	taking->destroys = asked_flag(asked, "destroy_source");
	if (status == BL_OK)
		status = take_choice(taking, why);
	if (status == BL_OK)
		status = check_readable(asked->passed_fd, taking->source.form, why);
	if (status == BL_OK)
		status = check_destroyable(taking, why);
	return status;
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
	if (known.source_kind != SOURCE_SEALED || known.is_complete ||
	    known.state == STATE_SHREDDED || known.state == STATE_RELEASED)
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

	if (status != BL_NOT_FOUND)
		return status;
	taking->device.source_kind = SOURCE_SEALED;
	return asked_enroll(taking->asked, &taking->device,
			    taking->destroys ? "sealed; its source is to be destroyed" : "sealed",
			    why);
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
	return !asked->is_client_gone;
}

static struct retention_context context_of(const struct taking *taking, const struct policy *policy)
{
	const struct daemon *daemon = taking->asked->daemon;

	return (struct retention_context){
		.store = daemon->store,
		.audit = daemon->audit,
		.policy = policy,
		.now_unix = daemon_now(NULL),
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
	size_t count;
	const int *fds = files_of(taking, &count);

	/* What could not be read now may be read by somebody else: such a source is not ours to do away with. */
	taking->destroys = taking->destroys && taking->unreadable == 0;
	if (!taking->destroys)
		return BL_OK;
	return retention_source_prepare(&retention, taking->device.id, fds, count, why);
}

static enum bl_status destroy_source(struct taking *taking, struct bl_error *why)
{
	BL_CLEANUP(policy_unref) struct policy *policy = gate_policy(taking->asked->daemon->gate);
	struct retention_context retention = context_of(taking, policy);

	pthread_mutex_lock(&taking->asked->daemon->shred_lock);
	enum bl_status status = retention_source_shred(&retention, taking->device.id, why);

	pthread_mutex_unlock(&taking->asked->daemon->shred_lock);
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

static enum bl_status run(struct taking *taking, struct bl_error *why)
{
	struct asked *asked = taking->asked;
	struct daemon *daemon = asked->daemon;
	const struct intake intake = {
		.store = daemon->store,
		.audit = daemon->audit,
		.reader_path = daemon->reader_path,
		.by = asked->peer->uid,
		.now_unix = daemon_now,
		.on_progress = on_progress,
		.context = taking,
	};
	struct intake_result result = {.resumed_at = 0};
	/* What is to be destroyed is read back first; so is what somebody wants to be sure of. */
	bool is_verified = taking->destroys || asked_flag(asked, "verify");
	enum bl_status status =
		intake_run(&intake, taking->device.id, &taking->source, &taking->choice,
			   is_verified, before_complete, &result, why);

	/* Due, or held: the keeper may have waited for it. */
	keeper_wake(daemon);
	if (status == BL_STALE && is_due(taking))
		return fail_due(taking, why);
	if (status == BL_STALE)
		return bl_fail(why, BL_STALE,
			       "the intake of '%s' was stopped (the same command goes on with it)",
			       taking->device.id);
	if (status != BL_OK)
		return status;
	gate_device_drop(daemon->gate, taking->device.id);
	gate_device_changed(daemon->gate, taking->device.id);
	if (taking->destroys)
		status = destroy_source(taking, why);
	answer_result(asked, taking, &result);
	return status;
}

enum bl_status request_intake(struct asked *asked, struct bl_error *why)
{
	BL_CLEANUP(bl_free) struct taking *taking = calloc(1, sizeof(*taking));

	if (!taking)
		return bl_fail(why, BL_NO_MEMORY, "out of memory");
	taking->asked = asked;

	enum bl_status status = asked_new_device(asked, &taking->device, why);

	if (status == BL_OK)
		status = asked_permit_intake(asked, &taking->device, why);
	if (status == BL_OK)
		status = take_request(taking, why);
	if (status == BL_OK)
		status = know_device(taking, why);
	return status == BL_OK ? run(taking, why) : status;
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
	if (status != BL_OK)
		return status;
	status = intake_done(asked->daemon->store, device->id, &done, why);
	if (status == BL_NOT_FOUND)
		status = BL_OK;
	answer_number(asked->answer, "done", (int64_t)done);
	return status;
}
