/* Destructions that somebody asks for: what may be done, and what is written down before it is. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/image/container.h"
#include "fs/retention/private.h"

/* ---- a whole device ----------------------------------------------------------------------------------- */

/* Closed, but not yet to be destroyed: which of the reasons is it? */
static enum bl_status say_not_ripe(const struct retention_context *context,
				   const struct device *device, const struct retention_plan *plan,
				   struct bl_error *why)
{
	bool is_grace = plan->due_unix <= context->now.trusted_unix;
	char at[20];

	rules_local_time(context->policy, is_grace ? device->grace_unix : plan->due_unix, at);
	if (is_grace)
		return bl_fail(why, BL_FORBIDDEN,
			       "device '%s' is not destroyed before %s: another policy made it due "
			       "(to keep it, put back the policy that did not)",
			       device->id, at);
	if (plan->is_due)
		return bl_fail(
			why, BL_FORBIDDEN,
			"device '%s' is closed but not destroyed: it is due at %s, by a clock "
			"that was set forward and is not corroborated (synchronise the host's "
			"clock, or wait: bailee status)",
			device->id, at);
	return bl_fail(why, BL_FORBIDDEN, "device '%s' is not due before %s", device->id, at);
}

static enum bl_status check_allowed(const struct retention_context *context,
				    const struct device *device, const struct retention_plan *plan,
				    struct bl_error *why)
{
	if (device_is_gone(device))
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is %s already", device->id,
			       bl_device_state_name(device->state));
	if (plan->is_held || device->state == STATE_HELD)
		return bl_fail(why, BL_FORBIDDEN, "device '%s' is held (release its holds first)",
			       device->id);
	if (!device->destroy_when_due)
		return bl_fail(why, BL_FORBIDDEN,
			       "the image of '%s' was not given to Bailee to destroy (enrol with "
			       "--destroy-when-due)",
			       device->id);
	return plan->is_ripe ? BL_OK : say_not_ripe(context, device, plan, why);
}

/* Files may have come beside it since it was enrolled: to destroy one of several would say more than is done. */
static enum bl_status check_lone(const struct shred *shred, int fd, struct bl_error *why)
{
	BL_CLEANUP(container_free) struct container *container = NULL;
	enum bl_status status = container_open_beside(fd, shred->device.source, &container, NULL);

	if (status == BL_NO_MEMORY)
		return bl_fail(why, status, "out of memory");
	if (status != BL_OK || container->count == 1)
		return BL_OK;
	return bl_fail(why, BL_FORBIDDEN,
		       "the image of '%s' lies in %zu files now, and was enrolled as one (take "
		       "the others away, or take it in: bailee intake --destroy-source)",
		       shred->device.id, container->count);
}

static enum bl_status open_plain(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	BL_CLEANUP(fd_close) int fd = -1;
	enum bl_status status = device_open_source(&shred->device, O_RDWR, &fd, why);

	if (status == BL_OK)
		status = check_lone(shred, fd, why);
	if (status == BL_OK)
		status = medium_check_file(fd, why);
	if (status == BL_OK)
		status = journal_files(journal, 1, why);
	if (status == BL_OK)
		journal->files[0].fd = fd_take(&fd);
	return status;
}

static enum bl_status describe_plain(struct shred *shred, struct bl_error *why)
{
	struct journal *journal = &shred->journal;
	struct shred_file *file = &journal->files[0];

	snprintf(file->path, sizeof(file->path), "%s", shred->device.source);

	enum bl_status status = files_add(file, file->fd, why);

	if (status != BL_OK)
		return status;
	journal->size = file->size;
	journal->is_complete = true;
	storage_look(file->fd, &journal->image);
	keys_describe(shred);
	return files_digest(journal, why);
}

/* What can be refused comes first; that it is due is the first thing that is written down. */
static enum bl_status begin_whole(struct shred *shred, struct bl_error *why)
{
	const struct retention_context *context = shred->context;
	bool is_sealed = shred->device.source_kind == SOURCE_SEALED;
	struct retention_plan plan;

	shred->journal.kind = is_sealed ? SHRED_SEALED : SHRED_PLAIN;
	retention_plan_of(context->store, context->policy, &shred->device, &context->now, &plan);

	enum bl_status status = check_allowed(context, &shred->device, &plan, why);

	if (status == BL_OK && !is_sealed)
		status = open_plain(shred, why);
	if (status == BL_OK)
		status = device_set_state(context->store, shred->device.id, STATE_DUE,
					  context->now.trusted_unix, why);
	if (status != BL_OK)
		return status;
	shred_describe(shred, &plan);
	if (!is_sealed)
		return describe_plain(shred, why);
	keys_describe(shred);
	sealed_describe(shred);
	return BL_OK;
}

static enum bl_status shred_whole(const struct retention_context *context, const char *id,
				  struct bl_error *why)
{
	SHRED_CLEANUP struct shred shred;
	enum bl_status status = recover_one(context, id, SHRED_PLAIN, why);

	shred_init(&shred, context, SHRED_PLAIN);
	if (status != BL_NOT_FOUND)
		return status;
	/* A part that cannot be ended ends with the whole. */
	(void)!recover_one(context, id, SHRED_PART, NULL);
	status = device_find(context->store, id, &shred.device, why);
	if (status == BL_OK)
		status = device_folder(context->store, id, &shred.folder, why);
	if (status == BL_OK)
		status = begin_whole(&shred, why);
	if (status == BL_OK)
		status = device_find(context->store, id, &shred.device, why);
	return status == BL_OK ? machine_run(&shred, why) : status;
}

/* ---- a part --------------------------------------------------------------------------------------------- */

static enum bl_status shred_part(const struct retention_context *context, const char *id,
				 const struct part_request *request, struct bl_error *why)
{
	SHRED_CLEANUP struct shred shred;
	enum bl_status status = recover_one(context, id, SHRED_PART, why);

	shred_init(&shred, context, SHRED_PART);
	if (status != BL_OK && status != BL_NOT_FOUND)
		return status;
	status = device_find(context->store, id, &shred.device, why);
	if (status == BL_OK)
		status = device_folder(context->store, id, &shred.folder, why);
	if (status == BL_OK)
		status = part_begin(&shred, request, why);
	if (status == BL_OK)
		status = machine_run(&shred, why);
	if (status != BL_OK)
		return status;
	*request->out_files = shred.journal.matched;
	*request->out_number = shred.journal.number;
	return BL_OK;
}

/* ---- one thread at a time ---------------------------------------------------------------------------------- */

enum bl_status retention_shred(const struct retention_context *context, const char *id,
			       struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = shred_whole(context, id, why);
	device_shred_unclaim(context->store, id);
	return status;
}

enum bl_status part_shred(const struct retention_context *context, const char *id,
			  const struct part_request *request, struct bl_error *why)
{
	enum bl_status status = device_shred_claim(context->store, id, why);

	if (status != BL_OK)
		return status;
	status = shred_part(context, id, request, why);
	device_shred_unclaim(context->store, id);
	return status;
}

enum bl_status retention_part_shred(const struct retention_context *context, const char *id,
				    const char *const *patterns, size_t count, uint64_t *out_files,
				    uint32_t *out_number, struct bl_error *why)
{
	const struct part_request request = {
		.patterns = patterns,
		.count = count,
		.out_files = out_files,
		.out_number = out_number,
	};

	return part_shred(context, id, &request, why);
}
